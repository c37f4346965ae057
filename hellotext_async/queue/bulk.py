"""Bulk delivery: any stream of events in, their outcomes out as they end, with bounded memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from .._events.event import Event, fields_of
from ..errors import HellotextError, InvalidParameter, QueueFull

if TYPE_CHECKING:
    from .outcome import Outcome
    from .receipt import Receipt

__all__ = ["Stream", "Taker", "deliver"]

Stream = Iterable[Event | Mapping[str, Any]] | AsyncIterable[Event | Mapping[str, Any]]

TURN: Final = 64
"""Events handed over before the loop gets a turn."""


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
        self._under_way = 0
        self._ended: deque[Outcome] = deque()
        self._change: asyncio.Future[None] | None = None
        self.error: HellotextError | None = None

    def watch(self, receipt: Receipt) -> None:
        self._under_way += 1
        receipt._watch(self._end)

    def _end(self, end: Outcome | HellotextError) -> None:
        self._under_way -= 1
        if isinstance(end, HellotextError):
            self.error = end
        else:
            self._ended.append(end)
        if self._change is not None and not self._change.done():
            self._change.set_result(None)

    @property
    def under_way(self) -> bool:
        return self._under_way > 0 or bool(self._ended)

    def full(self) -> bool:
        return self._under_way + len(self._ended) >= self._most

    def fetch(self) -> Iterable[Outcome]:
        while self._ended:
            yield self._ended.popleft()

    async def change(self) -> None:
        """Return when something has ended that was not fetched."""
        if not self._ended and self._under_way:
            self._change = asyncio.get_running_loop().create_future()
            await self._change


async def deliver(queue: Taker, events: Stream, *, most: int) -> AsyncGenerator[Outcome, None]:
    """Feed `events` to `queue`, at most `most` under way, and yield every outcome.

    An event that is not valid ends the feeding; what was accepted before it is still delivered
    and yielded, and then its InvalidParameter is raised, saying which one it was. Events that a
    closing queue keeps in its spool have no outcome: then QueueClosed is raised at the end.
    """
    window = _Window(most)
    wrong: InvalidParameter | None = None
    number = 0
    async for event in _each(events):
        number += 1
        try:
            window.watch(await _enter(queue, event))
        except InvalidParameter as error:
            error.add_note(f"event number {number} of those handed to deliver()")
            wrong = error
            break
        if window.error is not None:
            break
        if number % TURN == 0:
            await asyncio.sleep(0)
        while window.full():
            await window.change()
            for outcome in window.fetch():
                yield outcome
    while window.under_way:
        await window.change()
        for outcome in window.fetch():
            yield outcome
    if wrong is not None or window.error is not None:
        raise wrong or window.error or AssertionError


async def _each(events: Stream) -> AsyncGenerator[Event | Mapping[str, Any], None]:
    if isinstance(events, AsyncIterable):
        async for event in events:
            yield event
    else:
        for event in events:
            yield event


async def _enter(queue: Taker, event: Event | Mapping[str, Any]) -> Receipt:
    """Hand over one event, waiting for room only if there is none."""
    if isinstance(event, Event):
        action, fields = event.action, event.fields
    else:
        given = fields_of(event)
        action, fields = given.pop("action", ""), given
    try:
        return queue.enqueue(action, fields)
    except QueueFull:
        return await queue.put_fields(action, fields)
