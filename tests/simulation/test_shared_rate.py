"""What workers that share one learned rate reach: the real pacers, and the place of the rate, in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import pytest

from .figures import between, fleet, found, jain
from .limits import Limiter, Steps, bucket, window
from .simulator import Demand, Hint, Link, Record, exact, never, whole

MINUTE = 60.0


def summed(records: list[Record], start: float, end: float) -> tuple[list[int], int]:
    """How many requests of each worker were accepted in an interval, and how many of all were refused."""
    found = [between(record, start, end) for record in records]
    return [taken for taken, _ in found], sum(refused for _, refused in found)


FLEETS: list[tuple[int, float, Hint, float, float, Sequence[int]]] = [
    (4, 100, never, 240, 0.01, (1, 2)),
    (4, 40, exact, 240, 0.01, (1, 2)),
    (4, 200, never, 180, 0.01, (1,)),
    (4, 200, whole, 180, 0.01, (2,)),
    (16, 50, never, 180, 0.01, (1, 2)),
    (64, 200, never, 120, 0.01, (1,)),
    (64, 200, whole, 120, 0.01, (2,)),
    (64, 10, never, 240, 0.02, (1,)),
]


@pytest.mark.parametrize(("count", "allowed", "hint", "until", "wasted", "seeds"), FLEETS)
def test_workers_use_the_limit_and_have_equal_shares(
    count: int, allowed: float, hint: Hint, until: float, wasted: float, seeds: Sequence[int]
) -> None:
    """From the second minute on; no worker sends before the end of a Retry-After that it received."""
    for seed in seeds:
        records = fleet(count, bucket(allowed), seed, until, hint=hint)
        shares, refused = summed(records, MINUTE, until)
        assert sum(shares) >= 0.95 * allowed * (until - MINUTE)
        assert refused <= wasted * (sum(shares) + refused)
        assert jain(shares) >= 0.99
        assert min(shares) >= 0.88 / count * sum(shares)
        assert sum(record.through_closed_gate for record in records) == 0


@pytest.mark.parametrize(
    ("limit", "allowed", "jitter", "used", "wasted"),
    [
        (window(600, 60), 10, None, 0.95, 0.02),
        (bucket(50, 1), 50, 0.001, 0.7, 0.02),
        (bucket(50, 5), 50, 0.001, 0.93, 0.02),
    ],
    ids=["600 in 60 s", "50/s, no burst", "50/s of 5"],
)
def test_other_kinds_of_limits_are_shared_too(
    limit: Limiter, allowed: float, jitter: float | None, used: float, wasted: float
) -> None:
    """A window, and limits that accept few or none together, which workers without a shared rate hardly use."""
    records = fleet(4, limit, 1, 300, jitter=jitter)
    shares, refused = summed(records, 2 * MINUTE, 300)
    assert sum(shares) >= used * allowed * 180
    assert refused <= wasted * (sum(shares) + refused)
    assert jain(shares) >= 0.99


@pytest.mark.parametrize(("before", "after", "within"), [(200, 50, 6), (50, 200, 25)])
def test_a_changed_limit_is_found_by_all(before: float, after: float, within: float) -> None:
    """As soon as a single worker would find it."""
    limit = Steps((0.0, lambda: bucket(before)), (90.3, lambda: bucket(after)))
    records = fleet(4, limit, 1, 150)
    together = Record()
    together.taken.extend(sorted(at for record in records for at in record.taken))
    together.refused.extend(sorted(at for record in records for at in record.refused))
    assert found(together, 90.3, after) <= within


def test_a_worker_with_little_to_send_leaves_its_share_to_the_others() -> None:
    """Two of four workers send a tenth of theirs; the others use the rest, evenly."""
    few: Demand = ((0.0, 2.5),)
    records = fleet(4, bucket(100), 1, 180, demands=[((0.0, inf),), ((0.0, inf),), few, few])
    shares, refused = summed(records, MINUTE, 180)
    assert sum(shares) >= 0.93 * 100 * 120
    assert refused <= 0.01 * sum(shares)
    assert min(shares[:2]) / sum(shares) >= 0.45
    assert min(shares[2:]) >= 0.8 * 2.5 * 120  # they send all that they have


def test_workers_join_and_leave() -> None:
    """A worker that joins at the second minute has its share at once, and that of one that leaves goes to the rest."""
    joins: Demand = ((MINUTE, inf),)
    leaves: Demand = ((0.0, inf), (2 * MINUTE, 0.0))
    records = fleet(4, bucket(100), 1, 180, demands=[((0.0, inf),), ((0.0, inf),), joins, leaves])
    shares, refused = summed(records, MINUTE + 2, 2 * MINUTE)
    assert jain(shares) >= 0.99
    assert refused <= 0.02 * sum(shares)
    after, _ = summed(records, 2 * MINUTE + 5, 180)
    assert after[3] == 0
    assert jain(after[:3]) >= 0.99
    assert sum(after) >= 0.95 * 100 * 55


def test_a_place_that_does_not_answer_leaves_each_a_share() -> None:
    """It is away for 20 s: no worker sends more than its share of the rate, and all share again after it."""
    away = (90.0, 110.0)
    records = fleet(4, bucket(200), 1, 180, link=Link(away=(away,)))
    for record in records:
        for start in range(92, 109):
            taken, refused = between(record, start, start + 1)
            assert taken + refused <= 1.1 * 200 * 1.1 / 4 + 2
    shares, refused = summed(records, 92, 109)
    assert sum(shares) >= 0.7 * 200 * 17
    assert refused <= 0.02 * sum(shares)
    shares, refused = summed(records, 112, 180)
    assert sum(shares) >= 0.95 * 200 * 68
    assert refused <= 0.01 * sum(shares)
    assert jain(shares) >= 0.99


def test_no_burst_follows_a_pause() -> None:
    """When 64 idle workers have work at the same time, they send what the limit allows, and the burst that it saved
    does not raise that.
    """
    pause: Demand = ((0.0, inf), (90.0, 0.0), (120.0, inf))
    records = fleet(64, bucket(200), 1, 150, demands=[pause] * 64)
    shares, refused = summed(records, 120.0, 121.0)
    assert sum(shares) + refused <= 1.25 * 200
    assert refused == 0
    shares, refused = summed(records, 121, 150)
    assert sum(shares) >= 0.93 * 200 * 29
    assert refused <= 0.01 * sum(shares)


@pytest.mark.parametrize("trip", [0.0004, 0.01])
def test_the_place_is_asked_seldom(trip: float) -> None:
    """At most sixteen times a second by each worker; a high latency to the place does no harm."""
    link = Link(trip=trip)
    records = fleet(4, bucket(500), 1, 90, link=link)
    shares, refused = summed(records, MINUTE, 90)
    assert link.place.commands <= 4 * 16 * 90
    assert sum(shares) >= 0.95 * 500 * 30
    assert refused <= 0.01 * sum(shares)
