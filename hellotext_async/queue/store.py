"""Where a queue's events are kept until they end: the protocol that every store speaks, and the store in memory.

Rules. A store answers, it never calls the queue. Everything is asked in the queue's loop and in
batches; what a method promises is so when it returns. `entry.key` belongs to the store. Times are
on the queue's delivery clock. A store that fails raises SpoolError, and is not asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec

from ..errors import HellotextError
from .entry import Entry
from .outcome import Outcome, Verdict

__all__ = ["Appended", "Finish", "Loaded", "MemoryStore", "Store"]

Appended = Literal["stored", "aside"] | Entry | Outcome | HellotextError
"""What became of a new event: it is stored; or its id waits in the store already, in memory as another entry, or ended
so; or it was refused, and is nowhere."""


Finish = tuple[Verdict, int]
"""How an event ended: its verdict, and how many attempts were made."""


class Loaded(msgspec.Struct):
    """One event that comes back from a store: whether it was being sent when it was left, whether it can be read."""

    entry: Entry
    was_in_flight: bool = False
    damaged: bool = False


class Store(Protocol):
    """Keeps events until they end."""

    @property
    def durable(self) -> bool:
        """Whether it outlives the process: an event is accepted when `append` has returned, and kept at the close."""
        ...

    async def open(self, clock: float) -> int:
        """Take possession; how many events it holds. They come by `load`. SpoolBusy, SpoolError."""
        ...

    async def append(self, entries: Sequence[Entry]) -> Sequence[Appended]:
        """Keep new events; one answer each, in order."""
        ...

    def place(self, entry: Entry, *, crowded: bool) -> bool:
        """A stored event is accepted: whether it waits here alone, without a place in memory, and comes back by
        `load` in its turn; `crowded`: there had better be no place for it.
        """
        ...

    async def load(self, most: int, most_bytes: int) -> Sequence[Loaded]:
        """The next events that wait here alone, in order: up to `most`, of about `most_bytes`; none if none do."""
        ...

    def waiting(self) -> Sequence[Entry]:
        """Events that wait here alone and are waited for by somebody."""
        ...

    async def mark(self, entry: Entry) -> float | None:
        """It is durable that the event is about to be sent: until when it may be written to the socket (seconds of
        CLOCK_BOOTTIME, inf for ever), or None: it is not ours any more, and kept elsewhere.
        """
        ...

    async def requeue(self, entries: Sequence[Entry]) -> None:
        """Events that were marked wait to be sent again, with what is known of their attempts."""
        ...

    async def finish(self, entries: Sequence[Entry], ends: Sequence[Finish | None]) -> None:
        """The events have ended, and are never sent again; without an end they were not wanted after all."""
        ...

    async def forget(self, event_id: str) -> None:
        """An event that ended badly may be appended again under its id."""
        ...

    async def pause(self, clock: float, *, standing: bool) -> None:
        """The delivery clock stands still from now on, or goes on."""
        ...

    async def close(self, clock: float, *, standing: bool) -> None:
        """Make everything durable and give up possession."""
        ...


class MemoryStore:
    """Nothing outlives the process: the entries themselves are all there is."""

    durable = False

    async def open(self, clock: float) -> int:
        """There is nothing."""
        return 0

    async def append(self, entries: Sequence[Entry]) -> Sequence[Appended]:
        """They are where they are."""
        return [_STORED for _ in entries]

    def place(self, entry: Entry, *, crowded: bool) -> bool:
        """There is no other place."""
        return False

    async def load(self, most: int, most_bytes: int) -> Sequence[Loaded]:
        """There is nothing."""
        return ()

    def waiting(self) -> Sequence[Entry]:
        """There is nothing."""
        return ()

    async def mark(self, entry: Entry) -> float | None:
        """For ever."""
        return _EVER

    async def requeue(self, entries: Sequence[Entry]) -> None:
        """Nothing to note."""

    async def finish(self, entries: Sequence[Entry], ends: Sequence[Finish | None]) -> None:
        """Nothing to note."""

    async def forget(self, event_id: str) -> None:
        """Ids are remembered by the queue alone."""

    async def pause(self, clock: float, *, standing: bool) -> None:
        """Nothing to note."""

    async def close(self, clock: float, *, standing: bool) -> None:
        """Nothing to give up."""


_EVER: Final = float("inf")
_STORED: Final[Appended] = "stored"
