"""What a buffer that outlives the process does for the queue; without one, events live in memory."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..errors import HellotextError, SpoolError
    from .outcome import Outcome
    from .receipt import Receipt

__all__ = ["Journal", "Keeper"]


class Keeper(Protocol):
    """The queue as its journal sees it; every method is called in the queue's loop."""

    def stored(self, receipt: Receipt) -> None:
        """The event is safe."""
        ...

    def refused(self, receipt: Receipt, error: SpoolError) -> None:
        """The event could not be stored and is nowhere."""
        ...

    def repeated(self, receipt: Receipt, first: Receipt | Outcome | None) -> bool:
        """The event's id was accepted before; `first` if the journal knows it. False if nobody does: it is on disk."""
        ...

    def ended(self, receipts: list[Receipt], ends: list[Outcome | float]) -> None:
        """It is safe that these events have ended so."""
        ...

    def unconfirmed(self) -> set[int]:
        """The numbers of stored events that nobody has said yet to be wanted."""
        ...

    def found(self, count: int) -> None:
        """An earlier queue left `count` events: they count as accepted."""
        ...

    def recovered(self, receipts: list[Receipt], doubtful: list[Receipt], damaged: list[Receipt]) -> None:
        """Events come in from disk: to be sent, ones that may have been sent and must not be again, unreadable ones."""
        ...

    def broken(self, error: SpoolError) -> None:
        """The journal cannot go on."""
        ...


class Journal(Protocol):
    """Keeps events until they end. What is asked is done in order, in groups, each safe before it is told."""

    @property
    def overflow(self) -> int:
        """Accepted events that are on disk only."""
        ...

    @property
    def loaded(self) -> int:
        """The number of the newest event that is, or was, in memory."""
        ...

    def begin(self, keeper: Keeper) -> None:
        """Take possession, in the background."""
        ...

    async def opened(self) -> None:
        """Return when possession is taken; SpoolBusy, SpoolError."""
        ...

    def store(self, receipt: Receipt) -> None:
        """Keep a new event; the keeper hears when it is safe."""
        ...

    def withdraw(self, receipt: Receipt) -> None:
        """The stored event is not wanted after all."""
        ...

    def mark(self, receipt: Receipt) -> Awaitable[None]:
        """Done when it is safe that the event is about to be sent."""
        ...

    def unmark(self, receipt: Receipt) -> None:
        """The event waits to be sent again, or was not sent after all."""
        ...

    def end(self, receipt: Receipt, end: Outcome | float) -> None:
        """The event has ended, with a number: delivered at the first attempt, after so many seconds. The keeper
        hears when it is safe that it is not sent again.
        """
        ...

    def forgive(self, event_id: str) -> None:
        """An event that ended badly may be handed in again under its id, from now on."""
        ...

    def set_aside(self, receipt: Receipt) -> None:
        """There is no room for the stored event in memory: it is on disk only from now on."""
        ...

    def refill(self, most: int) -> None:
        """There is room in memory for `most` events: bring them in; the keeper hears."""
        ...

    def leave(self, error: HellotextError) -> None:
        """Tell those who wait for events on disk that they stay there."""
        ...

    async def aclose(self) -> None:
        """Make everything safe and give up possession."""
        ...
