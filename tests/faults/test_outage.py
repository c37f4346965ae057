"""Outages, bursts of failures and storms of 429s: what is sent meanwhile and afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from hellotext_async.config import Limits
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from tests.harness.checker import Submissions
from tests.harness.clock import EPOCH, virtual_time
from tests.harness.seen import Seen
from tests.harness.transport import Answer, Script, answers, received, silent, unsent
from tests.rig import LoopSpool, assert_adds_up, engine, event, order, queue

HOUR = 3600.0


def away_between(start: float, end: float, how: Answer, *, takes: float = 0.05) -> tuple[Script, list[float]]:
    """A server that is unreachable for a while, and the times of the requests that it received."""

    def hook(_: Seen) -> Answer | None:
        now = asyncio.get_running_loop().time()
        times.append(now)
        return how if start <= now < end else received(takes=takes)

    times: list[float] = []
    return Script(hook=hook), times


@pytest.mark.parametrize(
    "how", [unsent(takes=0.01), silent(), answers(502, takes=0.05)], ids=["refused", "silent", "502"]
)
def test_an_outage_of_an_hour_costs_at_most_180_probes_and_no_event(how: Answer, tmp_path: Path) -> None:
    """Besides what was in flight; then the spooled events are delivered, each with the tracked_at of its acceptance."""

    @virtual_time
    async def run() -> None:
        script, times = away_between(10, 10 + HOUR, how)
        made = engine(script)
        settings = Settings(
            buffer=LoopSpool(tmp_path / "s.db", durability="normal"), delivery_timeout=86400, delivery="at_least_once"
        )
        async with EventQueue(lambda: made, settings) as opened:
            for n in range(600):
                given = {**event(n % 40), "metadata": {"ref": str(n)}}
                opened.track(given.pop("action"), **given)
                await asyncio.sleep(0.1 if n < 300 else 12)
            report = await opened.flush(HOUR)
            assert report.outcomes["delivered"] == 600
            assert_adds_up(opened)
        assert sum(10 <= at < 10 + HOUR for at in times) <= 180 + 64
        bodies = Counter(seen.json["metadata"]["ref"] for seen in script.history.applied)
        assert len(bodies) == 600

    run()


@virtual_time
async def test_after_an_outage_sending_resumes_without_a_burst() -> None:
    """The learned rate is the same after the outage as before, and no later second exceeds it."""
    made_rate = 50.0
    times: list[float] = []

    def hook(_: Seen) -> Answer | None:
        now = asyncio.get_running_loop().time()
        times.append(now)
        if 100 <= now < 400:
            return unsent(takes=0.01)
        recent = sum(now - 1 < at <= now for at in times[-200:])
        return answers(429, takes=0.02) if recent > made_rate else received(takes=0.02)

    script = Script(hook=hook)
    made = engine(script)
    async with EventQueue(lambda: made, Settings(capacity=100_000, delivery_timeout=86400)) as opened:
        for n in range(30_000):
            opened.track("page.viewed", session=f"s{n}")
        await asyncio.sleep(105)
        before = made.limiter.pacer.rate
        await asyncio.sleep(285)
        assert made.breaker_open
        assert made.limiter.pacer.rate == before
        await asyncio.sleep(60)
        back = min(at for at in times if at >= 400)
        first = sum(back <= at < back + 1 for at in times)
        assert before is not None
        assert first <= before * 1.2 + 2
        await opened.aclose(timeout=0)


@virtual_time
async def test_after_an_outage_requests_in_flight_start_low_again() -> None:
    """One probe, then ten at once, and more as they succeed."""
    script, times = away_between(100, 400, unsent(takes=0.01), takes=0.5)
    made = engine(script)
    async with EventQueue(lambda: made, Settings(capacity=100_000, delivery_timeout=86400)) as opened:
        for n in range(40_000):
            opened.track("page.viewed", session=f"s{n}")
        await asyncio.sleep(99)
        assert script.most_in_flight > 20
        await asyncio.sleep(400)
        back = [at - 400 for at in times if at >= 400]
        assert sum(at < back[0] + 0.4 for at in back) == 1
        assert 5 < sum(back[0] + 0.4 <= at < back[0] + 0.9 for at in back) <= 11
        await opened.aclose(timeout=0)


@virtual_time
async def test_a_storm_of_429s_loses_nothing_and_recovers_soon_after_its_end() -> None:
    """500 queued events and two minutes of 429s: few requests meanwhile, and all events are delivered afterwards."""
    script = Script(default=answers(429, takes=0.02))
    async with queue(script, delivery_timeout=HOUR) as opened:
        receipts = [opened.track("page.viewed", session=f"s{n}") for n in range(500)]
        await asyncio.sleep(120)
        assert script.asked <= 150
        script.default = received(takes=0.02)
        before = script.asked
        await asyncio.sleep(65)
        assert script.asked > before
        outcomes = await asyncio.gather(*receipts)
        assert {outcome.verdict for outcome in outcomes} == {"delivered"}
        assert {outcome.maybe_duplicated for outcome in outcomes} == {False}


@pytest.mark.parametrize("value", ["2", "0", "-1", "abc", "1000000000", "", "2, 5", "99999999999999999999999"])
def test_any_retry_after_is_obeyed_or_ignored_and_blocks_no_call(value: str) -> None:
    """Nothing is sent before a delay in seconds is over; invalid and zero delays are short; the longest is an hour."""

    @virtual_time
    async def run() -> None:
        script = Script(received(), answers(429, headers=(("Retry-After", value),)))
        async with queue(script, delivery_timeout=2 * HOUR) as opened:
            await opened.track("page.viewed", session="a")
            outcome = await opened.track("page.viewed", session="b")
            assert outcome.verdict == "delivered"
        waited = script.history[2].at - script.history[1].at
        assert waited <= HOUR * 1.06
        if value == "2":
            assert waited >= 2

    run()


@virtual_time
async def test_of_two_retry_after_headers_the_longer_counts() -> None:
    """A date is compared with the server's own clock."""
    date = (("Date", "Thu, 01 Jan 2026 00:00:00 GMT"), ("Retry-After", "Thu, 01 Jan 2026 00:00:30 GMT"))
    for headers, least in (((("Retry-After", "2"), ("Retry-After", "5")), 5), (date, 30)):
        script = Script(answers(429, headers=headers))
        async with queue(script, delivery_timeout=HOUR) as opened:
            await opened.track("page.viewed", session="a")
        waited = script.history[1].at - script.history[0].at
        assert least <= waited <= least * 1.06


