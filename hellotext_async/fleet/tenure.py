"""One shard under one owner and one epoch: what was read of it, what is in flight, and what is to be made durable.

Rules. A tenure ends for good: when the server says that the shard is another's, or when it is given
back. Whatever still refers to it then does nothing more. Nothing is marked in one that is leaving.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from .._clock import boottime
from .commands import Ending, Step
from .record import Mark

__all__ = ["Tenure"]

RECENT: Final = 5.0
"""Seconds for which what was recorded may still be lost by a server that crashes: two under `appendfsync everysec`."""


class Tenure:
    """The lease of a shard, `until` a moment of CLOCK_BOOTTIME."""

    def __init__(self, shard: int, owner: str, epoch: int, until: float) -> None:
        self.shard = shard
        self.owner = owner
        self.epoch = epoch
        self.until = until
        self.alive = True
        self.leaving = False
        self.cursor = "0-0"
        self.left: dict[str, Mark] = {}
        """Marks of earlier owners, until their entries are read."""
        self.entries: dict[str, None] = {}
        """What was read and has not ended, in the stream's order."""
        self.in_flight: dict[str, Mark] = {}
        self._first = Mark(epoch, 1, in_flight=True)
        self._first_text = self._first.text()
        self._marks: dict[str, str] = {}
        self._ends: list[Ending] = []
        self._number = 0
        self._recent: deque[tuple[float, list[Ending]]] = deque()
        self._keep_from: int | None = None
        self.pending = False
        """Whether there is something to make durable."""
        self.under_way = False
        """Marks or ends were sent to the server, which has not answered."""

    @property
    def active(self) -> bool:
        """Whether its events may be marked."""
        return self.alive and not self.leaving

    @property
    def idle(self) -> bool:
        """Whether it can be given back: nothing is in flight, and everything is durable.

        What is under way could be overtaken by the release, and would be refused.
        """
        return not (self.in_flight or self._marks or self._ends or self.under_way)

    def mark(self, entry: str, mark: Mark | None) -> None:
        """Note what is known of an entry's attempts; None: nothing more than that it waits."""
        if mark is not None and mark.in_flight:
            self.in_flight[entry] = mark
        else:
            self.in_flight.pop(entry, None)
        self._marks[entry] = "" if mark is None else mark.text()
        self.pending = True

    def mark_first(self, entry: str) -> None:
        """Note the first attempt of an entry that has no past, as most have none."""
        self.in_flight[entry] = self._first
        self._marks[entry] = self._first_text
        self.pending = True

    def end(self, ending: Ending) -> None:
        """An entry has ended."""
        self.in_flight.pop(ending.entry, None)
        self.entries.pop(ending.entry, None)
        self._marks.pop(ending.entry, None)
        self._ends.append(ending)
        self.pending = True

    def keep_from(self, bucket: int) -> None:
        """Let the server forget the ids of all buckets before this one."""
        self._keep_from = bucket
        self.pending = True

    def lost(self, before: int) -> bool:
        """Whether the server has lost a step, by the one that it knew before the last."""
        return before < self._number - 1

    def note_again(self) -> None:
        """The server may have lost the marks of what is in flight, and what ended lately: note both once more."""
        for entry, mark in self.in_flight.items():
            self._marks.setdefault(entry, mark.text())
        self._ends += [ending for _, endings in self._recent for ending in endings]
        self._recent.clear()
        self.pending = True

    def oldest_ms(self, now_ms: int) -> int | None:
        """When the oldest event of the shard was put (ms of the server's clock); None: it is not known."""
        first = next(iter(self.entries), None)
        if first is not None:
            return int(first.partition("-")[0])
        return now_ms if self.cursor != "0-0" else None

    def step(self) -> Step:
        """What is to be made durable; it is not kept here. It is `under_way` until there is an answer."""
        now = boottime()
        self.under_way = bool(self._marks or self._ends)
        self._number += 1
        step = Step(self.shard, self.owner, self.epoch, self._marks, self._ends, self._keep_from, self._number)
        if self._ends:
            self._recent.append((now, self._ends))
        while self._recent and self._recent[0][0] < now - RECENT:
            self._recent.popleft()
        self._marks, self._ends, self._keep_from, self.pending = {}, [], None, False
        return step
