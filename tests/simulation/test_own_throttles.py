"""Throttles of one route or one subject, or by mistake: how far the rate of other events falls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

import pytest

from hellotext_async._wire.call import Request
from tests.harness.clock import run_virtual
from tests.rig import engine, queue

from .limits import Limiter, bucket
from .own import PLACES, Beside, Closed, Later, Stray, calls, kind_of, nothing, poisoned, served, two_routes
from .server import RTT, Server, behind, fed
from .simulator import Hint, never, whole

UNTIL = 40.0
ALONE = PLACES / (RTT + 0.001)
"""Events a second that are delivered where nothing is refused: the number in flight by the round trip."""
APPEARS, LIMIT, LEARNED, END = 15.0, 50, 30.0, 50.0


async def delivered(limit_of: Callable[[Request], Limiter | None], beside: Beside, seed: int, hint: Hint) -> float:
    """How many other events are delivered a second, from the tenth second on."""
    return (await served(limit_of, beside, seed, hint, UNTIL)).rate("event", 10.0, UNTIL)


@pytest.mark.parametrize("hint", [never, whole])
@pytest.mark.parametrize(("kind", "beside"), [("call", calls), ("call", two_routes), ("poisoned", poisoned)])
def test_events_of_others_keep_nine_tenths_of_their_rate(kind: str, beside: Beside, hint: Hint) -> None:
    """Where every call of one route, or every event of one subject, is answered with 429, and nothing else is."""
    closed = Closed()
    for seed in (1, 2):
        rate = run_virtual(delivered(lambda request: closed if kind_of(request) == kind else None, beside, seed, hint))
        assert rate >= 0.9 * ALONE


@pytest.mark.parametrize("hint", [never, whole])
@pytest.mark.parametrize(("number", "seed"), [(1, 1), (2, 2), (5, 3), (10, 4)])
def test_one_stray_throttle_at_the_start_is_forgotten(number: int, seed: int, hint: Hint) -> None:
    """No limit at all, and one 429 in the first milliseconds: 500 a second again within 15 s."""

    async def recovered() -> float:
        stray = Stray(number)
        server = Server(lambda _: stray, kind_of, seed=seed, hint=hint)
        async with queue(server, made=engine(server, seed=seed), capacity=2000) as opened:
            async with behind(fed(opened, "other", rate=inf)):
                await asyncio.sleep(18)
            await opened.aclose(timeout=0)
        return server.rate("event", 15, 18)

    assert run_virtual(recovered()) >= 500


@pytest.mark.parametrize("hint", [never, whole])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_subjects_that_are_refused_from_the_first_request_on_do_not_hold_up_others(seed: int, hint: Hint) -> None:
    """Ten events, each of a subject that is always refused, are the first: other events soon reach their rate."""

    async def recovered() -> float:
        closed = Closed()
        server = Server(
            lambda request: closed if kind_of(request) == "poisoned" else None, kind_of, seed=seed, hint=hint
        )
        async with queue(server, made=engine(server, seed=seed), capacity=2000, concurrency=PLACES) as opened:
            for n in range(10):
                opened.track("page.viewed", session=f"poisoned{n}")
            async with behind(fed(opened, "other")):
                await asyncio.sleep(50)
            await opened.aclose(timeout=0)
        return server.rate("event", 40, 50)

    assert run_virtual(recovered()) >= 0.9 * ALONE


def assert_learned(server: Server, *others: str) -> None:
    """Fail unless nine tenths of the general limit are used from some time on, and hardly an event is refused."""
    taken, refused = server.between("event", LEARNED, END)
    both = taken + sum(server.between(kind, LEARNED, END)[0] for kind in others)
    assert both >= 0.9 * LIMIT * (END - LEARNED)
    assert refused <= 0.02 * (taken + refused)


@pytest.mark.parametrize("hint", [never, whole])
@pytest.mark.parametrize("ends", [10.0, inf])
@pytest.mark.parametrize(("kind", "beside"), [("call", calls), ("poisoned", poisoned)])
def test_a_limit_for_all_that_appears_after_a_forgotten_one_is_learned(
    kind: str, beside: Beside, ends: float, hint: Hint
) -> None:
    """Throttles of one route or subject come first and are forgotten; they may continue beside the general limit."""
    closed, later = Closed(ends), Later(APPEARS, bucket(LIMIT))

    def limit_of(request: Request) -> Limiter:
        return closed if kind_of(request) == kind and not closed.ended else later

    assert_learned(run_virtual(served(limit_of, beside, 1, hint, until=END)), kind)


@pytest.mark.parametrize("hint", [never, whole])
def test_a_limit_that_appears_after_a_stray_throttle_is_learned(hint: Hint) -> None:
    """The stray throttle is forgotten when the rate has grown so far that there is no limit."""
    later = Later(APPEARS, bucket(LIMIT), Stray(5))
    assert_learned(run_virtual(served(lambda _: later, nothing, 1, hint, until=END)))


@pytest.mark.parametrize("hint", [never, whole])
def test_one_route_takes_nothing_of_a_limit_that_there_is_for_others(hint: Hint) -> None:
    """From the beginning every call of the route is refused, and the others have a limit."""
    closed, shared = Closed(), bucket(LIMIT)
    server = run_virtual(
        served(lambda request: closed if kind_of(request) == "call" else shared, calls, 1, hint, until=END)
    )
    assert_learned(server)
