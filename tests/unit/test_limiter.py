"""The limiter's rules: which waiter gets the next permit, and which is refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from hellotext_async._policy.breaker import Breaker
from hellotext_async._policy.pacer import Pacer
from hellotext_async.limiter import Limiter, Loop, Permit, Priority, Refused

FAST = 1e6
"""A ceiling of the rate so high that no request waits, which makes permits take the paced path."""

pytestmark = pytest.mark.parametrize("rate", [None, FAST], ids=["unpaced", "paced"])


def limiter(concurrency: int, rate: float | None, *, loop: Loop | None = None) -> Limiter:
    uniform = random.Random(1).uniform
    return Limiter(
        concurrency,
        pacer=Pacer(ceiling=rate, uniform=uniform),
        breaker=Breaker(uniform),
        loop=loop or asyncio.get_running_loop(),
    )


class Stopped:
    """A loop whose clock is set by the test, and whose timers never fire."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], /, *args: object) -> asyncio.TimerHandle:
        return asyncio.TimerHandle(when, callback, args, asyncio.get_running_loop())

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()


def taken(made: Limiter, priority: Priority) -> list[Permit]:
    """All permits that one priority can get now."""
    permits: list[Permit] = []
    while (permit := made.try_acquire(priority)) is not None:
        permits.append(permit)
    return permits


