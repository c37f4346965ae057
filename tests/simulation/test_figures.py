"""What the pacer reaches against limiters unknown to it, by the worst of five seeds."""

from __future__ import annotations

from math import inf

import pytest

from hellotext_async._policy.pacer import Pacer

from .baselines import Adaptive, Aimd, Retries
from .figures import CUT, ROWS, SEEDS, Row, between, found, jain, run, shared, spaced, steady, stepped
from .limits import bucket
from .simulator import Demand, Hint, exact, never

CHANGES = [
    (200, 50, 5, 0.10),
    (500, 125, 5, 0.10),
    (40, 10, 5, 0.10),
    (50, 200, 20, 1),
    (100, 400, 20, 1),
    (10, 40, 60, 1),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_is_allowed_is_used_and_little_is_wasted(row: Row) -> None:
    """In the steady state; nothing passes a closed gate, and one probe alone follows it."""
    for seed in SEEDS if row.allowed < 1000 else SEEDS[:2]:  # a hundred thousand requests each
        record = steady(Pacer, row, seed)
        taken, refused = between(record, row.start, row.until)
        assert taken / (row.allowed * (row.until - row.start)) >= row.goodput
        assert refused / (taken + refused) <= row.wasted
        assert (record.through_closed_gate, record.beside_a_probe) == (0, 0)


@pytest.mark.parametrize(("before", "after", "within", "wasted"), CHANGES)
def test_a_changed_limit_is_found(before: float, after: float, within: float, wasted: float) -> None:
    """Fourfold down within 5 s, up within 20 s (a minute at 10/s); little is wasted in the 10 s after."""
    for seed in SEEDS:
        record = stepped(Pacer, before, after, seed)
        assert found(record, CUT, after) <= within
        taken, refused = between(record, CUT, CUT + 10)
        assert refused / (taken + refused) <= wasted


@pytest.mark.parametrize(("before", "after", "within"), [(200, 50, 5), (50, 10, 20), (50, 200, 30), (10, 50, 30)])
def test_a_changed_limit_without_burst_is_found(before: float, after: float, within: float) -> None:
    """Within so many seconds, by the share of it that a limit without burst lets be used."""
    for seed in SEEDS:
        record = spaced(Pacer, before, after, seed)
        assert found(record, CUT, 0.85 * after) <= within
        assert between(record, CUT + 60, CUT + 120)[0] >= 0.8 * after * 60


@pytest.mark.parametrize(("before", "after"), [(50, 200), (100, 400), (10, 40)])
def test_a_raised_limit_is_used_from_then_on(before: float, after: float) -> None:
    """In the minute that begins 20 s after it was raised fourfold."""
    for seed in SEEDS:
        taken, refused = between(stepped(Pacer, before, after, seed), CUT + 20, CUT + 80)
        assert taken >= 0.95 * after * 60
        assert refused <= 0.01 * taken


@pytest.mark.parametrize("hint", [never, exact])
@pytest.mark.parametrize(("allowed", "fair", "smallest"), [(100, 0.90, 0.125), (40, 0.85, 0.0)])
def test_processes_that_know_nothing_of_each_other_share_fairly(
    allowed: float, fair: float, smallest: float, hint: Hint
) -> None:
    """Four of them: Jain's index, the smallest share, and no gate or probe disregarded."""
    for seed in SEEDS:
        records = shared(Pacer, allowed, seed, hint=hint)
        shares = [between(record, 60, 300)[0] for record in records]
        assert jain(shares) >= fair
        assert min(shares) / sum(shares) >= smallest
        assert sum(record.through_closed_gate + record.beside_a_probe for record in records) == 0


def test_processes_share_a_limit_with_a_small_burst() -> None:
    """Four at 200/s with a burst of 20: nine tenths are used, and the smallest share is four fifths of a fair one."""
    for seed in SEEDS:
        shares = [between(record, 60, 300)[0] for record in shared(Pacer, 200, seed, burst=20)]
        assert jain(shares) >= 0.95
        assert min(shares) / sum(shares) >= 0.2
        assert sum(shares) >= 0.9 * 200 * 240


LOADS: list[tuple[str, Demand]] = [
    ("30 % loaded", ((0, inf), (60, 30), (240, inf))),
    ("70 % loaded", ((0, inf), (60, 70), (240, inf))),
    ("all but idle", ((0, inf), (60, 5), (240, inf))),
    ("idle", ((0, inf), (60, 0), (240, inf))),
]


@pytest.mark.parametrize("demand", [load[1] for load in LOADS], ids=[load[0] for load in LOADS])
def test_a_client_that_has_little_to_send_neither_runs_away_nor_forgets(demand: Demand) -> None:
    """At a limit of 100/s the rate stays near it, and under full load it finds the limit without a pause or a burst."""
    for seed in SEEDS:
        (record,) = run(Pacer, bucket(100), seed, 300, demands=[demand])
        assert all(80 <= rate <= 125 for at, rate in record.rates if 60 <= at < 240)
        taken, refused = between(record, 240, 250)
        assert taken >= 0.9 * 100 * 10
        assert refused <= 0.03 * taken


def test_a_burst_of_throttles_at_the_start_is_short() -> None:
    """From no knowledge, 90 % of the limit is reached in 15 s, with at most twice as many refused as were in flight."""
    for allowed in (10, 50, 200):
        for seed in SEEDS:
            (record,) = run(Pacer, bucket(allowed), seed, 20)
            assert between(record, 15, 20)[0] >= 0.9 * allowed * 5
            assert between(record, 0, 15)[1] <= 100


@pytest.mark.parametrize("row", [row for row in ROWS if row.allowed <= 50], ids=lambda row: row.name)
def test_retries_alone_waste_twenty_times_as_much(row: Row) -> None:
    """In the second half of the run, one seed: at least eight times, twenty without Retry-After."""
    half = row.until / 2
    ours = between(steady(Pacer, row, 1), half, row.until)
    theirs = between(steady(Retries, row, 1), half, row.until)
    assert theirs[1] / sum(theirs) >= (20 if row.hint is never else 8) * ours[1] / sum(ours)


def test_the_other_controllers_fall_short_where_it_does_not() -> None:
    """A window of one second: botocore's adaptive mode and AIMD leave more unused, by one seed of each."""
    row = next(row for row in ROWS if row.name == "50 in 1 s")
    ours, adaptive, aimd = (between(steady(made, row, 1), row.start, row.until)[0] for made in (Pacer, Adaptive, Aimd))
    assert ours > 1.1 * adaptive
    assert ours > 1.1 * aimd
