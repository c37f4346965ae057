"""`Producer`: takes events for a stream and says when the server has them; other processes deliver them.

Rules. Accepted is what the server replied to. What is handed over in one turn of the loop goes in
one command; the next waits for its reply, so that events keep their order. A producer belongs to
the loop and the process that opened it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, Unpack
from weakref import WeakValueDictionary

import anyio

from .. import _process
from .._callbacks import awaited
from .._clock import time_of
from .._events.prepare import Prepared, prepare, prepare_event
from ..config import check_choice
from ..errors import ConfigurationError, Forked, InvalidParameter, QueueClosed, QueueFull, WrongLoop, in_another_loop
from ..queue.bulk import OnEnd, OnInvalid, Stream, deliver
from ..queue.entry import Entry, More, new_id
from ..queue.outcome import Outcome
from ..queue.receipt import Receipt
from .appender import Appender
from .commands import OVERHEAD
from .outbox import Outbox
from .recall import Recall
from .record import outcome_from

if TYPE_CHECKING:
    from .._events.event import Event
    from .._events.fields import EventFields
    from ..config import EventFormat
    from .commands import Commands
    from .location import StreamLocation

__all__ = ["Producer"]

CLOSE: Final = 10.0
"""Seconds that closing waits for replies."""


class Producer:
    """Enqueues events. ``stream.producer()`` makes one.

    >>> async with stream.producer() as producer:
    ...     receipt = await producer.put("order.placed", order="wx4Vn4no", profile="MzYwlE50")
    """

    def __init__(
        self,
        stream: StreamLocation,
        *,
        full: Literal["wait", "raise"],
        timeout: float,
        capacity: int,
        event_format: EventFormat,
        strict: bool,
        wall: Callable[[], float] = time.time,
    ) -> None:
        check_choice(full, ("wait", "raise"), "full")
        if not isinstance(timeout, (int, float)) or isinstance(timeout, bool) or not timeout > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("timeout: expected seconds above 0")
        if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("capacity: expected a whole number from 1")
        check_choice(event_format, ("typed", "object"), "event_format")
        self._stream = stream
        self._waits = full == "wait"
        self._timeout = float(timeout)
        self._capacity = capacity
        self._event_format: EventFormat = event_format
        self._strict = strict
        self._wall = wall
        self._most_bytes = stream.limits.shard_bytes - OVERHEAD
        self._process = _process.current_process
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receipts: WeakValueDictionary[str, Receipt] = WeakValueDictionary()
        self._closed = False

    # Its life.

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise WrongLoop("a producer is opened once")
        self._commands: Commands = await self._stream.connect()
        self._loop = asyncio.get_running_loop()
        self._now = time_of(self._loop)
        self._process = _process.current_process
        self._recall = Recall(self._commands)
        appender = Appender(self._commands, self._stream.losses, self._timeout)
        self._outbox = Outbox(appender, self._stream.layout, self._recall.follow, wait_for_room=self._waits)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.aclose()

    async def aclose(self) -> None:
        """Take nothing more, wait up to 10 s for replies, and close; what got none by then is NotAccepted."""
        if self._closed or self._loop is None or self._process is not _process.current_process:
            self._closed = True  # a forked child lets go of what is its parent's
            return
        self._closed = True
        await self._outbox.aclose(CLOSE)
        await self._recall.aclose()
        await self._commands.link.aclose()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._process is not _process.current_process:
            raise Forked("this producer was opened before a fork; make one in the child")
        if self._closed:
            raise QueueClosed("the producer is closed")
        if self._loop is None:
            raise QueueClosed("the producer is not open: use it with 'async with'")
        if self._outbox.closed:
            raise QueueClosed("the producer has ended: its task was cancelled")
        if asyncio._get_running_loop() is not self._loop:
            raise in_another_loop("producer", "run_sync")
        return self._loop

    # Taking events.

    def track(self, action: str | Event, /, *, context: object = None, **fields: Unpack[EventFields]) -> Receipt:
        """Hand over one event; ``await receipt.accepted()`` returns when the server has it.

        QueueFull if `capacity` events wait for the server's reply. Raises InvalidParameter naming the field.
        """
        return self._enter(self._prepare(action, fields), context)

    @awaited
    def put(
        self, action: str | Event, /, *, context: object = None, **fields: Unpack[EventFields]
    ) -> Coroutine[Any, Any, Receipt]:
        """Hand over one event and return its receipt when the server has it.

        NotAccepted if the server did not answer in time: the event may have been accepted, and putting it
        again under the same `event_id` is safe. QueueFull if the stream is full and the producer raises
        then. Cancelled, the event may have been accepted as well.
        """
        self._running()
        return self._put(self._prepare(action, fields), context)

    def deliver(
        self, events: Stream, *, on_invalid: OnInvalid | None = None, on_end: OnEnd | None = None
    ) -> AsyncGenerator[Outcome, None]:
        """Hand over any iterable or async iterable of events, and yield outcomes as the workers come to them."""
        return deliver(self, events, most=min(self._capacity, 2048), on_invalid=on_invalid, on_end=on_end)

    def enqueue(self, action: str, fields: Mapping[str, Any], context: object = None) -> Receipt:
        """`track` for an action and its fields in a mapping."""
        return self._enter(self._prepare(action, fields), context)

    async def put_fields(self, action: str, fields: Mapping[str, Any], context: object = None) -> Receipt:
        """`put` for an action and its fields in a mapping."""
        return await self._put(self._prepare(action, fields), context)

    async def outcome(self, event_id: str) -> Outcome | None:
        """What became of an event, by its id, whichever process put or delivered it; None if it has no outcome.

        Ids are remembered for the stream's window, without the event's action and error. Many ids are best
        asked for at once (``asyncio.gather``): they go to the server together.
        """
        self._running()
        found = await self._recall.anywhere(event_id)
        return None if found is None else outcome_from(found, event_id, "")

    @property
    def accepted(self) -> int:
        """Events that the server acknowledged to this producer."""
        return 0 if self._loop is None else self._outbox.accepted

    def _prepare(self, action: str | Event, fields: Mapping[str, Any]) -> Prepared:
        if isinstance(action, str):
            ready = prepare(action, fields, self._event_format, self._wall(), strict=self._strict)
        elif fields:
            raise InvalidParameter(next(iter(fields)), "an Event has its fields already")
        else:
            ready = prepare_event(action.body(), self._event_format, self._wall(), strict=self._strict)
        if len(ready.body) + 1024 > self._most_bytes:
            raise InvalidParameter("event", f"larger than a shard of the stream ({self._most_bytes} bytes)")
        return ready

    def _enter(self, ready: Prepared, context: object) -> Receipt:
        loop = self._running()
        if len(self._outbox.pending) >= self._capacity:
            raise QueueFull(f"{self._capacity} events wait for the server's reply; put() waits")
        return self._add(ready, context, loop)

    def _add(self, ready: Prepared, context: object, loop: asyncio.AbstractEventLoop) -> Receipt:
        event_id = ready.event_id
        known = None if event_id is None else self._receipts.get(event_id)
        if known is not None and known._entry.state in ("pending", "aside"):  # pyright: ignore[reportPrivateUsage]
            return known
        more = More(event_id or new_id(), event_id is not None, context=context)
        entry = Entry(ready.action, ready.body, ready.subject, ready.idempotency, self._now(), more=more)
        receipt = Receipt(entry, loop)
        if event_id is not None:
            self._receipts[event_id] = receipt
        self._outbox.add(entry)
        return receipt

    async def _put(self, ready: Prepared, context: object) -> Receipt:
        loop = self._running()
        while len(self._outbox.pending) >= self._capacity:
            await self._outbox.change()
            loop = self._running()
        receipt = self._add(ready, context, loop)
        await receipt.accepted()
        return receipt

    def __repr__(self) -> str:
        return f"Producer({self._stream.name!r}, {'closed' if self._closed else 'open' if self._loop else 'new'})"
