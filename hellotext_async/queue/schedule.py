"""Which event goes next: first in first out, one in flight per subject, subjects side by side. Pure.

Rules. Only subjects in flight or backing off have an entry. An event whose subject is busy
waits behind it, in order. An event that backs off holds its subject for at most `hold` seconds
of its own failures; then later events of the subject pass, and it goes first again when it is
due. Without ordering no event has a subject.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Final

from .receipt import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .receipt import Receipt

__all__ = ["HOLD", "Schedule"]

HOLD: Final = 30.0
"""Seconds for which an event's own failures hold its subject."""


class Schedule:
    """The events that are accepted and not in flight."""

    def __init__(self, *, hold: float = HOLD) -> None:
        self._hold = hold
        self._ready: deque[Receipt] = deque()
        self._first: deque[Receipt] = deque()
        self._busy: dict[str, deque[Receipt] | None] = {}
        self._due: list[tuple[float, int, Receipt, bool]] = []
        self._tie = count()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, receipt: Receipt) -> None:
        """A newly accepted event."""
        self._size += 1
        self._ready.append(receipt)

    def take(self) -> Receipt | None:
        """The next event that may be sent; its subject is busy from here on."""
        if self._first:
            self._size -= 1
            return self._first.popleft()
        ready, busy = self._ready, self._busy
        while ready:
            receipt = ready.popleft()
            subject = receipt._subject
            if subject is None:
                self._size -= 1
                return receipt
            if subject not in busy:
                busy[subject] = None
                self._size -= 1
                return receipt
            self._behind(subject).append(receipt)
        return None

    def waiting(self) -> bool:
        """Whether `take` may have something; False is certain."""
        return bool(self._first or self._ready)

    def _behind(self, subject: str) -> deque[Receipt]:
        line = self._busy.get(subject)
        if line is None:
            line = self._busy[subject] = deque()
        return line

    def done(self, receipt: Receipt) -> None:
        """An event that was taken has ended; the next of its subject may go."""
        subject = receipt._subject
        if subject is None:
            return
        trouble = receipt._trouble
        if trouble is None or trouble.holds:
            self._pass_on(subject)

    def _pass_on(self, subject: str) -> None:
        line = self._busy[subject]
        if line:
            self._first.append(line.popleft())
        else:
            del self._busy[subject]

    def put_back(self, receipt: Receipt) -> None:
        """An event that was taken has proved nothing of its own: it goes first again, in its place."""
        self._size += 1
        self._first.appendleft(receipt)

    def postpone(self, receipt: Receipt, pause: float, now: float, *, counts: bool = True) -> None:
        """An event that was taken and failed goes again in `pause` seconds and holds its subject until then,
        or until it has held it long enough; during an outage the time does not count.
        """
        self._size += 1
        trouble = receipt._trouble
        if trouble is None:
            trouble = receipt._trouble = Trouble()
        heappush(self._due, (now + pause, next(self._tie), receipt, False))
        if receipt._subject is None or not trouble.holds or not counts:
            return
        left = self._hold - trouble.held
        trouble.held += pause
        if left < pause:
            heappush(self._due, (now + max(0.0, left), next(self._tie), receipt, True))

    def next_due(self) -> float:
        """When `advance` has something to do."""
        return self._due[0][0] if self._due else inf

    def advance(self, now: float) -> None:
        """Bring back what is due, and let pass what was held long enough."""
        while self._due and self._due[0][0] <= now:
            _, _, receipt, release = heappop(self._due)
            if release:
                self._release(receipt)
            elif receipt._body is not None:
                self._return(receipt)

    def _release(self, receipt: Receipt) -> None:
        trouble, subject = receipt._trouble, receipt._subject
        if trouble is not None and trouble.holds and subject is not None:
            trouble.holds = False
            self._pass_on(subject)

    def _return(self, receipt: Receipt) -> None:
        trouble, subject = receipt._trouble, receipt._subject
        if subject is None or trouble is None or trouble.holds:
            self._first.append(receipt)
            return
        trouble.holds = True
        if subject in self._busy:
            self._behind(subject).appendleft(receipt)
        else:
            self._busy[subject] = None
            self._first.append(receipt)

    def oldest(self) -> float:
        """When the event that waits longest was accepted; inf if none waits."""
        ready, due = self._ready, self._due
        lines = (line[0]._at for line in self._busy.values() if line)
        return min(
            ready[0]._at if ready else inf,
            min((receipt._at for receipt in self._first), default=inf),
            min(lines, default=inf),
            min((receipt._at for _, _, receipt, release in due if not release), default=inf),
        )

    def expired(self, until: float) -> list[Receipt]:
        """Take out every event that was accepted at `until` or before."""
        found = [*_shed(self._ready, until), *self._expired_first(until)]
        for line in self._busy.values():
            if line:
                found += _shed(line, until)
        found += self._expired_due(until)
        self._size -= len(found)
        return found

    def _expired_first(self, until: float) -> list[Receipt]:
        old = [receipt for receipt in self._first if receipt._at <= until]
        for receipt in old:
            self._first.remove(receipt)
            self.done(receipt)
        return old

    def _expired_due(self, until: float) -> list[Receipt]:
        old = [receipt for _, _, receipt, release in self._due if receipt._at <= until and not release]
        if old:
            self._due = [entry for entry in self._due if entry[2]._at > until]
            heapify(self._due)
            for receipt in old:
                self.done(receipt)
        return old

    def drain(self) -> list[Receipt]:
        """Take out everything."""
        found = list(self)
        self._ready.clear()
        self._first.clear()
        self._busy.clear()
        self._due.clear()
        self._size = 0
        return found

    def __iter__(self) -> Iterator[Receipt]:
        """Every event that waits, in no promised order."""
        yield from self._first
        yield from self._ready
        for line in self._busy.values():
            yield from line or ()
        for _, _, receipt, release in self._due:
            if not release:
                yield receipt


def _shed(line: deque[Receipt], until: float) -> Iterator[Receipt]:
    while line and line[0]._at <= until:
        yield line.popleft()
