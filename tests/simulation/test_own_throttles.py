"""Throttles that belong to one route or one subject, or that were a mistake: what events of others keep of their rate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from math import inf
from typing import Any

import pytest

from hellotext_async._calls import send
from hellotext_async._wire.call import Call, Request
from hellotext_async.config import Options, Retry
from hellotext_async.engine import Engine
from hellotext_async.errors import HellotextError
from hellotext_async.queue.queue import EventQueue
from hellotext_async.resources._verbs import Deleted
from tests.harness.clock import run_virtual
from tests.rig import engine, queue

from .limits import Limiter
from .server import RTT, Server, behind, fed
from .simulator import Hint, never, whole

UNTIL, PLACES = 40.0, 16
ALONE = PLACES / (RTT + 0.001)
"""Events a second that are delivered where nothing is refused: so many are under way, each for a round trip."""

Beside = Callable[[Engine, EventQueue], Coroutine[Any, Any, None]]


class Closed:
    """A limit that lets nothing pass."""

    def admit(self, now: float) -> float | None:
        return 1.0


class Stray:
    """No limit, but for one request that is refused."""

    def __init__(self, number: int) -> None:
        self._left = number

    def admit(self, now: float) -> float | None:
        self._left -= 1
        return 1.0 if self._left == 0 else None


def kind_of(request: Request) -> str:
    if not request.target.startswith("/v1/attribution/events"):
        return "call"
    return "poisoned" if b'"poisoned' in (request.body or b"") else "event"


async def delivered(limit_of: Callable[[Request], Limiter | None], beside: Beside, seed: int, hint: Hint) -> float:
    """How many events of others are delivered a second, from the tenth second on."""
    server = Server(limit_of, kind_of, seed=seed, hint=hint)
    base = engine(server, seed=seed)
    async with queue(server, made=base, capacity=2000, concurrency=PLACES) as opened:
        async with behind(fed(opened, "other"), beside(base, opened)):
            await asyncio.sleep(UNTIL)
        await opened.aclose(timeout=0)
    return server.rate("event", 10.0, UNTIL)


async def calls(base: Engine, _: EventQueue) -> None:
    """Ten calls a second of one route."""
    running: set[asyncio.Task[None]] = set()
    while True:
        task = asyncio.ensure_future(call(base))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(0.1)


async def call(base: Engine) -> None:
    with suppress(HellotextError):
        await send(base, Call("GET", "/v1/coupons/x", Deleted, "safe"), Options(Retry()))


async def poisoned(_: Engine, opened: EventQueue) -> None:
    """Two events a second of one subject."""
    while True:
        await opened.put("page.viewed", session="poisoned")
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("hint", [never, whole])
@pytest.mark.parametrize(("kind", "beside"), [("call", calls), ("poisoned", poisoned)])
def test_events_of_others_keep_nine_tenths_of_their_rate(kind: str, beside: Beside, hint: Hint) -> None:
    """Where every call of one route, or every event of one subject, is answered with 429, and nothing else is."""
    closed = Closed()
    for seed in range(1, 4):
        rate = run_virtual(delivered(lambda request: closed if kind_of(request) == kind else None, beside, seed, hint))
        assert rate >= 0.9 * ALONE


@pytest.mark.parametrize("hint", [never, whole])
@pytest.mark.parametrize("number", [1, 2, 5, 10])
def test_one_stray_throttle_at_the_start_is_forgotten(number: int, hint: Hint) -> None:
    """No limit at all, and one 429 in the first milliseconds: 500 a second again within 15 s."""

    async def recovered(seed: int) -> float:
        stray = Stray(number)
        server = Server(lambda _: stray, kind_of, seed=seed, hint=hint)
        async with queue(server, made=engine(server, seed=seed), capacity=2000) as opened:
            async with behind(fed(opened, "other", rate=inf)):
                await asyncio.sleep(18)
            await opened.aclose(timeout=0)
        return server.rate("event", 15, 18)

    for seed in range(1, 4):
        assert run_virtual(recovered(seed)) >= 500
