"""Where a queue's events are kept until they end: the protocol that every store speaks, and the store in memory.

Rules. A store answers, it never calls the queue. Everything is asked in the queue's loop and in
batches; what a method promises is so when it returns. `entry.key` belongs to the store. Times are
on the queue's delivery clock. A store that fails raises SpoolError, and is not asked again.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from ..errors import HellotextError
from .entry import Entry
from .letters import reason
from .outcome import Outcome, Verdict

__all__ = ["Appended", "Finish", "LastGroup", "Loaded", "MemoryStore", "Store"]

Appended = Literal["stored", "aside"] | Entry | Outcome | HellotextError
"""What became of a new event: it is stored; or its id waits in the store already, in memory as another entry, or ended
so; or it was refused, and is nowhere."""


class Finish(NamedTuple):
    """How an event ended: its verdict, how many attempts were made, and why, in words that hold no customer's data."""

    verdict: Verdict
    attempts: int
    reason: str = ""
    maybe_duplicated: bool = False

    @classmethod
    def of(cls, outcome: Outcome) -> Finish:
        """What a store keeps of an outcome."""
        return cls(outcome.verdict, outcome.attempts, reason(outcome.error), outcome.maybe_duplicated)


class LastGroup(NamedTuple):
    """What a store made durable last, before its queue died.

    `appended` are events that still wait for their answer, each with it; `ended` are events that it finished.
    """

    appended: Sequence[tuple[Entry, Appended]] = ()
    finished: Sequence[Entry] = ()


class Loaded(msgspec.Struct):
    """One event that comes back from a store: whether it was being sent when it was left, whether it can be read.

    Of a store that several processes share: it `arrived` from another, and was not counted here; or
    another process has it now, `elsewhere`.
    """

    entry: Entry
    was_in_flight: bool = False
    damaged: bool = False
    arrived: bool = False
    elsewhere: bool = False


class Store(Protocol):
    """Keeps events until they end."""

    @property
    def durable(self) -> bool:
        """Whether it outlives the process: an event is accepted when `append` has returned, and kept at the close."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other processes append to it and take from it."""
        ...

    @property
    def lost(self) -> int:
        """Acknowledged events, at least, that it is known to have lost."""
        ...

    async def arrived(self) -> int:
        """When there is something to load that was not appended here: how many events. Only of a shared store."""
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

    def waiting(self) -> Iterable[Entry]:
        """Events that wait here alone and are waited for; one that ends meanwhile may be left out."""
        ...

    def mark(self, entry: Entry) -> Coroutine[Any, Any, float | None]:
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

    async def allow_resubmission(self, event_id: str) -> None:
        """An event that ended badly may be appended again under its id."""
        ...

    def hand_over(self) -> None:
        """Leave to other processes what is not in flight, and take nothing more. Only of a shared store."""
        ...

    async def pause(self, clock: float, *, standing: bool) -> None:
        """The delivery clock stands still from now on, or goes on."""
        ...

    def hurry(self) -> None:
        """The queue closes: what cannot be written at once, as on a full disk, is a failure from now on."""
        ...

    async def close(self, clock: float, *, standing: bool) -> None:
        """Make everything durable and give up possession."""
        ...

    def give_up(self) -> LastGroup | None:
        """The queue has died: finish what is being written, and give up possession, at once and without a loop.

        None: what became of it cannot be known here.
        """
        ...


class MemoryStore:
    """Nothing outlives the process: the entries themselves are all there is."""

    durable = False
    shared = False
    lost = 0

    async def arrived(self) -> int:
        """Nothing does."""
        return 0

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

    def waiting(self) -> Iterable[Entry]:
        """There is nothing."""
        return ()

    async def mark(self, entry: Entry) -> float | None:
        """For ever."""
        return _EVER

    async def requeue(self, entries: Sequence[Entry]) -> None:
        """Nothing to note."""

    async def finish(self, entries: Sequence[Entry], ends: Sequence[Finish | None]) -> None:
        """Nothing to note."""

    async def allow_resubmission(self, event_id: str) -> None:
        """Ids are remembered by the queue alone."""

    def hand_over(self) -> None:
        """There are no others."""

    async def pause(self, clock: float, *, standing: bool) -> None:
        """Nothing to note."""

    def hurry(self) -> None:
        """Nothing is waited for."""

    async def close(self, clock: float, *, standing: bool) -> None:
        """Nothing to give up."""

    def give_up(self) -> LastGroup:
        """Nothing is being written."""
        return LastGroup()


_EVER: Final = float("inf")
_STORED: Final[Appended] = "stored"
