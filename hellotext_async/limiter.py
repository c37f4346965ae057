"""Grants permits to send: the async shell around the pacer, the breaker and the ceiling of requests in flight.

Rules. One limiter per client, for its calls and its queues. A permit is taken before every
request and given back with what the request proved. `Waiters` decides whose turn it is. The queue leaves
the last two places free for calls, save for its eighth permit. The ceiling starts at 10 and grows by
one a success up to `concurrency`; a timeout halves it (once a round), then a round of successes adds one.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

from ._clock import time_of
from ._permit import Permit, Refused
from ._policy.pacer import PROBE
from ._rate_state import RateState
from ._waiters import Priority, Waiters

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._policy.breaker import Breaker
    from ._policy.evidence import Evidence
    from ._policy.pacer import Pacer
    from ._policy.shared_pacer import SharedPacer

__all__ = ["Limiter", "Loop", "Permit", "Priority", "RateState", "Refused"]

Waiter = asyncio.Future["Permit | None"]

START: Final = 10
RESERVE: Final = 2


class Loop(Protocol):
    """What the limiter needs of an event loop: its clock, its timers and its futures."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[..., object], /, *args: object) -> asyncio.TimerHandle: ...
    def create_future(self) -> asyncio.Future[Permit | None]: ...


class Limiter:
    """Gives permits and learns from what becomes of them."""

    def __init__(
        self,
        concurrency: int,
        *,
        pacer: Pacer,
        breaker: Breaker,
        loop: Loop,
        on_throttle: Callable[[], None] | None = None,
    ) -> None:
        self.pacer: Pacer | SharedPacer = pacer
        self.breaker = breaker
        self._loop = loop
        self._time = time_of(loop)
        self._on_throttle = on_throttle
        self._most = concurrency
        self._ceiling = float(min(START, concurrency))
        self._reserve = min(RESERVE, concurrency - 1)
        self._slow_start = True
        self._usual = Permit(0)
        self._in_flight = 0
        self._waiters: Waiters[Waiter] = Waiters()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = inf
        self.closed = False

    @property
    def in_flight(self) -> int:
        """Requests that hold a permit."""
        return self._in_flight

    @property
    def ceiling(self) -> int:
        """How many may hold one at this time."""
        return int(self._ceiling)

    def try_acquire(self, priority: Priority) -> Permit | None:
        """A permit at once, or None; one that waits is not overtaken by another of its own priority."""
        if self._waiters.queues and self._waiters.ahead_of(priority):
            return None
        if self.pacer.rate is None and not self.breaker.open:  # the usual case, made short
            busy = self._in_flight
            if busy + 1 + (self._reserve if busy and priority != "call" else 0) > self._ceiling:
                return None
            self._in_flight = busy + 1
            return self._usual
        now = self._time()
        return self._grant(priority, now) if self._ready_at(priority, now) <= now else None

    async def acquire(self, priority: Priority, *, until: float = inf) -> Permit:
        """A permit as soon as there is one; Refused when there can be, or was, none by `until` (loop time).

        Once it is closed every call is refused.
        """
        if self.closed and priority == "call":
            raise Refused(None)
        permit = self.try_acquire(priority)
        if permit is not None:
            return permit
        now = self._time()
        self._refuse(priority, now, until)
        waiter = self._loop.create_future()
        timer = self._loop.call_at(until, _expire, waiter) if until < inf else None
        self._waiters.add(priority, waiter)
        self._arm(now)
        try:
            permit = await waiter
        except BaseException:
            if not waiter.cancelled() and (granted := waiter.result()) is not None:
                self.cancel(granted)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if permit is None:
            raise Refused(self._wait(self._time()))
        return permit

    def _refuse(self, priority: Priority, now: float, until: float) -> None:
        at = self._ready_at(priority, now)
        if until <= now or until < at < inf:
            raise Refused(self._wait(now))

    def _wait(self, now: float) -> float | None:
        at = self.pacer.ready_at(now)
        return max(0.0, at - now) if at < inf else None

    def _ready_at(self, priority: Priority, now: float, *, last: bool = False) -> float:
        """When the priority's next may go; an event takes one of the `last` places only in its turn."""
        places = self._in_flight + 1
        if priority != "call" and places > 1 and not last:
            places += self._reserve
        if places > self._ceiling:
            return inf
        at = now if self.pacer.rate is None else self.pacer.ready_at(now)
        return max(at, self.breaker.ready_at()) if self.breaker.open and priority != "call" else at

    def _grant(self, priority: Priority, now: float) -> Permit:
        self._in_flight += 1
        probe = self.breaker.start_probe() if priority != "call" and self.breaker.open else False
        stamp = 0 if self.pacer.rate is None else self.pacer.sent(now)
        self._waiters.probed = priority if stamp > 0 and stamp & PROBE else None
        return Permit(self._usual.round, stamp, probe) if stamp or probe else self._usual

    def delivered(self, permit: Permit) -> None:
        """Give `permit` back: its request was answered with success."""
        now = self._time()
        self._in_flight -= 1
        if self.breaker.failures:
            self.breaker.record("delivered", now, probe=permit.probe)
        self.pacer.delivered(now, permit.stamp)
        if self._ceiling < self._most:
            self._ceiling += 1 if self._slow_start else 1 / self._ceiling
        if self._waiters.queues:
            self._serve(now)

    def release(
        self, permit: Permit, evidence: Evidence, *, wait: float | None = None, timed_out: bool = False
    ) -> None:
        """Give `permit` back with what its request proved; `wait` is the Retry-After of a throttled one."""
        if evidence == "delivered":
            self.delivered(permit)
            return
        now = self._time()
        self._in_flight -= 1
        self._judge(permit, evidence, now, timed_out=timed_out)
        if evidence == "throttled":
            self.pacer.throttled(now, permit.stamp, wait)
        elif evidence == "rejected":
            self.pacer.delivered(now, permit.stamp)
        elif evidence == "server_error":
            self.pacer.server_error(now, permit.stamp)
        else:
            self.pacer.lost(now, permit.stamp)
        self._serve(now)
        if evidence == "throttled" and self._on_throttle is not None:
            self._on_throttle()

    def _judge(self, permit: Permit, evidence: Evidence, now: float, *, timed_out: bool) -> None:
        was_open = self.breaker.open
        self.breaker.record(evidence, now, probe=permit.probe)
        if self.breaker.open and not was_open:
            self._ceiling, self._slow_start = float(min(START, self._most)), True
        elif timed_out and permit.round == self._usual.round:
            self._usual = Permit(permit.round + 1)
            self._ceiling, self._slow_start = max(1.0, self._ceiling / 2), False

    def cancel(self, permit: Permit) -> None:
        """Give back a permit whose request proved nothing: it was never sent, or its task was cancelled."""
        self._return_unproved(permit, self.pacer.lost)

    def share(self, pacer: SharedPacer) -> None:
        """Pace as others do that share this pacer's rate, from now on."""
        self.pacer = pacer
        self.serve()

    def serve(self) -> None:
        """Grant what can be granted now: the pacer has learned something."""
        self._serve(self._time())

    def unused(self, permit: Permit) -> None:
        """Give back a permit whose place another may take: nothing was sent, or nothing that counts."""
        self._return_unproved(permit, self.pacer.unused)

    def _return_unproved(self, permit: Permit, learn: Callable[[float, int], None]) -> None:
        now = self._time()
        self._in_flight -= 1
        self.breaker.cancel_probe(probe=permit.probe)
        learn(now, permit.stamp)
        self._serve(now)

    def exonerate(self) -> None:
        """All that was refused was refused for other reasons than its number: nothing is known of a limit."""
        self.pacer.forget()
        self.serve()

    def _serve(self, now: float) -> None:
        while (priority := self._next(now)) is not None:
            self._waiters.take(priority).set_result(self._grant(priority, now))
        self._arm(now)

    def _next(self, now: float) -> Priority | None:
        """Whose turn it is, if one of them may go now."""
        for priority, last in self._waiters.turns():
            if self._ready_at(priority, now, last=last) <= now:
                return priority
        return None

    def _arm(self, now: float) -> None:
        """Wake up when the first waiter may go by time; what goes by a place is woken by `release`."""
        at = min((self._ready_at(priority, now) for priority in self._waiters.waiting()), default=inf)
        if self._timer is not None:
            if self._wakes_at <= at:  # not `when()`: uvloop's handle of a time in the past has none
                return
            self._timer.cancel()
        self._wakes_at = at
        self._timer = self._loop.call_at(at, self._wake) if at < inf else None

    def _wake(self) -> None:
        self._timer = None
        self._serve(self._time())

    def state(self, *, wall: float) -> RateState:
        """What is known now; `wall` (Unix seconds) turns the clock of the last throttle into a date."""
        now, pacer = self._time(), self.pacer
        last = pacer.last_throttle
        when = None if last is None else datetime.fromtimestamp(wall - (now - last), UTC)
        return RateState(
            pacer.shown_rate,
            self.ceiling,
            pacer.gate(now),
            pacer.wasted,
            when,
            kind=pacer.kind,
            tolerance=pacer.tolerance,
            limited_for=pacer.limited_for(now),
            retry_after=pacer.retry_after,
        )

    def close(self) -> None:
        """Refuse calls, those that wait and later ones; the queues were closed before."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        for waiter in self._waiters.queues.pop("call", ()):
            _expire(waiter)


def _expire(waiter: Waiter) -> None:
    if not waiter.done():
        waiter.set_result(None)
