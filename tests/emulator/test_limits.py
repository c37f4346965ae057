"""The emulator's rate limiters, with time as an argument."""

from __future__ import annotations

import math
import random
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from hellotext_async import Hellotext, RateLimited
from hellotext_async.emulator import Emulator
from hellotext_async.emulator.limits import RateLimit, retry_after

KINDS = ["bucket", "gcra", "leaky", "window", "sliding"]


def admitted(limit: RateLimit, times: list[float]) -> list[float]:
    """The requests that are admitted, of those at these times."""
    limiter = limit.limiter()
    return [now for now in times if limiter.admit(now) is None]


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    """Ten at once, then one every tenth of a second; never more than the burst accumulates."""
    limit = RateLimit(10, burst=10)
    assert len(admitted(limit, [5.0] * 50)) == 10
    assert len(admitted(limit, [n / 1000 for n in range(10_000)])) == pytest.approx(110, abs=1)
    limiter = limit.limiter()
    assert [limiter.admit(0.0) for _ in range(10)] == [None] * 10
    assert limiter.admit(0.0) == pytest.approx(0.1)
    assert [limiter.admit(1000.0) for _ in range(11)][-2:] == [None, pytest.approx(0.1)]


@pytest.mark.parametrize("kind", ["gcra", "leaky"])
def test_a_limit_without_burst_wants_a_distance(kind: Any) -> None:
    """Of two concurrent requests one is refused, however long the pause before; at the rate's interval none is."""
    assert len(admitted(RateLimit(10, burst=1, kind=kind), [5.0, 5.0, 500.0, 500.05, 500.11])) == 3
    assert len(admitted(RateLimit(10, burst=1, kind=kind), [n / 10 + n * 1e-9 for n in range(100)])) == 100


@pytest.mark.parametrize("kind", ["gcra", "leaky"])
def test_a_limit_by_distance_has_a_burst_too(kind: Any) -> None:
    """Five at once, then at the rate."""
    assert len(admitted(RateLimit(10, burst=5, kind=kind), [1.0] * 20)) == 5
    assert len(admitted(RateLimit(10, burst=5, kind=kind), [1.0] * 20 + [1.31] * 20)) == 8


def test_a_limit_concerns_some_requests_and_counts_them_apart() -> None:
    """By method and path, for each route or each subject; bodies that name no subject share one count."""
    events = RateLimit(1, match="POST /v1/attribution/*", per="subject")
    assert events.concerns("POST /v1/attribution/events")
    assert not events.concerns("GET /v1/profiles")
    keys = [events.key("POST /", body) for body in ({"profile": "p"}, {"session": "s"}, {}, None, [1])]
    assert keys == ["p", "s", "", "", ""]
    routes = RateLimit(1, per="route")
    assert routes.key("GET /v1/lists", None) != routes.key("GET /v1/coupons", None)


async def test_an_emulator_limits_each_route_by_itself() -> None:
    """One route at its limit does not affect the others."""
    async with (
        Emulator(rate_limit=RateLimit(0.01, burst=1, per="route")) as emulator,
        Hellotext(emulator.token, base_url=emulator.url) as opened,
    ):
        client = opened.with_options(wait=0)
        await client.lists.list(limit=1)
        with pytest.raises(RateLimited):
            await client.lists.list(limit=1)
    assert [seen.status for seen in emulator.requests] == [200, 429]


def test_a_fixed_window_starts_anew_on_the_clock() -> None:
    """So up to twice its number is admitted around the boundary."""
    limit = RateLimit(10, kind="window", period=2)
    assert len(admitted(limit, [1.99] * 50 + [2.0] * 50)) == 40
    limiter = limit.limiter()
    waits = [limiter.admit(1.5) for _ in range(21)]
    assert waits[-2:] == [None, pytest.approx(0.5)]


def test_a_sliding_window_never_lets_more_pass_in_any_period() -> None:
    """In any interval of that length."""
    chance = random.Random(1)
    times = sorted(chance.uniform(0, 20) for _ in range(2000))
    passed = admitted(RateLimit(10, kind="sliding", period=2), times)
    assert len(passed) > 150
    assert all(sum(start <= at < start + 2 for at in passed) <= 20 for start in passed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_after_the_retry_after_is_admitted(kind: Any) -> None:
    """A request a little earlier is refused."""
    limiter, early = RateLimit(3, burst=2, kind=kind).limiter(), RateLimit(3, burst=2, kind=kind).limiter()
    now = 100.25
    while (wait := limiter.admit(now)) is None:
        assert early.admit(now) is None
    assert early.admit(now) == wait
    assert 0 < wait <= 1
    assert early.admit(now + wait - 0.01) is not None
    assert limiter.admit(now + wait + 1e-9) is None


@pytest.mark.parametrize("kind", KINDS)
def test_requests_that_are_refused_cost_nothing(kind: Any) -> None:
    """Refused requests do not delay the next admission."""
    limit = RateLimit(5, burst=1, kind=kind)
    assert len(admitted(limit, [n / 1000 for n in range(10_000)])) == pytest.approx(50, abs=5)


def test_retry_after_is_in_seconds_a_date_or_absent() -> None:
    """Whole seconds, rounded up, at least one."""
    for form in (True, "seconds"):
        assert retry_after(RateLimit(1, retry_after=form), 0.2, 0) == {"Retry-After": "1"}
        assert retry_after(RateLimit(1, retry_after=form), 2.01, 0) == {"Retry-After": "3"}
    assert retry_after(RateLimit(1, retry_after=False), 5, 0) == {}
    header = retry_after(RateLimit(1, retry_after="date"), 2.5, 1_790_000_000.2)["Retry-After"]
    assert parsedate_to_datetime(header).timestamp() == math.ceil(1_790_000_002.7)


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"rate": -1}, {"rate": 1, "period": 0}, {"rate": math.nan}])
def test_a_limit_that_lets_nothing_pass_is_a_mistake(wrong: dict[str, float]) -> None:
    """ValueError when it is created."""
    with pytest.raises(ValueError, match="more than 0"):
        RateLimit(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["kind", "per"])
def test_a_limit_of_an_unknown_kind_is_a_mistake(name: str) -> None:
    """The message lists the valid kinds."""
    with pytest.raises(ValueError, match=f"{name}: expected .*'(leaky|route)'"):
        RateLimit(1, **{name: "other"})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["rate", "burst", "period", "match", "retry_after", "kind", "per"])
@pytest.mark.parametrize("value", ["nonsense", None, True, -1, float("nan")])
def test_a_limit_that_makes_no_sense_is_refused_by_name(name: str, value: Any) -> None:
    """When it is created, not at the first request."""
    if (name, value) in {("match", "nonsense"), ("retry_after", True), ("per", None)}:
        return
    with pytest.raises(ValueError, match=name):
        RateLimit(**{"rate": 10, name: value})
