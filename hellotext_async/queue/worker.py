"""Sends what a core holds: take, mark, attempt, decide.

Rules. At most one sender waits for a permit, and it takes its event only when it has one. One
timer serves what is due and what expires. A 401 suspends: the event goes back, nothing is sent,
the delivery clock stands still.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from typing import TYPE_CHECKING, Final

from .._clock import time_of
from .._log import logger
from .._wire.call import EVENTS_PATH, Headers, Request, is_unsent
from .._wire.encode import key_of
from ..errors import HellotextError, QueueClosed
from .decide import CLOSED, Again, End, Later, Suspend
from .entry import id_of
from .settler import notify
from .tasks import TURN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._policy.evidence import Attempt
    from ..limiter import Permit
    from .attempts import Attempts
    from .core import Core
    from .decide import Rules
    from .entry import Entry
    from .settler import Settler
    from .store import Store
    from .tasks import Tasks

__all__ = ["Worker"]

DELIVERED: Final = End("delivered")

_log = logger("hellotext_async.queue")


class Worker:
    """Up to `concurrency` senders over one core and one store."""

    def __init__(
        self,
        core: Core,
        rules: Rules,
        store: Store,
        attempts: Attempts,
        settler: Settler,
        tasks: Tasks,
        *,
        concurrency: int,
        idempotency_keys: bool,
    ) -> None:
        self._core = core
        self._rules = rules
        self._store = store
        self._attempts = attempts
        self._settler = settler
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._time = time_of(self._loop)
        self._concurrency = concurrency
        self._keyed = idempotency_keys
        self._senders: set[asyncio.Task[None]] = set()
        self._parked: deque[asyncio.Future[None]] = deque()
        self._leading = False
        self._stopped = self._hands_over = False
        self._timer: asyncio.TimerHandle | None = None
        self._expiry_at = inf
        self._cut: list[tuple[Entry, bool]] = []
        self.suspension: HellotextError | None = None
        self.away_since: float | None = None
        self.listens = True  # False when `wake` would do nothing: asked first for every event that comes

    def now(self) -> float:
        """The delivery clock."""
        return self._core.clock.at(self._time())

    # Senders: as many as there is work for, parked when there is none.

    def wake(self) -> None:
        """There is something to send, or to wait for."""
        if self._expiry_at == inf:
            self._arm()
        if self._leading or self._stopped:
            return
        if self._parked:
            parked = self._parked.popleft()
            if not parked.done():
                parked.set_result(None)
        elif len(self._senders) < self._concurrency:
            sender = self._tasks.spawn(self._send())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        else:
            self.listens = self._expiry_at == inf

    async def _send(self) -> None:
        core, attempts = self._core, self._attempts
        while True:
            permit = attempts.try_acquire() if self.suspension is None and core.order.waiting() else None
            if permit is None and (permit := await self._wait()) is None:
                continue
            entry = None if self.suspension is not None else core.take()
            if entry is None:
                attempts.cancel(permit)
                continue
            if (self._parked or len(self._senders) < self._concurrency) and core.order.waiting():
                self.wake()
            sent = False
            try:
                until = await self._store.mark(entry)
                if until is None:
                    self._kept_elsewhere(entry, permit)
                    continue
                sent = True
                request = Request("POST", EVENTS_PATH, entry.body, _key(entry) if self._keyed else ())
                attempt = await attempts.attempt(request, permit, key=entry.subject, not_after=until, event=entry)
            except BaseException as error:
                if not sent:
                    attempts.cancel(permit)
                self._cut.append((entry, sent and not is_unsent(error)))
                raise
            if attempt.evidence != "delivered":
                await self._failed(entry, attempt)
                continue
            self.away_since = None
            core.order.release(entry, delivered=True)
            if entry.more is None or entry.more.history is None:
                self._settler.settle_delivered(entry, self.now())
            else:
                self._settler.settle(entry, DELIVERED, self.now())

    async def _wait(self) -> Permit | None:
        """Wait for a permit, if there is something to send and no other sender waits; else until there may be."""
        if self._leading or self.suspension is not None or not self._core.order.waiting():
            await self._park()
            return None
        self._leading = True
        try:
            return await self._attempts.acquire()
        finally:
            self._leading = False

    async def _park(self) -> None:
        parked = self._loop.create_future()
        self._parked.append(parked)
        self.listens = True
        await parked

    async def _failed(self, entry: Entry, attempt: Attempt) -> None:
        core, breaker_open = self._core, self._attempts.breaker_open
        if not breaker_open:
            self.away_since = None
        elif self.away_since is None:
            self.away_since = self._loop.time()
        decision = self._rules.decide(entry, attempt, self.now(), breaker_open=breaker_open)
        if isinstance(decision, End):
            core.order.release(entry)
            self._settler.settle(entry, decision, self.now())
            return
        core.again(entry, Again() if isinstance(decision, Suspend) else decision, self._loop.time())
        if isinstance(decision, Suspend):
            self._suspend(decision.error)
        elif isinstance(decision, Later):
            self._arm()
        else:
            self.wake()
        self._settler.settled.check()  # a close of a suspended queue waits for what is in flight
        await self._store.requeue((entry,))
        if self._hands_over:
            self.hand_over()

    def settle_unsent(self, entry: Entry, end: End) -> None:
        """An event that waited ends without another attempt."""
        self._core.in_flight.add(entry)
        self._settler.settle(entry, end, self.now())

    def _kept_elsewhere(self, entry: Entry, permit: Permit) -> None:
        self._attempts.cancel(permit)
        self._core.order.release(entry)
        self.disown(entry)

    def hand_over(self) -> None:
        """Leave to other processes what is not in flight, now and when an attempt has failed."""
        self._hands_over = True
        self._store.hand_over()
        for entry in self._core.order.remove(lambda _: True):
            self.disown(entry)

    def disown(self, entry: Entry) -> None:
        """Another process has the event now."""
        self._core.disown(entry, QueueClosed("another process has this event now", kept=True))
        notify(entry)
        if self._core.short_of_room:
            self._settler.freed.set()
        self._settler.settled.check()

    # Suspension.

    def _suspend(self, error: HellotextError) -> None:
        if self.suspension is None:
            _log.error("event queue suspended (%s): nothing is sent until set_token() or resume()", error)
            self._core.clock.stand_still(self._loop.time())
            self._tasks.spawn(self._store.pause(self.now(), standing=True))
        self.suspension = error
        self._settler.settled.check()

    def resume(self) -> None:
        """Go on after a suspension."""
        if self.suspension is not None:
            self.suspension = None
            self._core.clock.go_on(self._loop.time())
            self._tasks.spawn(self._store.pause(self.now(), standing=False))
        self._arm()
        self.wake()

    # One timer for what is due and for what expires.

    def _arm(self) -> None:
        self._expiry_at = expiry = self._core.expires_at()
        if expiry == inf:
            self.listens = True
        at = min(self._core.order.next_due(), expiry)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if at == inf or self._stopped else self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._core.order.advance(self._loop.time())
        if self.suspension is None:
            now = self.now()
            for entry in self._core.order.remove(lambda entry: self._rules.late(entry, now), TURN):
                self.settle_unsent(entry, self._rules.expired(entry))
        self._arm()
        if self._core.order.waiting():
            self.wake()

    # The end of the queue.

    def halt(self) -> None:
        """Begin nothing any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    async def stop(self) -> None:
        """Cut off what is in flight, and send nothing any more."""
        self.halt()
        await self._tasks.stop(self._senders)

    def abandon_all(self, error: QueueClosed) -> Iterator[None]:
        """What still waits in memory is abandoned, step by step."""
        left = self._core.order.drain()
        self._core.in_flight.update(left)
        for entry in left:
            self.settle_unsent(entry, self._rules.abandoned(entry, error))
            yield

    def interrupt_all(self) -> None:
        """The senders stand still for ever: what they hold may have been sent."""
        self._cut = [(entry, True) for entry in self._core.in_flight - self._settler.settling()]

    def cut_off(self) -> list[Entry]:
        """Judge what was cut off: those that may have been sent and must not be again end, the rest is returned."""
        left: list[Entry] = []
        for entry, sent in self._cut:
            end = self._rules.interrupted(entry, CLOSED, kept=self._store.durable) if sent else None
            if end is None:
                self._core.again(entry, Again(), self._loop.time())
                left.append(entry)
            else:
                self._core.order.release(entry)
                self._settler.settle(entry, end, self.now())
        self._cut.clear()
        return left


def _key(entry: Entry) -> Headers:
    return (("Idempotency-Key", key_of(id_of(entry))),)
