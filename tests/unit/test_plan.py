"""The sharing of shards: with the same view all shares differ by one at most, and no shard moves twice."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from hellotext_async.fleet.plan import plan

names = st.sampled_from([f"w{n}" for n in range(8)])


@st.composite
def views(draw: st.DrawFn) -> tuple[dict[int, str | None], list[str]]:
    """Some shards, owned by live workers, by dead ones, or by none."""
    workers = draw(st.lists(names, min_size=1, unique=True))
    owners = draw(st.lists(st.one_of(st.none(), names), min_size=1, max_size=70))
    return dict(enumerate(owners)), workers


@given(views())
def test_plans_of_one_view_fit_together(view: tuple[dict[int, str | None], list[str]]) -> None:
    """Only free shards are taken, each by one worker; a worker releases only its own; no shard is both."""
    owners, workers = view
    taken: list[int] = []
    for me in workers:
        mine = plan(owners, workers, me)
        assert not (mine.take and mine.give)
        assert all(owners[shard] is None for shard in mine.take)
        assert all(owners[shard] == me for shard in mine.give)
        taken += mine.take
    assert len(taken) == len(set(taken))


@given(views())
def test_every_shard_is_owned_and_the_shares_are_even(view: tuple[dict[int, str | None], list[str]]) -> None:
    """Once the leases of dead workers have expired, two rounds are enough, and then no shard moves any more."""
    owners, workers = view
    owners = {shard: owner if owner in workers else None for shard, owner in owners.items()}
    moved = 0
    for _ in range(2):
        plans = {me: plan(owners, workers, me) for me in workers}
        for me, mine in plans.items():
            owners |= dict.fromkeys(mine.take, me) | dict.fromkeys(mine.give, None)
            moved += len(mine.give)
    plans = {me: plan(owners, workers, me) for me in workers}
    owners |= {shard: me for me, mine in plans.items() for shard in mine.take}
    assert set(owners.values()) <= set(workers)
    shares = [list(owners.values()).count(me) for me in workers]
    assert sum(shares) == len(owners)
    assert max(shares) - min(shares) <= 1
    assert all(plan(owners, workers, me) == plan({}, ["x"], "x") for me in workers)


@given(views(), names)
def test_no_more_moves_than_must(view: tuple[dict[int, str | None], list[str]], newcomer: str) -> None:
    """When one worker joins an evenly shared fleet, only its share moves."""
    owners, workers = view
    even: dict[int, str | None] = {shard: sorted(workers)[shard % len(workers)] for shard in owners}
    fleet = sorted({*workers, newcomer})
    given_back = sum(len(plan(even, fleet, me).give) for me in fleet)
    assert given_back <= (0 if newcomer in workers else -(-len(owners) // len(fleet)))


@given(views(), views())
def test_views_that_differ_take_nothing_that_is_owned(
    one: tuple[dict[int, str | None], list[str]], other: tuple[dict[int, str | None], list[str]]
) -> None:
    """A worker that does not know of others takes at most what it sees as free; leases decide between two."""
    for owners, workers in (one, other):
        for me in workers:
            alone = plan(owners, [me], me)
            assert set(alone.take) == {shard for shard, owner in owners.items() if owner is None}
