"""Bulk delivery: any stream of events in, their outcomes out as they end, with bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from .._callbacks import call_back, check_callable
from .._events.event import Event, fields_of
from ..errors import HellotextError, InvalidParameter, QueueFull
from .entry import end_of
from .outcome import Outcome
from .tasks import shielded, wake

if TYPE_CHECKING:
    from .entry import Entry
    from .receipt import Receipt

__all__ = ["OnEnd", "OnInvalid", "Stream", "SupportsEnqueue", "deliver"]

Item = Event | Mapping[str, Any]
Stream = Iterable[Item] | AsyncIterable[Item]
OnEnd = Callable[[Outcome], object]
OnInvalid = Callable[[Item, InvalidParameter], object]

TURN: Final = 64
"""Events handed over before the loop gets a turn, and fetched before more are let in."""


class SupportsEnqueue(Protocol):
    """What takes events one by one: the queue."""

    def track(self, action: Event, /, *, context: object = None) -> Receipt:
        """Take an Event at once; QueueFull."""
        ...

    def enqueue(self, action: str, fields: Mapping[str, Any], context: object = None) -> Receipt:
        """Take one at once; QueueFull, InvalidParameter."""
        ...

    async def put_fields(self, action: str, fields: Mapping[str, Any], context: object = None) -> Receipt:
        """Take one as soon as there is room."""
        ...


class _Window:
    """The events of one `deliver` that are under way, and the outcomes that are not fetched yet."""

    over = False

    def __init__(self, most: int, on_end: OnEnd | None) -> None:
        self._on_end = on_end
        self._most = most
        self._low = most - min(TURN, (most + 1) // 2)
        self._under_way = 0
        self._unfetched: deque[Outcome] = deque()
        self._change: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._fed = False
        self.error: HellotextError | None = None

    # For the task that feeds.

    def add(self, receipt: Receipt) -> None:
        """One more is under way."""
        self._under_way += 1
        receipt.watched_by(self)

    def accepted(self, entry: Entry, /) -> None:
        """It is under way all the same."""

    def ended(self, entry: Entry, /) -> None:
        """It is not any more."""
        self._under_way -= 1
        end = end_of(entry)
        if isinstance(end, Outcome):
            self._unfetched.append(end)
            if self._on_end is not None:
                call_back("on_end", self._on_end, end)
        else:
            self.error = end
        self._wake_reader()

    @property
    def full(self) -> bool:
        """Whether no more may be under way."""
        return self._under_way + len(self._unfetched) >= self._most

    async def room(self) -> None:
        """Return when one more may be under way."""
        self._room = asyncio.get_running_loop().create_future()
        await self._room

    def fed(self, _: object) -> None:
        """There is nothing more to come."""
        self._fed = True
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._change is not None:
            wake(self._change)
            self._change = None

    # For the caller that fetches.

    @property
    def finished(self) -> bool:
        """Whether nothing more is fed, and everything has ended and was fetched."""
        return (self._fed or self.error is not None) and not self._under_way and not self._unfetched

    def fetch(self) -> Iterable[Outcome]:
        while self._unfetched:
            yield self._unfetched.popleft()
            if self._room is not None and self._under_way + len(self._unfetched) <= self._low:
                wake(self._room)
                self._room = None

    async def change(self) -> None:
        """Return when something has ended, or everything is over; nothing is to be fetched now."""
        self._change = asyncio.get_running_loop().create_future()
        await self._change


def deliver(
    queue: SupportsEnqueue, events: Stream, *, most: int, on_invalid: OnInvalid | None, on_end: OnEnd | None = None
) -> AsyncGenerator[Outcome, None]:
    """Feed `events` to `queue`, at most `most` under way, and yield every outcome as soon as there is one.

    An event that is not valid ends the feeding unless `on_invalid` takes it, and so does an error of
    the stream's own; what was accepted before it is still delivered and yielded, and then the error
    is raised. InvalidParameter says which event it was. Events that a closing queue keeps in its
    spool have no outcome: then QueueClosed is raised at the end. Whoever stops fetching stops the
    feeding; the stream is closed in every case. `on_end` is called with every outcome at once,
    fetched or not; what it raises is logged. ConfigurationError if one of them is no plain function.
    """
    on_invalid, on_end = check_callable(on_invalid, "on_invalid"), check_callable(on_end, "on_end")
    return _deliver(queue, events, _Window(most, on_end), on_invalid)


async def _deliver(
    queue: SupportsEnqueue, events: Stream, window: _Window, on_invalid: OnInvalid | None
) -> AsyncGenerator[Outcome, None]:
    # A stream may be slow: outcomes do not wait for its next event.
    feeder = asyncio.create_task(_feed(queue, events, window, on_invalid), name="hellotext bulk feeder")
    feeder.add_done_callback(window.fed)
    try:
        while not window.finished:
            await window.change()
            for outcome in window.fetch():
                yield outcome
    finally:
        with shielded():
            feeder.cancel()
            await asyncio.wait([feeder])
    if window.error is not None:
        raise window.error
    feeder.result()


async def _feed(queue: SupportsEnqueue, events: Stream, window: _Window, on_invalid: OnInvalid | None) -> None:
    """Hand over one event after the other, and close the stream."""
    feeder = _Feeder(queue, window, on_invalid)
    try:
        if isinstance(events, AsyncIterable):
            async for event in events:
                await feeder.feed(event)
        else:
            for event in events:
                await feeder.feed(event)
    finally:
        await _close(events)


class _Feeder:
    """Hands events to a queue, as many as there is room for in the window."""

    def __init__(self, queue: SupportsEnqueue, window: _Window, on_invalid: OnInvalid | None) -> None:
        self._queue = queue
        self._window = window
        self._on_invalid = on_invalid
        self._number = 0

    async def feed(self, event: Item) -> None:
        """Hand over the next event; return when there is room for one more."""
        self._number += 1
        try:
            try:
                receipt = self._enter(event)
            except QueueFull:
                receipt = await self._put(event)
            self._window.add(receipt)
        except InvalidParameter as error:
            error.add_note(f"event number {self._number} of those handed to deliver()")
            if self._on_invalid is None:
                raise
            self._on_invalid(event, error)
        if self._number % TURN == 0:
            await asyncio.sleep(0)
        if self._window.full:
            await self._window.room()

    def _enter(self, event: Item) -> Receipt:
        if isinstance(event, Event):
            return self._queue.track(event)
        return self._queue.enqueue(*_parts(event))

    async def _put(self, event: Item) -> Receipt:
        """Wait for room."""
        if isinstance(event, Event):
            return await self._queue.put_fields(event.action, event.fields)
        return await self._queue.put_fields(*_parts(event))


def _parts(event: Mapping[str, Any]) -> tuple[str, dict[str, Any], object]:
    """The action, the fields and the context of an event in a mapping."""
    fields = fields_of(event)
    return fields.pop("action", ""), fields, fields.pop("context", None)


async def _close(events: Any) -> None:
    if hasattr(events, "aclose"):
        await events.aclose()
    elif hasattr(events, "close"):
        events.close()
