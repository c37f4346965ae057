"""Throttles of one route or one subject, beside a full queue of other events: servers, and what is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any, Final

from hellotext_async._calls import send
from hellotext_async._wire.call import Call, Reply, Request
from hellotext_async.config import Options, Retry
from hellotext_async.engine import Engine
from hellotext_async.errors import HellotextError
from hellotext_async.queue.queue import EventQueue
from hellotext_async.resources._verbs import Deleted
from tests.rig import engine, queue

from .limits import Limiter
from .server import Server, behind, fed
from .simulator import Hint

__all__ = [
    "BESIDE", "PLACES", "Beside", "Closed", "Failing", "Later", "Stray", "calls", "kind_of", "nothing", "poisoned", "served", "two_routes",
]  # fmt: skip

PLACES: Final = 16
BESIDE: Final = (20.0, 40.0)
"""The interval in which other requests are sent beside the events, or some events fail."""
Beside = Callable[[Engine, EventQueue], Coroutine[Any, Any, None]]


class Closed:
    """A limit that accepts nothing until it ends."""

    def __init__(self, ends: float = inf) -> None:
        self._ends = ends
        self.ended = False

    def admit(self, now: float) -> float | None:
        self.ended = now >= self._ends
        return None if self.ended else 1.0


class Stray:
    """No limit, except that one request is refused."""

    def __init__(self, number: int) -> None:
        self._left = number

    def admit(self, now: float) -> float | None:
        self._left -= 1
        return 1.0 if self._left == 0 else None


class Failing(Server):
    """Answers every third request of an interval with 500; the limit counts them as it does the others."""

    async def exchange(self, request: Request, /, *, total: float, not_after: float = inf) -> Reply:
        reply = await super().exchange(request, total=total, not_after=not_after)
        now, taken, failed = asyncio.get_running_loop().time(), self.taken["event"], self.taken["failed"]
        if reply.status == 200 and BESIDE[0] <= now < BESIDE[1] and (len(taken) + len(failed)) % 3 == 0:
            failed.append(taken.pop())
            return Reply(500, (), b"")
        return reply


def kind_of(request: Request) -> str:
    if not request.target.startswith("/v1/attribution/events"):
        return "call"
    return "poisoned" if b'"poisoned' in (request.body or b"") else "event"


async def served(
    limit_of: Callable[[Request], Limiter | None],
    beside: Beside,
    seed: int,
    hint: Hint,
    until: float,
    *,
    made: type[Server] = Server,
) -> Server:
    """The server after so many seconds of a full queue of other events and what is sent beside them."""
    server = made(limit_of, kind_of, seed=seed, hint=hint)
    base = engine(server, seed=seed)
    async with queue(server, made=base, capacity=2000, concurrency=PLACES) as opened:
        async with behind(fed(opened, "other"), beside(base, opened)):
            await asyncio.sleep(until)
        await opened.aclose(timeout=0)
    return server


async def calls(base: Engine, _: EventQueue, *, routes: Sequence[str] = ("coupons",)) -> None:
    """Ten calls a second of each of these routes."""
    running: set[asyncio.Task[None]] = set()
    while True:
        for route in routes:
            task = asyncio.ensure_future(call(base, route))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.sleep(0.1)


two_routes = partial(calls, routes=("coupons", "lists"))


async def call(base: Engine, route: str) -> None:
    with suppress(HellotextError):
        await send(base, Call("GET", f"/v1/{route}/x", Deleted, "safe"), Options(Retry()))


async def nothing(_engine: Engine, _queue: EventQueue) -> None:
    """Nothing beside the events."""


async def poisoned(_: Engine, opened: EventQueue) -> None:
    """Two events a second of one subject."""
    while True:
        await opened.put("page.viewed", session="poisoned")
        await asyncio.sleep(0.5)


class Later:
    """A limit that begins at a time, for requests that another limit accepts."""

    def __init__(self, begins: float, limit: Limiter, before: Limiter | None = None) -> None:
        self._begins, self._limit, self._before = begins, limit, before

    def admit(self, now: float) -> float | None:
        if now >= self._begins:
            return self._limit.admit(now)
        return None if self._before is None else self._before.admit(now)
