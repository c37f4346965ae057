"""What the pacer reaches against limiters that it knows nothing of, in virtual time, with fixed seeds."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from hellotext_async._policy.pacer import Pacer
from tests.simulation.limits import Limit, SlidingWindow, Steps, TokenBucket, Window
from tests.simulation.simulator import Client, Hint, Record, exact, never, simulate, whole

SEEDS = range(1, 6)


def clients(count: int, seed: int, places: int) -> list[Client]:
    return [Client(Pacer(uniform=random.Random(seed * 100 + n).uniform), places=places) for n in range(count)]


def run(
    limit: Callable[[], Limit], hint: Hint, seed: int, until: float, *, places: int = 50, count: int = 1
) -> list[Record]:
    return simulate(clients(count, seed, places), limit(), hint=hint, seed=seed, until=until)


def between(record: Record, start: float, end: float) -> tuple[int, int]:
    """How many requests were taken and how many refused in a span."""
    return sum(start <= at < end for at in record.taken), sum(start <= at < end for at in record.refused)


ROWS: list[tuple[str, Callable[[], Limit], Hint, float, float, float, float]] = [
    # name, limit, what Retry-After tells, allowed a second, until, least goodput, most waste
    ("bucket 50/s", lambda: TokenBucket(50, 50), never, 50, 180, 0.95, 0.01),
    ("bucket 50/s, whole seconds", lambda: TokenBucket(50, 50), whole, 50, 180, 0.95, 0.01),
    ("bucket 10/s", lambda: TokenBucket(10, 10), never, 10, 180, 0.95, 0.02),
    ("bucket 2/s", lambda: TokenBucket(2, 5), never, 2, 300, 0.95, 0.02),
    ("bucket 500/s", lambda: TokenBucket(500, 500), never, 500, 90, 0.95, 0.01),
    ("bucket 2,000/s", lambda: TokenBucket(2000, 2000), never, 2000, 75, 0.95, 0.01),
    ("600 in 60 s, told exactly", lambda: Window(600, 60), exact, 10, 300, 0.95, 0.02),
    ("600 in 60 s, untold", lambda: Window(600, 60), never, 10, 300, 0.95, 0.025),  # the aim is 0.02
    ("50 in 1 s", lambda: Window(50, 1), never, 50, 180, 0.90, 0.01),
    ("50 in 1 s, whole seconds", lambda: Window(50, 1), whole, 50, 180, 0.80, 0.01),
    ("100 in any 10 s", lambda: SlidingWindow(100, 10), never, 10, 180, 0.95, 0.02),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_it_uses_what_is_allowed_and_wastes_little(
    row: tuple[str, Callable[[], Limit], Hint, float, float, float, float],
) -> None:
    """Worst of five seeds after a minute: goodput, waste, nothing through a closed gate, one probe after it."""
    _, limit, hint, allowed, until, least, most = row
    for seed in SEEDS if allowed < 500 else SEEDS[:2]:
        (record,) = run(limit, hint, seed, until, places=400 if allowed >= 500 else 50)
        taken, refused = between(record, 60, until)
        assert taken / (allowed * (until - 60)) >= least
        assert refused / (taken + refused) <= most
        assert record.through_closed_gate == 0
        assert record.beside_a_probe == 0


def found(record: Record, start: float, allowed: float, span: float = 3.0) -> float:
    """Seconds until a span has 85 % of what is allowed and at most 10 % waste."""
    at = start
    while at < start + 200:
        taken, refused = between(record, at, at + span)
        if taken >= 0.85 * allowed * span and refused <= 0.1 * (taken + refused):
            return at - start
        at += 0.5
    return float("inf")


@pytest.mark.parametrize(("before", "after", "within"), [(200, 50, 5), (40, 10, 5), (50, 200, 20), (10, 40, 60)])
def test_a_changed_limit_is_found(before: float, after: float, within: float) -> None:
    """Fourfold down and up, by the worst of five seeds."""
    for seed in SEEDS:
        steps = Steps((0, lambda: TokenBucket(before, before)), (100, lambda: TokenBucket(after, after)))
        (record,) = run(lambda steps=steps: steps, never, seed, 180)  # type: ignore[misc]
        assert found(record, 100, after) <= within
        if before > after and before >= 50:
            taken, refused = between(record, 100, 110)
            assert refused <= 0.1 * (taken + refused)


@pytest.mark.parametrize(("allowed", "jain"), [(100, 0.9), (40, 0.85)])
def test_four_processes_that_know_nothing_of_each_other_share_fairly(allowed: float, jain: float) -> None:
    """Jain's index, and the smallest share at 100/s at least half of the fair one."""
    for seed in SEEDS:
        records = run(lambda: TokenBucket(allowed, allowed), never, seed, 300, count=4)
        shares = [between(record, 60, 300)[0] for record in records]
        assert sum(shares) ** 2 / (4 * sum(share**2 for share in shares)) >= jain
        assert allowed < 100 or min(shares) >= sum(shares) / 8
