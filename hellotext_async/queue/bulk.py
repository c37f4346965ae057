"""Bulk delivery: any stream of events in, their outcomes out as they end, with bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio

from .._events.event import Event, fields_of
from ..errors import HellotextError, InvalidParameter, QueueFull

if TYPE_CHECKING:
    from .outcome import Outcome
    from .receipt import Receipt

__all__ = ["Stream", "Taker", "deliver"]

Stream = Iterable[Event | Mapping[str, Any]] | AsyncIterable[Event | Mapping[str, Any]]

TURN: Final = 64
"""Events handed over before the loop gets a turn, and fetched before more are let in."""


class Taker(Protocol):
    """What takes events one by one: the queue."""

    def enqueue(self, action: str, fields: Mapping[str, Any]) -> Receipt:
        """Take one at once; QueueFull, InvalidParameter."""
        ...

    async def put_fields(self, action: str, fields: Mapping[str, Any]) -> Receipt:
        """Take one as soon as there is room."""
        ...


class _Window:
    """The events of one `deliver` that are under way, and the outcomes that are not fetched yet."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._low = most - min(TURN, (most + 1) // 2)
        self._under_way = 0
        self._ended: deque[Outcome] = deque()
        self._change: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._fed = False
        self.error: HellotextError | None = None

    # For the one who feeds.

    def watch(self, receipt: Receipt) -> None:
        self._under_way += 1
        receipt._watch(self._end)

    async def room(self) -> None:
        """Return when one more may be under way."""
        if self._under_way + len(self._ended) >= self._most:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def fed(self, _: object) -> None:
        """There is nothing more to come."""
        self._fed = True
        _wake(self._change)

    def _end(self, end: Outcome | HellotextError) -> None:
        self._under_way -= 1
        if isinstance(end, HellotextError):
            self.error = end
        else:
            self._ended.append(end)
        _wake(self._change)

    # For the one who fetches.

    @property
    def over(self) -> bool:
        """Whether nothing more is fed, and everything has ended and was fetched."""
        return (self._fed or self.error is not None) and not self._under_way and not self._ended

    def fetch(self) -> Iterable[Outcome]:
        while self._ended:
            yield self._ended.popleft()
            if self._under_way + len(self._ended) <= self._low:
                _wake(self._room)

    async def change(self) -> None:
        """Return when something has ended that was not fetched, or everything is over."""
        if not self._ended and not self.over:
            self._change = asyncio.get_running_loop().create_future()
            await self._change


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def deliver(queue: Taker, events: Stream, *, most: int) -> AsyncGenerator[Outcome, None]:
    """Feed `events` to `queue`, at most `most` under way, and yield every outcome as soon as there is one.

    An event that is not valid ends the feeding, and so does an error of the stream's own; what was
    accepted before it is still delivered and yielded, and then the error is raised. InvalidParameter
    says which event it was. Events that a closing queue keeps in its spool have no outcome: then
    QueueClosed is raised at the end. Whoever stops fetching stops the feeding.
    """
    window = _Window(most)
    # A stream may be slow: outcomes do not wait for its next event.
    feeder = asyncio.create_task(_feed(queue, events, window), name="hellotext bulk feeder")
    feeder.add_done_callback(window.fed)
    try:
        while not window.over:
            await window.change()
            for outcome in window.fetch():
                yield outcome
    finally:
        with anyio.CancelScope(shield=True):
            feeder.cancel()
            await asyncio.wait([feeder])
    if window.error is not None:
        raise window.error
    feeder.result()


async def _feed(queue: Taker, events: Stream, window: _Window) -> None:
    """Hand over one event after the other."""
    number = 0
    async for event in _each(events):
        number += 1
        window.watch(await _enter(queue, event, number))
        if number % TURN == 0:
            await asyncio.sleep(0)
        await window.room()


async def _each(events: Stream) -> AsyncGenerator[Event | Mapping[str, Any], None]:
    if isinstance(events, AsyncIterable):
        async for event in events:
            yield event
    else:
        for event in events:
            yield event


async def _enter(queue: Taker, event: Event | Mapping[str, Any], number: int) -> Receipt:
    """Hand over one event, waiting for room only if there is none."""
    try:
        if isinstance(event, Event):
            action, fields = event.action, event.fields
        else:
            given = fields_of(event)
            action, fields = given.pop("action", ""), given
        try:
            return queue.enqueue(action, fields)
        except QueueFull:
            return await queue.put_fields(action, fields)
    except InvalidParameter as error:
        error.add_note(f"event number {number} of those handed to deliver()")
        raise
