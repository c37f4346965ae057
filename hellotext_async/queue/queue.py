"""`EventQueue`: events in, receipts out.

Rules. Whatever is accepted ends in exactly one outcome, or is kept in a spool for the next
opening. ``accepted == sum(outcomes) + queued + in_flight`` at every moment. The queue belongs to
the loop and the process of its first use.
"""

from __future__ import annotations

import asyncio
import random
import time
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

import anyio

from .. import _process
from .._events.event import Event
from .._events.prepare import Prepared, prepare
from ..errors import Forked, InvalidParameter, QueueClosed, QueueFull, WrongLoop
from .bulk import Stream, deliver
from .dispatch import Dispatch
from .letters import DeadLetterWriter
from .outcome import VERDICTS, Outcome, Report, Stats
from .receipt import Receipt
from .writer import GroupWriter

if TYPE_CHECKING:
    from .._events.fields import EventFields
    from .sender import Attempts
    from .settings import Settings

__all__ = ["EventQueue"]

CLOSE: float = 10
"""Seconds that closing waits for events to be delivered unless told otherwise."""


class EventQueue:
    """Takes events at once and delivers them in the background. ``client.event_queue()`` makes one.

    >>> async with client.event_queue() as queue:
    ...     receipt = queue.track("order.placed", order="wx4Vn4no", profile="MzYwlE50")
    ...     outcome = await receipt
    """

    def __init__(self, attempts: Callable[[], Attempts], settings: Settings) -> None:
        self._attempts = attempts
        self._settings = settings
        self._process = _process.here
        self._thread = 0
        self._dispatch: Dispatch | None = None
        self._closed: QueueClosed | None = None
        self._closing: asyncio.Task[Report] | None = None
        self._hurry = asyncio.Event()

    # Taking events.

    def track(self, action: str | Event, /, **fields: Unpack[EventFields]) -> Receipt:
        """Take one event and return its receipt at once; QueueFull if there is no room.

        Raises InvalidParameter naming the field, QueueClosed, or WrongLoop from another thread or
        loop. With a spool the receipt is pending until ``await receipt.accepted()`` returns.
        """
        if isinstance(action, str):
            return self.enqueue(action, fields)
        return self.enqueue(*_said(action, fields))

    def put(self, action: str | Event, /, **fields: Unpack[EventFields]) -> Coroutine[Any, Any, Receipt]:
        """Take one event as soon as there is room; its receipt once the event is accepted.

        Its arguments are checked at the call. Cancelled before it returns, the event is never
        sent. With a spool, SpoolError if the event could not be written.
        """
        dispatch = self._running()
        return self._put(dispatch, self._prepared(*_said(action, fields)))

    def deliver(self, events: Stream) -> AsyncGenerator[Outcome, None]:
        """Deliver any iterable or async iterable of events (`Event` or mapping), yielding outcomes as they end.

        Memory stays bounded. An invalid event ends the feeding, and so does an error of the
        iterable's own: what came before it is delivered and yielded, then the error is raised.
        """
        most = min(self._settings.capacity, max(1024, 8 * self._settings.concurrency))
        return deliver(self, events, most=most)

    def enqueue(self, action: str, fields: Mapping[str, Any]) -> Receipt:
        """`track` for an action and its fields in a mapping."""
        dispatch = self._dispatch
        if (
            dispatch is None
            or self._closed is not None
            or dispatch.death is not None
            or get_ident() != self._thread  # asking for the running loop costs five times that
            or not dispatch.loop.is_running()
            or self._process is not _process.here
        ):
            dispatch = self._running()
        ready = prepare(action, fields, self._settings.event_format, time.time())
        if ready.event_id is not None and (first := dispatch.ledger.known(ready.event_id)) is not None:
            return first
        if not dispatch.room.try_take(len(ready.body)):
            self._check_size(ready)
            raise QueueFull(f"the queue holds {dispatch.room.count} events; put() waits for room")
        return dispatch.enter(ready)

    async def put_fields(self, action: str, fields: Mapping[str, Any]) -> Receipt:
        """`put` for an action and its fields in a mapping."""
        return await self._put(self._running(), self._prepared(action, fields))

    async def _put(self, dispatch: Dispatch, ready: Prepared) -> Receipt:
        if ready.event_id is not None and (first := dispatch.ledger.known(ready.event_id)) is not None:
            await first.accepted()
            return first
        await dispatch.room.take(len(ready.body))
        if self._closed is not None:
            dispatch.room.give(len(ready.body))
            raise self._closed
        receipt = dispatch.enter(ready, putting=True)
        if dispatch.journal is None:
            return receipt
        try:
            await receipt.accepted()
        except BaseException:
            dispatch.confirm(receipt, wanted=False)
            raise
        dispatch.confirm(receipt, wanted=True)
        return receipt

    def _prepared(self, action: str, fields: Mapping[str, Any]) -> Prepared:
        ready = prepare(action, fields, self._settings.event_format, time.time())
        self._check_size(ready)
        return ready

    def _check_size(self, ready: Prepared) -> None:
        if len(ready.body) > self._settings.max_bytes:
            raise InvalidParameter("event", f"larger than the queue's max_bytes ({self._settings.max_bytes})")

    # Its place, and its life.

    def _running(self) -> Dispatch:
        self._check_place()
        if self._closed is not None:
            raise self._closed
        if self._dispatch is None:
            self._dispatch = self._start()
        if self._dispatch.death is not None:
            raise self._dispatch.death
        return self._dispatch

    def _check_place(self) -> None:
        if self._dispatch is None:
            return
        if self._process is not _process.here:
            raise Forked("this queue was opened before a fork; make one in the child")
        if asyncio._get_running_loop() is not self._dispatch.loop:
            raise WrongLoop("this queue belongs to another event loop; from a thread use anyio.from_thread.run_sync")

    def _start(self) -> Dispatch:
        settings = self._settings
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise WrongLoop("an event queue needs a running event loop; from a thread use anyio.from_thread") from None
        journal = None if settings.buffer is None else settings.buffer.journal(loop, settings.delivery, self._now)
        path = settings.dead_letters
        if path is None and settings.buffer is not None:
            path = settings.buffer.dead_letters
        writer = GroupWriter if settings.buffer is None else settings.buffer.writer
        letters = None if path is None else DeadLetterWriter(path, loop, writer=writer)
        dispatch = Dispatch(settings, self._attempts(), journal, letters, loop=loop, uniform=random.uniform)
        if journal is not None:
            journal.begin(dispatch)
        self._thread, self._process = get_ident(), _process.here
        return dispatch

    def _now(self) -> float:
        return 0.0 if self._dispatch is None else self._dispatch.sender.now()

    async def open(self) -> Self:
        """Open it now rather than at the first event; SpoolBusy or SpoolError if the spool cannot be used."""
        dispatch = self._running()
        if dispatch.journal is not None:
            try:
                await dispatch.journal.opened()
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await self.aclose(timeout=0)
                raise
        return self

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.aclose()

    async def flush(self, timeout: float | None = None) -> Report:
        """Wait until every event has ended, or `timeout` seconds, or a suspension; say how things stand."""
        dispatch = self._running()
        with anyio.move_on_after(timeout):
            await dispatch.settled()
        return dispatch.report()

    async def aclose(self, timeout: float = CLOSE) -> Report:
        """Take nothing more, deliver for up to `timeout` seconds, then end or keep what is left.

        Safe to call twice, and while another call runs: every caller gets the same report. A
        cancelled caller hurries the close, which is finished all the same.
        """
        self._check_place()
        if self._dispatch is None:
            self._closed = QueueClosed()
            return Report(outcomes=dict.fromkeys(VERDICTS, 0))
        if self._closing is None:
            self._closed = QueueClosed()
            self._closing = asyncio.get_running_loop().create_task(self._close(self._dispatch, timeout))
        try:
            return await asyncio.shield(self._closing)
        except asyncio.CancelledError:
            self._hurry.set()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([self._closing])
            raise

    async def _close(self, dispatch: Dispatch, timeout: float) -> Report:
        settled = asyncio.ensure_future(dispatch.settled())
        hurry = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait([settled, hurry], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        settled.cancel()
        hurry.cancel()
        return await dispatch.aclose()

    def forget(self, event_id: str) -> None:
        """Let an event that ended badly be handed in again under its id; what is under way or delivered stays known."""
        dispatch = self._running()
        dispatch.ledger.forgive(event_id)
        if dispatch.journal is not None:
            dispatch.journal.forgive(event_id)

    def resume(self) -> None:
        """Go on after a suspension."""
        if self._dispatch is not None:
            self._dispatch.sender.resume()

    def stats(self) -> Stats:
        """The queue at this moment."""
        if self._dispatch is None:
            nothing = dict.fromkeys(VERDICTS, 0)
            return Stats(
                accepted=0, pending=0, queued=0, in_flight=0, bytes=0, outcomes=nothing, oldest_age=0, suspended=False
            )
        return self._dispatch.stats()

    def __del__(self) -> None:
        dispatch = self._dispatch
        if dispatch is not None and self._closing is None and self._process is _process.here:
            left = dispatch.queued + dispatch.sender.in_flight
            warnings.warn(f"an event queue was not closed; it held {left} events", ResourceWarning, stacklevel=2)

    def __repr__(self) -> str:
        return f"EventQueue({'closed' if self._closed else 'open' if self._dispatch else 'new'})"


def _said(action: str | Event, fields: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if isinstance(action, Event):
        if fields:
            raise InvalidParameter(next(iter(fields)), "an Event has its fields already")
        return action.action, action.fields
    return action, fields
