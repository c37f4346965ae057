"""`Receipt`: what the caller holds for one event, from acceptance to its outcome.

Rules. It costs no future until it is awaited. Awaiting it never raises for a bad outcome, and
cancelling the wait never cancels the delivery. It can be awaited in any loop, and waited for in
any thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Generator
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..errors import HellotextError, NotSent, WrongLoop
from .entry import Entry, More, end_of, id_of, watch
from .outcome import Outcome

if TYPE_CHECKING:
    from .._events.event import Event
    from .entry import Watcher

    Ending = asyncio.Future[Any] | concurrent.futures.Future[Any]

__all__ = ["Receipt", "dropped", "on_accepted"]


LOOK: Final = 1.0
"""Seconds between two looks of a waiting thread at whether the loop is still there."""


class Receipt(msgspec.Struct, eq=False, weakref=True):
    """One event that a queue took. ``await receipt`` gives its `Outcome`."""

    _entry: Entry
    _loop: asyncio.AbstractEventLoop

    @property
    def event_id(self) -> str:
        """The caller's id of the event, else one made for it."""
        return id_of(self._entry)

    @property
    def action(self) -> str:
        """The event's action."""
        return self._entry.action

    @property
    def outcome(self) -> Outcome | None:
        """The outcome, if there is one yet."""
        end = end_of(self._entry)
        return end if isinstance(end, Outcome) else None

    def done(self) -> bool:
        """Whether there is anything more to wait for."""
        return self._entry.over

    @property
    def stored(self) -> bool:
        """Whether a spool has it durable (a queue in memory has nothing to store)."""
        return self._entry.key > 0

    async def accepted(self) -> None:
        """Return when the event is accepted; SpoolError if it cannot be. In memory it is at once."""
        if self._entry.state in ("offered", "pending", "stored"):
            await self._until(_Accepted)
        if self._entry.state == "refused":
            raise _error(self._entry)

    def __await__(self) -> Generator[Any, None, Outcome]:
        return self._wait().__await__()

    async def _wait(self) -> Outcome:
        if not self._entry.over:
            await self._until(_Ended)
        return _result(self._entry)

    async def _until(self, waiter: type[_Ended]) -> None:
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            future = loop.create_future()
            watch(self._entry, waiter(future))
            await future
        else:
            await asyncio.wrap_future(self._elsewhere(waiter))

    def wait(self, timeout: float | None = None) -> Outcome:
        """The outcome, waited for in a thread that is not the queue's loop's; TimeoutError after `timeout` seconds.

        Raises QueueClosed if the event is kept in a spool, WrongLoop in the loop's own thread.
        """
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            raise WrongLoop("wait() would hold the queue's own loop: await the receipt")
        if not self._entry.over:
            self._wait_in_thread(timeout)
        return _result(self._entry)

    def _wait_in_thread(self, timeout: float | None) -> None:
        """As long as the loop runs: one that ended before it took the call never answers."""
        until = inf if timeout is None else time.monotonic() + timeout
        future = self._elsewhere(_Ended)
        while not (future.done() or self._entry.over):
            try:
                future.result(max(0.0, min(LOOK, until - time.monotonic())))
            except TimeoutError:
                if time.monotonic() >= until:
                    raise
            if self._loop.is_closed() and not self._entry.over:
                raise _loop_closed()

    def watched_by(self, watcher: Watcher) -> None:
        """Let `watcher` know what becomes of the event, at once if it has its end."""
        watch(self._entry, watcher)

    def _elsewhere(self, waiter: type[_Ended]) -> concurrent.futures.Future[None]:
        future: concurrent.futures.Future[None] = concurrent.futures.Future()
        try:
            self._loop.call_soon_threadsafe(watch, self._entry, waiter(future))
        except RuntimeError:
            raise _loop_closed() from None
        return future

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("action", self.action), ("done", self.done())]

    def __repr__(self) -> str:
        state = self.outcome.verdict if self.outcome else "ended" if self.done() else "waiting"
        return f"Receipt({self.action!r}, {state})"


def dropped(event: Event, context: object, loop: asyncio.AbstractEventLoop) -> Receipt:
    """The receipt of an event that `before_send` does not want: it was never accepted."""
    entry = Entry(event.action, b"", None, "at_most_once", 0.0, "refused", More(event.event_id))
    error = NotSent("dropped by before_send", attempts=0)
    entry.end = Outcome(
        verdict="abandoned", event_id=id_of(entry), action=entry.action, attempts=0, error=error, context=context
    )
    return Receipt(entry, loop)


def _loop_closed() -> WrongLoop:
    return WrongLoop("the loop of this event's queue is closed")


class _Ended:
    """A future that is done at the event's end."""

    __slots__ = ("_future",)

    def __init__(self, future: Ending) -> None:
        self._future = future

    @property
    def over(self) -> bool:
        """Whether it waits no more."""
        return self._future.done()

    def accepted(self, entry: Entry, /) -> None:
        """Wait on."""

    def ended(self, entry: Entry, /) -> None:
        """Done."""
        _done(self._future)


class _Accepted(_Ended):
    """A future that is done when the event is accepted, or will never be."""

    __slots__ = ()

    def accepted(self, entry: Entry, /) -> None:
        """Done."""
        _done(self._future)


def on_accepted(entry: Entry, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
    """Done when the event is stored, accepted, or will never be."""
    future: asyncio.Future[None] = loop.create_future()
    watch(entry, _Accepted(future))
    return future


def _done(future: Ending) -> None:
    if isinstance(future, asyncio.Future) and future.get_loop().is_closed():
        return  # a closed loop wakes no task
    if not future.done():
        with suppress(concurrent.futures.InvalidStateError):  # a thread's may have been cancelled just now
            future.set_result(None)


def _result(entry: Entry) -> Outcome:
    end = end_of(entry)
    if isinstance(end, Outcome):
        return end
    raise _error(entry)


def _error(entry: Entry) -> HellotextError:
    if isinstance(entry.end, HellotextError):
        return entry.end
    raise AssertionError("an event without an end")
