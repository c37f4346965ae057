"""A queue or an engine around a transport double, on whatever loop runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hellotext_async._policy.breaker import Breaker
from hellotext_async._policy.pacer import Pacer
from hellotext_async.config import Limits, Options, Retry
from hellotext_async.engine import Engine
from hellotext_async.limiter import Limiter
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from hellotext_async.queue.sqlite import SqliteSpool
from hellotext_async.transport import Transport
from tests.harness.clock import EPOCH

OPTIONS = Options(Retry())


def engine(transport: Transport, *, limits: Limits | None = None, seed: int = 1, total: float = 20) -> Engine:
    """An engine whose clock is the loop's and whose chance is fixed."""
    loop = asyncio.get_running_loop()
    limits = limits or Limits()
    chance = random.Random(seed).uniform
    limiter = Limiter(
        limits.concurrency, pacer=Pacer(ceiling=limits.rate, uniform=chance), breaker=Breaker(chance), loop=loop
    )
    return Engine(
        transport,
        limiter,
        total=total,
        clock=loop.time,
        wall=lambda: EPOCH + loop.time(),
        sleep=asyncio.sleep,
        uniform=chance,
        boottime=loop.time,
    )


@asynccontextmanager
async def queue(transport: Transport, *, made: Engine | None = None, **settings: Any) -> AsyncIterator[EventQueue]:
    """An open queue over `transport`, whose numbers add up when it is closed."""
    own = made or engine(transport)
    opened = EventQueue(lambda: own, Settings(**settings))
    async with opened:
        yield opened
    assert_adds_up(opened)


def assert_adds_up(opened: EventQueue) -> None:
    """Fail unless every accepted event is accounted for."""
    stats = opened.stats()
    assert stats.accepted == sum(stats.outcomes.values()) + stats.queued + stats.in_flight, stats


def event(number: int = 0, *, profile: str | None = None, action: str = "page.viewed") -> dict[str, Any]:
    """A duplicable event with a reference of its own, about its own session unless a profile is given."""
    about = {"profile": profile} if profile else {"session": f"s{number}"}
    return {"action": action, "metadata": {"ref": str(number)}, **about}


def order(number: int = 0, *, profile: str | None = None) -> dict[str, Any]:
    """A repeatable event: an order of a known profile."""
    return {
        "action": "order.placed",
        "order": f"o{number}",
        "profile": profile or f"p{number}",
        "metadata": {"ref": str(number)},
    }


class LoopWriter:
    """The spool's writer without a thread: a group is what was asked since the last turn of the loop."""

    def __init__(
        self, take: Any, write: Any, written: Any, *, loop: asyncio.AbstractEventLoop, name: str, last: Any = None
    ) -> None:
        self._take, self._write, self._written, self._last = take, write, written, last
        self._loop = loop
        self._due = False

    def kick(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._due = False
        group = self._take()
        try:
            result, error = self._write(group), None
        except Exception as raised:
            result, error = None, raised
        self._written(group, result, error)

    async def flush(self) -> None:
        while self._due:
            await asyncio.sleep(0)

    async def aclose(self) -> None:
        await self.flush()
        if self._last is not None:
            self._last()


class LoopSpool(SqliteSpool):
    """A spool for the virtual clock."""

    writer = LoopWriter  # type: ignore[assignment]
