"""`EventQueue`: events in, receipts out.

Rules. Whatever is accepted ends in exactly one outcome, or is kept in a spool for the next
opening. ``accepted == sum(outcomes) + queued + in_flight`` at every moment. The queue belongs to
the loop and the process of its first use; `track` takes events from every thread.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from .. import _process
from .._callbacks import awaited, call_back
from .._events.event import Event
from .._site import creation_site
from ..errors import Forked, HellotextError, QueueClosed, QueueFull, WrongLoop, in_another_loop
from .bulk import OnEnd, OnInvalid, Stream, deliver
from .left_behind import leave_behind
from .letters import LetterFile
from .outcome import Outcome, Report, Stats
from .preparing import Preparing
from .receipt import Receipt
from .running import Running
from .standing import no_stats
from .store import MemoryStore
from .tasks import shielded

if TYPE_CHECKING:
    from .._events.fields import EventFields
    from .._events.prepare import Prepared
    from .attempts import Attempts
    from .entry import Entry
    from .settings import Settings

__all__ = ["EventQueue"]

CLOSE: float = 10
"""Seconds that closing waits for events to be delivered by default."""


class EventQueue:
    """Takes events at once and delivers them in the background. ``client.event_queue()`` makes one.

    >>> async with client.event_queue() as queue:
    ...     receipt = queue.track("order.placed", order="wx4Vn4no", profile="MzYwlE50")
    ...     outcome = await receipt
    """

    def __init__(self, attempts: Callable[[], Attempts], settings: Settings) -> None:
        self._attempts = attempts
        self._settings = settings
        self._preparing = Preparing(settings)
        self._created_at = creation_site()
        self._process = _process.current_process
        self._thread = 0
        self._inside: Running | None = None
        self._closed: QueueClosed | None = None
        self._closing: asyncio.Task[Report] | None = None
        self._cut_short = asyncio.Event()

    # Taking events.

    def track(self, action: str | Event, /, *, context: object = None, **fields: Unpack[EventFields]) -> Receipt:
        """Take one event and return its receipt at once; QueueFull if there is no room.

        `context` is an object of yours that comes back as `Outcome.context`. Any thread may call it
        once the queue is open. Raises InvalidParameter naming the field, QueueClosed, or WrongLoop
        from another loop of the queue's thread. With a spool the receipt is pending until ``await
        receipt.accepted()`` returns.
        """
        if isinstance(action, str):
            return self._enter(self._preparing.of_call(action, fields), context)
        return self._enter(self._preparing.any(action, fields), context)

    @awaited
    def put(
        self, action: str | Event, /, *, context: object = None, **fields: Unpack[EventFields]
    ) -> Coroutine[Any, Any, Receipt]:
        """Take one event as soon as there is room; its receipt once the event is accepted.

        Its arguments are checked at the call. Cancelled before it returns, the event is never
        sent, unless the process ends in that moment. With a spool, SpoolError if the event could not be written.
        """
        self._running()
        return self._put(self._preparing.any(action, fields), context)

    def deliver(
        self, events: Stream, *, on_invalid: OnInvalid | None = None, on_end: OnEnd | None = None
    ) -> AsyncGenerator[Outcome, None]:
        """Deliver any iterable or async iterable of events (`Event` or mapping), yielding outcomes as they end.

        Memory stays bounded, and the iterable is closed at the end. A mapping may hold a
        ``context``. An invalid event ends the feeding, unless `on_invalid` takes it (called with the
        event and the InvalidParameter), and so does an error of the iterable's own: what came
        before it is delivered and yielded, then the error is raised. `on_end` is called with every
        outcome at the moment of its end, be it fetched or not; what it raises is logged.
        """
        most = min(self._settings.capacity, max(1024, 8 * self._settings.concurrency))
        return deliver(self, events, most=most, on_invalid=on_invalid, on_end=on_end)

    def enqueue(self, action: str, fields: Mapping[str, Any], context: object = None) -> Receipt:
        """`track` for an action and its fields in a mapping."""
        return self._enter(self._preparing.of_call(action, fields), context)

    async def put_fields(self, action: str, fields: Mapping[str, Any], context: object = None) -> Receipt:
        """`put` for an action and its fields in a mapping."""
        return await self._put(self._preparing.any(action, fields), context)

    def _enter(self, ready: Prepared | Event, context: object) -> Receipt:
        inside = self._inside
        if isinstance(ready, Event):
            return (inside or self._running()).drop(ready, context)
        if (
            inside is None
            or self._closed is not None
            or inside.death is not None
            or get_ident() != self._thread  # asking for the running loop costs five times that
            or not inside.loop.is_running()
            or self._process is not _process.current_process
        ):
            if inside is not None and get_ident() != self._thread and self._process is _process.current_process:
                return self._hand_over(inside, self._preparing.fitting(ready), context)
            inside = self._running()
        entry = inside.intake.enter(ready, context)
        if entry is None:
            self._preparing.fitting(ready)
            raise QueueFull(f"the queue holds {inside.core.capacity.count} events; put() waits for room")
        return Receipt(entry, inside.loop) if entry.more is None else inside.receipt(entry)

    async def _put(self, ready: Prepared | Event, context: object) -> Receipt:
        inside = self._running()
        if isinstance(ready, Event):
            return inside.drop(ready, context)
        return inside.receipt(await inside.intake.put(ready, context))

    def _hand_over(self, inside: Running, ready: Prepared, context: object) -> Receipt:
        """From another thread: the event is made here, and comes in at the loop's next turn."""
        if self._closed is not None:
            raise self._closed
        if inside.death is not None:
            raise inside.death
        entry = inside.intake.make(ready, context)
        if entry is None:
            raise QueueFull("the queue is full, or its loop takes nothing from other threads at present")
        try:
            inside.loop.call_soon_threadsafe(self._arrived, inside, entry)
        except RuntimeError:
            raise WrongLoop("the loop of this queue is closed") from None
        return Receipt(entry, inside.loop)

    def _arrived(self, inside: Running, entry: Entry) -> None:
        inside.intake.arrive(entry, inside.death or self._closed)

    # Its place, and its life.

    def _running(self) -> Running:
        self._check_place()
        if self._closed is not None:
            raise self._closed
        if self._inside is None:
            self._inside = self._start()
        if self._inside.death is not None:
            raise self._inside.death
        return self._inside

    def _check_place(self) -> None:
        if self._inside is None:
            return
        if self._process is not _process.current_process:
            raise Forked("this queue was opened before a fork; make one in the child")
        if asyncio._get_running_loop() is not self._inside.loop:
            raise in_another_loop("queue", "run_sync")

    def _start(self) -> Running:
        settings = self._settings
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise WrongLoop("an event queue needs a running event loop of asyncio's; open it there first") from None
        attempts = self._attempts()
        buffer = settings.buffer
        path = settings.dead_letters or (None if buffer is None else buffer.dead_letters)
        letters = None if path is None else LetterFile(path, settings.account)
        if letters is not None and settings.dead_letters is not None:
            letters.check()  # a spool's own are checked when it is open: it may make their folder
        self._thread, self._process = get_ident(), _process.current_process
        return Running(settings, attempts, MemoryStore() if buffer is None else buffer.store(settings), letters)

    async def open(self) -> Self:
        """Open it now rather than at the first event; SpoolBusy or SpoolError if the spool cannot be used.

        ConfigurationError if dead letters cannot be written.
        """
        inside = self._running()
        try:
            await inside.opened()
        except BaseException:
            with shielded():
                await self.aclose(timeout=0)
            raise
        return self

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with shielded():
            await self.aclose()

    async def flush(self, timeout: float | None = None) -> Report:
        """Wait until every event taken before the call has ended, or `timeout` seconds, or a suspension.

        The report says how the queue stands then.
        """
        return await self._running().flush(timeout)

    async def aclose(self, timeout: float = CLOSE, *, hand_over: bool = False) -> Report:
        """Take nothing more, deliver for up to `timeout` seconds, then end or keep what is left.

        With `hand_over` a queue over a stream ends what is in flight only, and leaves the rest to other
        processes. Safe to call twice, and while another call runs: every caller gets the same report. A
        cancelled caller hurries the close, which is finished all the same.
        """
        self._check_place()
        if self._closed is None:
            self._closed = QueueClosed(kept=False)
        if self._inside is None:
            return Report(outcomes=no_stats().outcomes)
        if self._closing is None or self._closing.cancelled():  # before its first step
            if hand_over:
                self._inside.hand_over()
            self._closing = asyncio.get_running_loop().create_task(self._close(self._inside, timeout))
        try:
            return await asyncio.shield(self._closing)
        except asyncio.CancelledError:
            self._cut_short.set()
            with shielded():
                await asyncio.wait([self._closing])
            raise

    async def _close(self, inside: Running, timeout: float) -> Report:
        report = await inside.close(timeout, self._cut_short)
        if self._settings.on_close is not None:
            call_back("on_close", self._settings.on_close, report)
        return report

    async def failure(self) -> HellotextError:
        """Wait until the queue cannot go on, and return why; a queue that is closed does not fail."""
        return await self._running().failure()

    @property
    def closed(self) -> bool:
        """Whether it takes no events any more."""
        return self._closed is not None

    def allow_resubmission(self, event_id: str) -> None:
        """Allow an event that failed to be submitted again under its id; one that waits or was delivered stays."""
        self._running().intake.allow_resubmission(event_id)

    def forget(self, event_id: str) -> None:
        """The old name of `allow_resubmission`."""
        warnings.warn("forget() is now called allow_resubmission()", DeprecationWarning, stacklevel=2)
        self.allow_resubmission(event_id)

    def resume(self) -> None:
        """Go on after a suspension; any thread may call it."""
        inside = self._inside
        if inside is None:
            return
        if get_ident() == self._thread:
            inside.resume()
        elif self._process is _process.current_process and not inside.loop.is_closed():
            inside.loop.call_soon_threadsafe(inside.resume)

    def stats(self) -> Stats:
        """The queue at this moment."""
        return no_stats() if self._inside is None else self._inside.stats()

    def __del__(self) -> None:
        inside = self._inside
        if inside is not None and self._closing is None and self._process is _process.current_process:
            left = inside.left
            if inside.loop.is_closed():
                leave_behind(inside)
            warnings.warn(
                f"an event queue, made at {self._created_at}, was not closed; it held {left} events",
                ResourceWarning,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        return f"EventQueue({'closed' if self._closed else 'open' if self._inside else 'new'})"
