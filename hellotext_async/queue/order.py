"""Which event goes next: first in first out, one in flight per subject, subjects side by side. Pure.

Rules. Only subjects in flight or backing off are remembered. An event whose subject is busy
waits behind it, in order. An event that backs off holds its subject for at most `hold` seconds
of its own failures; then later events of the subject pass, and it goes first again when it is
due. One that was throttled, or failed in an outage, goes to the back and keeps its subject: others find
out first whether the server takes requests. When some were delivered, each delivery brings back one: if
they are refused again, most of what is sent is others'. Without ordering no event has a subject.
"""

from __future__ import annotations

import sys
from collections import deque
from heapq import heapify, heappop, heappush
from itertools import chain, count, islice
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .entry import Entry

__all__ = ["HOLD", "Order"]

HOLD: Final = 30.0
"""Seconds for which an event's own failures hold its subject."""
OTHERS: Final = 3
"""Deliveries of others, since the last came to the back, after which each one brings one back."""


class Order:
    """The events that are accepted, in memory and not in flight."""

    def __init__(self, *, hold: float = HOLD) -> None:
        self._hold = hold
        self._first: deque[Entry] = deque()
        self._ready: deque[Entry] = deque()
        self._back: deque[Entry] = deque()
        self._busy: dict[str, deque[Entry] | None] = {}
        self._due: list[tuple[float, int, Entry, bool]] = []
        self._tie = count()
        self._size = 0
        self._others = 0

    def __len__(self) -> int:
        return self._size

    def add(self, entry: Entry) -> None:
        """A newly accepted event."""
        self._size += 1
        self._ready.append(entry)

    def take(self) -> Entry | None:
        """The next event that may be sent; its subject is busy from here on."""
        if self._first:
            self._size -= 1
            return self._first.popleft()
        ready, busy = self._ready, self._busy
        while ready:
            entry = ready.popleft()
            subject = entry.subject
            if subject is None:
                self._size -= 1
                return entry
            if subject not in busy:
                busy[subject] = None
                self._size -= 1
                return entry
            self._behind(subject).append(entry)
        if self._back:
            self._size -= 1
            return self._back.popleft()
        return None

    def waiting(self) -> bool:
        """Whether `take` may have something; False is certain."""
        return bool(self._first or self._ready or self._back)

    def _behind(self, subject: str) -> deque[Entry]:
        queue = self._busy.get(subject)
        if queue is None:
            queue = self._busy[subject] = deque()
        return queue

    def release(self, entry: Entry, *, delivered: bool = False) -> None:
        """An event that was taken has ended; the next of its subject may go.

        If it was `delivered`, one of those that wait at the back may find out whether the server takes theirs.
        """
        if delivered and self._back:
            self._others += 1
            if self._others >= OTHERS:
                self._first.append(self._back.popleft())
        subject, more = entry.subject, entry.more
        if subject is None or not (more is None or more.history is None or more.history.blocks_subject):
            return
        queue = self._busy[subject]
        if queue:
            self._first.append(queue.popleft())
        else:
            del self._busy[subject]

    def requeue(self, entry: Entry, *, front: bool = True) -> None:
        """An event that was taken goes again: next, in its place, or after all others for a while."""
        self._size += 1
        if front:
            self._first.appendleft(entry)
        else:
            self._back.append(entry)
            self._others = 0

    def delay(self, entry: Entry, pause: float, now: float) -> None:
        """An event that was taken goes again in `pause` seconds; its subject is held until then, or long enough."""
        self._size += 1
        history = entry.history
        if history is None:
            raise AssertionError("an event that backs off has an attempt")
        heappush(self._due, (now + pause, next(self._tie), entry, False))
        if entry.subject is None or not history.blocks_subject:
            return
        left = self._hold - history.blocked_for
        history.blocked_for += pause
        if left < pause:
            heappush(self._due, (now + max(0.0, left), next(self._tie), entry, True))

    def next_due(self) -> float:
        """When `advance` has something to do."""
        return self._due[0][0] if self._due else inf

    def advance(self, now: float) -> None:
        """Bring back what is due, and let pass what was held long enough."""
        while self._due and self._due[0][0] <= now:
            _, _, entry, release = heappop(self._due)
            if not release:
                self._return(entry)
            elif entry.history is not None and not entry.over:
                self.release(entry)
                entry.history.blocks_subject = False

    def _return(self, entry: Entry) -> None:
        history, subject = entry.history, entry.subject
        if subject is None or history is None or history.blocks_subject:
            self._first.append(entry)
            return
        history.blocks_subject = True
        if subject in self._busy:
            self._behind(subject).appendleft(entry)
        else:
            self._busy[subject] = None
            self._first.append(entry)

    def oldest(self) -> float:
        """When the event that waits longest was accepted; inf if none waits."""
        queues = (queue[0].at for queue in self._busy.values() if queue)
        return min(
            self._ready[0].at if self._ready else inf,
            min(queues, default=inf),
            min((entry.at for entry in chain(self._first, self._back, self._delayed())), default=inf),
        )

    def _delayed(self) -> Iterator[Entry]:
        return (entry for _, _, entry, release in self._due if not release)

    def remove(self, late: Callable[[Entry], bool], most: int = sys.maxsize) -> list[Entry]:
        """Take out the events that are `late`, up to `most`; queues in order of acceptance are looked at no further
        than needed.
        """
        found = list(islice(_pop_late(self._ready, late), most))
        for queue in self._busy.values():
            if queue:
                found += islice(_pop_late(queue, late), most - len(found))
        others = chain(self._first, self._back, self._delayed())
        taken = list(islice((entry for entry in others if late(entry)), most - len(found)))
        if taken:
            gone = set(taken)
            self._first = deque(entry for entry in self._first if entry not in gone)
            self._back = deque(entry for entry in self._back if entry not in gone)
            self._due = [due for due in self._due if due[2] not in gone]
            heapify(self._due)
        for entry in taken:
            self.release(entry)
        self._size -= len(found) + len(taken)
        return found + taken

    def drain(self) -> list[Entry]:
        """Take out everything."""
        found = list(self)
        for queue in (self._first, self._ready, self._back):
            queue.clear()
        self._busy.clear()
        self._due.clear()
        self._size = 0
        return found

    def __iter__(self) -> Iterator[Entry]:
        """Every event that waits, in no promised order."""
        queues = (queue for queue in self._busy.values() if queue)
        return chain(self._first, self._ready, self._back, chain.from_iterable(queues), self._delayed())


def _pop_late(queue: deque[Entry], late: Callable[[Entry], bool]) -> Iterator[Entry]:
    while queue and late(queue[0]):
        yield queue.popleft()
