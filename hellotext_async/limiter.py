"""Who may send now: the async shell around the pacer, the breaker and the ceiling of requests in flight.

Rules. One limiter per client, for its calls and its queues. A permit is taken before every
request and given back with what the request proved. Waiters are served first come, first served;
calls before the queue's events, and those before background events, save that every eighth permit
goes to a waiting event, and every twentieth to a background one. The queue leaves the last two
places free for calls, save for that eighth. The ceiling starts at 10 and grows by one a success
up to `concurrency`; a timeout halves it (once a round), then a round of successes adds one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Final, Literal, Protocol

from ._permit import Permit, Refused
from ._rate_state import RateState

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._policy.breaker import Breaker
    from ._policy.evidence import Evidence
    from ._policy.pacer import Pacer
    from ._policy.shared_pacer import SharedPacer

__all__ = ["Limiter", "Loop", "Permit", "Priority", "RateState", "Refused"]

Priority = Literal["call", "event", "background"]
Waiter = asyncio.Future["Permit | None"]

START: Final = 10
RESERVE: Final = 2
EVENT_SHARE: Final = 8
BACKGROUND_SHARE: Final = 20


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
        self._time = loop.time
        self._on_throttle = on_throttle
        self._most = concurrency
        self._ceiling = float(min(START, concurrency))
        self._reserve = min(RESERVE, concurrency - 1)
        self._slow_start = True
        self._usual = Permit(0)
        self._in_flight = 0
        self._calls: deque[Waiter] = deque()
        self._events: deque[Waiter] = deque()
        self._background: deque[Waiter] = deque()
        self._lines: dict[Priority, deque[Waiter]] = {
            "call": self._calls, "event": self._events, "background": self._background,
        }  # fmt: skip
        self._granted = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = inf

    @property
    def in_flight(self) -> int:
        """Requests that hold a permit."""
        return self._in_flight

    @property
    def ceiling(self) -> int:
        """How many may hold one at this time."""
        return int(self._ceiling)

    def try_acquire(self, priority: Priority) -> Permit | None:
        """A permit at once, or None; nobody who waits is overtaken by his own priority."""
        if self._calls or (priority != "call" and (self._events or (priority != "event" and self._background))):
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
        """A permit as soon as there is one; Refused when there can be, or was, none by `until` (loop time)."""
        permit = self.try_acquire(priority)
        if permit is not None:
            return permit
        now = self._time()
        self._refuse(priority, now, until)
        waiter = self._loop.create_future()
        timer = self._loop.call_at(until, _expire, waiter) if until < inf else None
        self._lines[priority].append(waiter)
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
        """When the priority's next may go; an event takes one of the last places only if told so."""
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
        if self._calls or self._events or self._background:
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
        now = self._time()
        self._in_flight -= 1
        self.breaker.cancel_probe(probe=permit.probe)
        self.pacer.lost(now, permit.stamp)
        self._serve(now)

    def share(self, pacer: SharedPacer) -> None:
        """Pace as others do that share this pacer's rate, from now on."""
        self.pacer = pacer
        self.serve()

    def serve(self) -> None:
        """Grant what can be granted now: the pacer has heard something."""
        self._serve(self._time())

    def unused(self, permit: Permit) -> None:
        """Give back a permit for which there was nothing to send."""
        now = self._time()
        self._in_flight -= 1
        self.breaker.cancel_probe(probe=permit.probe)
        self.pacer.unused(now, permit.stamp)
        self._serve(now)

    def exonerate(self) -> None:
        """All that was refused was refused for other reasons than its number: nothing is known of a limit."""
        self.pacer.forget()
        self._serve(self._time())

    def _serve(self, now: float) -> None:
        while (priority := self._next(now)) is not None:
            waiter = self._lines[priority].popleft()
            if not waiter.done():
                self._granted += 1
                waiter.set_result(self._grant(priority, now))
        self._arm(now)

    def _next(self, now: float) -> Priority | None:
        """Whose turn it is, if one of them may go now."""
        waiting = self._waited()
        turns: list[Priority] = []
        if len(waiting) > 1:  # else nobody starves
            if self._granted % BACKGROUND_SHARE == BACKGROUND_SHARE - 1:
                turns.append("background")
            if self._granted % EVENT_SHARE == EVENT_SHARE - 1:
                turns.append("event")
        for priority in turns:
            # Where others wait, no place is left free for them, and without this these would starve.
            if priority in waiting and self._ready_at(priority, now, last=True) <= now:
                return priority
        for priority in waiting:
            if self._ready_at(priority, now) <= now:
                return priority
        return None

    def _arm(self, now: float) -> None:
        """Wake up when the first waiter may go by time; what goes by a place is woken by `release`."""
        at = min((self._ready_at(priority, now) for priority in self._waited()), default=inf)
        if self._timer is not None:
            if self._wakes_at <= at:  # not `when()`: uvloop's handle of a time in the past has none
                return
            self._timer.cancel()
        self._wakes_at = at
        self._timer = self._loop.call_at(at, self._wake) if at < inf else None

    def _waited(self) -> list[Priority]:
        """The priorities for which something waits, the first first."""
        found: list[Priority] = []
        for priority, waiting in self._lines.items():
            while waiting and waiting[0].done():
                waiting.popleft()
            if waiting:
                found.append(priority)
        return found

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
        """Stop waking up."""
        if self._timer is not None:
            self._timer.cancel()


def _expire(waiter: Waiter) -> None:
    if not waiter.done():
        waiter.set_result(None)