@virtual_time
async def test_after_a_gate_one_request_goes_and_the_rest_when_it_is_through() -> None:
    """For calls and events alike: no request before the gate's end, then one, then the others."""
    starts: list[float] = []

    def hook(seen: Seen) -> Answer | None:
        starts.append(asyncio.get_running_loop().time())
        return answers(429, headers=(("Retry-After", "10"),)) if seen.number == 20 else received(takes=0.5)

    async with queue(Script(hook=hook), delivery_timeout=HOUR) as opened:
        receipts = [opened.track("page.viewed", session=f"s{n}") for n in range(100)]
        await asyncio.gather(*receipts)
    closed = starts[19]
    after = [at for at in starts if at > closed]
    assert min(after) >= closed + 10
    probe = min(after)
    assert sum(probe <= at < probe + 0.5 for at in after) == 1


@virtual_time
async def test_a_jump_of_the_wall_clock_changes_no_deadline(tmp_path: Path) -> None:
    """An hour forward and back while events wait: gates and timeouts use the monotonic clock."""
    for number, (jump, buffer) in enumerate(product((HOUR, -HOUR), (None, LoopSpool))):
        wall = EPOCH
        script = Script(answers(429, headers=(("Retry-After", "5"),)))
        spool = None if buffer is None else buffer(tmp_path / f"{number}.db")
        made = engine(script, wall=lambda: wall)
        async with queue(script, made=made, buffer=spool, delivery_timeout=60, wall=lambda: wall) as opened:
            receipt = opened.track("page.viewed", session="s")
            await asyncio.sleep(1)
            wall += jump
            outcome = await receipt
            assert outcome.verdict == "delivered"
            assert 5 <= outcome.waited <= 6


@virtual_time
async def test_bursts_of_5xx_are_resent_by_class_and_agree_with_the_server() -> None:
    """Every third request fails, half of those after it was applied: the checker compares client and server."""

    def hook(seen: Seen) -> Answer | None:
        if seen.number % 3:
            return received(takes=0.02)
        return answers(503, takes=0.02, applied=seen.number % 2 == 0)

    submissions = Submissions()
    script = Script(hook=hook)
    async with queue(script, delivery_timeout=HOUR) as opened:
        receipts = {}
        for n in range(300):
            given = order(n, profile=f"p{n % 7}") if n % 2 else event(n, profile=f"p{n % 7}")
            submissions.offered(str(n), "idempotent" if n % 2 else "non_idempotent", f"p{n % 7}")
            receipts[str(n)] = opened.track(given.pop("action"), **given)
            submissions.accepted(str(n))
        for ref, receipt in receipts.items():
            outcome = await receipt
            submissions.ended(ref, outcome.verdict, maybe_duplicated=outcome.maybe_duplicated)
        submissions.verify(script.history.applied, counts=opened.stats())


@virtual_time
async def test_a_timeout_halves_the_ceiling_and_a_round_of_successes_adds_one() -> None:
    """Once for all requests that were in flight when it happened."""
    ceilings: list[int] = []

    def hook(seen: Seen) -> Answer | None:
        ceilings.append(made.limiter.ceiling)
        return silent() if seen.number in (300, 301) else received(takes=1)

    made = engine(Script(hook=hook), limits=Limits(concurrency=40))
    async with EventQueue(lambda: made, Settings(delivery_timeout=HOUR)) as opened:
        for n in range(1500):
            opened.track("page.viewed", session=f"s{n}")
        await opened.flush()
    steps = list(dict.fromkeys(ceilings[ceilings.index(40) :]))
    assert steps[:3] == [40, 21, 22]  # while the ceiling was 20, the 20 requests in flight returned, and none was sent
    assert 20 <= ceilings.count(22) <= 50


@virtual_time
async def test_when_latency_rises_twentyfold_the_ceiling_falls_and_recovers() -> None:
    """Timeouts halve the ceiling of requests in flight; when the latency is normal again it rises."""

    def hook(_: Seen) -> Answer | None:
        now = asyncio.get_running_loop().time()
        return received(takes=30) if 20 <= now < 80 else received(takes=0.05)

    script = Script(hook=hook)
    made = engine(script)
    settings = Settings(capacity=1_000_000, delivery="at_least_once", delivery_timeout=HOUR)
    async with EventQueue(lambda: made, settings) as opened:

        async def feed() -> None:
            for n in range(100_000):
                await opened.put("page.viewed", session=f"s{n}")
                await asyncio.sleep(0.01)

        feeding = asyncio.ensure_future(feed())
        await asyncio.sleep(19)
        high = made.limiter.ceiling
        await asyncio.sleep(50)
        assert made.limiter.ceiling <= high / 2
        await asyncio.sleep(180)
        assert made.limiter.ceiling >= high / 2
        feeding.cancel()
        await opened.flush(HOUR)
        assert opened.stats().outcomes["delivered"] == opened.stats().accepted