class Waiters:
    """Tasks that wait for a permit, and the order in which they get it."""

    def __init__(self, made: Limiter) -> None:
        self._made = made
        self.served: list[tuple[Priority, int]] = []
        self.permits: list[Permit] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def join(self, priority: Priority, count: int, *, until: float = inf) -> None:
        for number in range(count):
            self.tasks.append(asyncio.create_task(self._wait(priority, number, until)))
        await asyncio.sleep(0)

    async def _wait(self, priority: Priority, number: int, until: float) -> None:
        permit = await self._made.acquire(priority, until=until)
        self.served.append((priority, number))
        self.permits.append(permit)

    async def cancel_all(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_the_queue_leaves_the_last_places_to_calls(rate: float | None) -> None:
    """Two of ten are never given to events; a single one may be."""
    made = limiter(10, rate)
    assert len(taken(made, "event")) == 8
    assert len(taken(made, "call")) == 2
    assert len(taken(limiter(1, rate), "event")) == 1
    assert len(taken(limiter(2, rate), "event")) == 1
    assert len(taken(limiter(10, rate), "call")) == 10


async def test_the_ceiling_starts_at_ten_and_grows_with_each_success(rate: float | None) -> None:
    """Up to the configured limit."""
    made = limiter(12, rate)
    permits = taken(made, "call")
    assert len(permits) == 10
    for permit in permits[:3]:
        made.delivered(permit)
    assert made.ceiling == 12
    assert len(taken(made, "call")) == 5
    assert made.in_flight == 12


async def test_a_round_of_timeouts_halves_the_ceiling_once(rate: float | None) -> None:
    """However many requests of one round time out; the next round may halve it again."""
    loop = Stopped()
    made = limiter(40, None if rate is None else 100, loop=loop)

    def round_of_requests() -> list[Permit]:
        permits: list[Permit] = []
        while made.in_flight < made.ceiling:
            loop.now += 0.004
            if (permit := made.try_acquire("call")) is not None:
                permits.append(permit)
        return permits

    while made.ceiling < 40:
        for permit in round_of_requests():
            made.delivered(permit)
    for halved in (20, 10):
        *permits, one, two, three = round_of_requests()
        for permit in permits:
            made.delivered(permit)
        for permit in (one, two, three):
            made.release(permit, "uncertain", timed_out=True)
        assert halved <= made.ceiling <= halved + 1


async def test_calls_go_first_and_every_eighth_permit_is_an_events(rate: float | None) -> None:
    """So neither waits for ever; within a priority it is first come, first served."""
    made = limiter(4, rate)
    (first, *_rest) = taken(made, "call")
    waiters = Waiters(made)
    await waiters.join("event", 5)
    await waiters.join("call", 30)
    for _ in range(3):
        made.cancel(_rest.pop())
    await asyncio.sleep(0)
    permits = [first]
    while len(waiters.served) < 24:
        permits += waiters.permits
        waiters.permits.clear()
        made.cancel(permits.pop(0))
        await asyncio.sleep(0)
    priorities = [priority for priority, _ in waiters.served]
    assert priorities[:7] == ["call"] * 7
    assert 2 <= priorities[:24].count("event") <= 3
    for priority in ("call", "event"):
        numbers = [number for served, number in waiters.served if served == priority]
        assert numbers == sorted(numbers)
    await waiters.cancel_all()


async def test_no_waiter_is_overtaken_within_its_priority(rate: float | None) -> None:
    """A permit is free for calls; an event that arrives while an event waits queues behind it, and so does a call."""
    made = limiter(10, rate)
    events = taken(made, "event")
    waiters = Waiters(made)
    await waiters.join("event", 1)
    assert made.try_acquire("event") is None
    call = made.try_acquire("call")
    assert call is not None
    made.cancel(call)
    calls = taken(made, "call")
    await waiters.join("call", 1)
    assert made.try_acquire("call") is None
    made.cancel(calls.pop())
    await asyncio.sleep(0)
    assert waiters.served == [("call", 0)]
    for _ in range(2):
        made.cancel(events.pop())
    await asyncio.sleep(0)
    assert waiters.served == [("call", 0)]  # two permits are free, and stay so
    made.cancel(events.pop())
    await asyncio.sleep(0)
    assert waiters.served == [("call", 0), ("event", 0)]


@pytest.mark.parametrize("waits", ["call", "event"])
@pytest.mark.parametrize("comes", ["call", "event"])
async def test_a_new_waiter_queues_behind_one_that_is_due(rate: float | None, waits: Priority, comes: Priority) -> None:
    """The waiter is due and its timer has not fired yet: only a call passes it, and only if the waiter is an event."""
    loop = Stopped()
    made = limiter(10, 50, loop=loop)
    assert made.try_acquire("call") is not None
    waiters = Waiters(made)
    await waiters.join(waits, 1)
    loop.now = 5.0
    assert (made.try_acquire(comes) is None) == (waits == "call" or comes == "event")
    await waiters.cancel_all()


async def test_an_events_turn_takes_no_last_place_that_no_call_waits_for(rate: float | None) -> None:
    """Whichever priority was served before."""
    for served in range(8):
        made = limiter(10, rate)
        for _ in range(served):
            calls = taken(made, "call")
            waiters = Waiters(made)
            await waiters.join("call", 1)
            made.cancel(calls.pop())
            await asyncio.sleep(0)
            for permit in (*calls, *waiters.permits):
                made.cancel(permit)
        events = taken(made, "event")
        waiters = Waiters(made)
        await waiters.join("event", 1)
        call = made.try_acquire("call")
        assert call is not None
        made.cancel(call)
        await asyncio.sleep(0)
        assert waiters.served == []
        made.cancel(events.pop())
        await asyncio.sleep(0)
        assert waiters.served == [("event", 0)]


async def test_a_waiter_that_is_cancelled_leaves_its_turn_to_the_next(rate: float | None) -> None:
    """Before its turn, and at the very moment of it."""
    for late in (False, True):
        made = limiter(1, rate)
        (held,) = taken(made, "call")
        waiters = Waiters(made)
        await waiters.join("call", 2)
        if not late:
            waiters.tasks[0].cancel()
            await asyncio.sleep(0)
        made.cancel(held)
        waiters.tasks[0].cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert waiters.served == [("call", 1)]
        assert made.in_flight == 1


async def test_a_request_that_may_not_wait_is_refused_at_once(rate: float | None) -> None:
    """It leaves no waiter; a short wait gets a permit that is released in time, also at the last moment."""
    made = limiter(1, rate)
    (held,) = taken(made, "call")
    loop = asyncio.get_running_loop()
    with pytest.raises(Refused):
        await made.acquire("call", until=loop.time())
    waiters, until = Waiters(made), loop.time() + 0.01
    await waiters.join("call", 1, until=until)
    loop.call_at(until - 1e-6, made.cancel, held)
    await waiters.tasks[0]
    assert waiters.served == [("call", 0)]


async def test_a_waiter_is_refused_when_its_time_is_over(rate: float | None) -> None:
    """A permit released afterwards goes to the next waiter; a delivered request releases its permit in any case."""
    made = limiter(1, rate)
    (held,) = taken(made, "call")
    waiters = Waiters(made)
    await waiters.join("call", 1, until=asyncio.get_running_loop().time() + 0.01)
    await waiters.join("call", 1)
    with pytest.raises(Refused):
        await waiters.tasks[0]
    made.release(held, "delivered")
    await waiters.tasks[1]
    assert (made.in_flight, len(waiters.permits)) == (1, 1)


async def test_a_probe_that_was_given_up_is_the_next_one_s(rate: float | None) -> None:
    """An outage does not last longer because its probe was cancelled."""
    loop = Stopped()
    made = limiter(20, rate, loop=loop)
    for permit in taken(made, "event"):
        made.release(permit, "server_error")
    assert made.breaker.open
    loop.now = 100.0
    probe = made.try_acquire("event")
    assert probe is not None
    assert probe.probe
    assert made.try_acquire("event") is None
    made.cancel(probe)
    again = made.try_acquire("event")
    assert again is not None
    assert again.probe


async def test_after_a_probe_that_was_refused_another_priority_goes_first(rate: float | None) -> None:
    """Where one route is always refused, its calls precede the events, and would be every probe."""
    loop = Stopped()
    made = limiter(10, rate, loop=loop)
    for refused in taken(made, "call"):
        made.release(refused, "throttled", wait=1)
    waiters = Waiters(made)
    await waiters.join("call", 5)
    await waiters.join("event", 1)
    for _ in range(3):
        loop.now += 100.0
        made.serve()
        await asyncio.sleep(0)
        (probe,) = waiters.permits
        waiters.permits.clear()
        made.release(probe, "throttled")
    assert [priority for priority, _ in waiters.served] == ["call", "event", "call"]
    await waiters.cancel_all()


async def test_how_long_events_will_take_is_known_with_the_rate(rate: float | None) -> None:
    """Without a rate it is unknown; otherwise it is the time of the gate and of so many events at this rate."""
    state = limiter(1, rate).state(wall=0.0)
    assert state.seconds_for(10) == (None if rate is None else 10 / FAST)
