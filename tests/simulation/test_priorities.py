"""Live events beside a background import under one limit: the real queues and the real limiter, in virtual time."""

from __future__ import annotations

import asyncio
from math import inf

import pytest

from hellotext_async._wire.call import Request
from tests.harness.clock import run_virtual
from tests.rig import engine, queue

from .limits import bucket
from .server import Server, behind, fed

SEEDS = range(1, 4)
LIMIT = 200
START, UNTIL = 20.0, 60.0


def kind_of(request: Request) -> str:
    return "live" if b'"live' in (request.body or b"") else "import"


async def side_by_side(seed: int, live: float, background: float) -> tuple[Server, list[float]]:
    """So many live events a second beside so many of an import; the server, and how long each live event took."""
    limit = bucket(LIMIT)
    server = Server(lambda _: limit, kind_of, seed=seed)
    base = engine(server, seed=seed)
    waits: list[tuple[float, float]] = []
    loop = asyncio.get_running_loop()
    async with (
        queue(server, made=base, capacity=500, on_outcome=lambda end: waits.append((loop.time(), end.waited))) as own,
        queue(server, made=base.over(priority="background"), capacity=500) as other,
    ):
        async with behind(fed(own, "live", rate=live), fed(other, "import", rate=background)):
            await asyncio.sleep(UNTIL)
        await own.aclose(timeout=0)
        await other.aclose(timeout=0)
    return server, sorted(wait for at, wait in waits if at >= START)


def test_an_import_takes_what_live_events_leave_and_they_hardly_wait_for_it() -> None:
    """50/s live under 200/s: 99 of 100 take at most twice as long as alone, and the import has 95 % of the rest.

    The waits are those of all seeds together: of one alone, twenty events decide.
    """
    alone: list[float] = []
    beside: list[float] = []
    for seed in SEEDS:
        alone += run_virtual(side_by_side(seed, 50, 0.001))[1]
        server, waits = run_virtual(side_by_side(seed, 50, inf))
        beside += waits
        assert server.rate("live", START, UNTIL) >= 49.9
        assert server.rate("import", START, UNTIL) >= 0.95 * (LIMIT - 50)
    assert share(beside, 0.99) <= 2 * share(alone, 0.99)
    assert share(beside, 0.5) <= 1.1 * share(alone, 0.5)


def share(waits: list[float], part: float) -> float:
    """The wait that this share of them does not exceed."""
    return sorted(waits)[int(len(waits) * part)]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_import_keeps_its_share_when_live_events_take_all(seed: int) -> None:
    """Every twentieth request, and the limit is used as well as by one queue."""
    server, _ = run_virtual(side_by_side(seed, inf, inf))
    live, background = server.rate("live", START, UNTIL), server.rate("import", START, UNTIL)
    assert live + background >= 0.95 * LIMIT
    assert background >= 0.045 * LIMIT
    assert live >= 0.9 * LIMIT
