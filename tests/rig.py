"""A queue or an engine around a transport double, on whatever loop runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from hellotext_async._policy.breaker import Breaker
from hellotext_async._policy.pacer import Pacer
from hellotext_async.config import Limits, Options, Retry, Token
from hellotext_async.engine import Engine
from hellotext_async.limiter import Limiter
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.receipt import Receipt
from hellotext_async.queue.settings import Settings
from hellotext_async.spool.sqlite_spool import SqliteSpool
from hellotext_async.transport import Transport
from tests.harness.clock import EPOCH
from tests.harness.credentials import Credentials

OPTIONS = Options(Retry())


def engine(
    transport: Transport,
    *,
    limits: Limits | None = None,
    seed: int = 1,
    total: float = 20,
    wall: Callable[[], float] | None = None,
) -> Engine:
    """An engine whose clock is the loop's, and so is its wall clock by default; its random numbers are fixed."""
    loop = asyncio.get_running_loop()
    limits = limits or Limits()
    chance = random.Random(seed).uniform
    limiter = Limiter(
        limits.concurrency, pacer=Pacer(ceiling=limits.rate, uniform=chance), breaker=Breaker(chance), loop=loop
    )
    return Engine(
        transport,
        limiter,
        Credentials(Token("rig-token")),
        total=total,
        clock=loop.time,
        wall=wall or (lambda: EPOCH + loop.time()),
        sleep=asyncio.sleep,
        uniform=chance,
        boottime=loop.time,
    )


@asynccontextmanager
async def queue(transport: Transport, *, made: Engine | None = None, **settings: Any) -> AsyncIterator[EventQueue]:
    """An open queue over `transport`, whose counts add up when it is closed."""
    own = made or engine(transport)
    opened = EventQueue(lambda: own, Settings(**settings))
    async with opened:
        yield opened
    assert_adds_up(opened)


def assert_adds_up(opened: EventQueue) -> None:
    """Fail unless every accepted event is counted."""
    stats = opened.stats()
    assert stats.accepted == sum(stats.outcomes.values()) + stats.queued + stats.in_flight, stats


def event(number: int = 0, *, profile: str | None = None, action: str = "page.viewed") -> dict[str, Any]:
    """A non-idempotent event with its own reference, about its own session unless a profile is given."""
    about = {"profile": profile} if profile else {"session": f"s{number}"}
    return {"action": action, "metadata": {"ref": str(number)}, **about}


async def put(opened: EventQueue, fields: dict[str, Any], **more: Any) -> Receipt:
    """Put an event whose fields contain its action."""
    given = {**fields, **more}
    return await opened.put(given.pop("action"), **given)


def order(number: int = 0, *, profile: str | None = None) -> dict[str, Any]:
    """An idempotent event: an order of a known profile."""
    return {
        "action": "order.placed",
        "order": f"o{number}",
        "profile": profile or f"p{number}",
        "metadata": {"ref": str(number)},
    }


class LoopCommitter:
    """The spool's thread without a thread: submitted work is done at once."""

    def __init__(self, open_: Any, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._open = open_
        self._loop = loop
        self._resource: Any = None

    def submit(self, work: Any) -> asyncio.Future[Any]:
        done = self._loop.create_future()
        try:
            if self._resource is None:
                self._resource = self._open()
            done.set_result(work(self._resource))
        except Exception as error:
            done.set_exception(error)
            done.exception()
        return done

    def stop_now(self) -> None:
        if self._resource is not None:
            self._resource.close()
            self._resource = None

    def stop(self) -> asyncio.Future[None]:
        self.stop_now()
        done = self._loop.create_future()
        done.set_result(None)
        return done


class LoopSpool(SqliteSpool):
    """A spool for the virtual clock."""

    committer = LoopCommitter


class SlowCommitter(LoopCommitter):
    """Each piece of work takes a second of the loop's time, one after the other, as in a thread."""

    takes = 1.0

    def __init__(self, open_: Any, loop: asyncio.AbstractEventLoop, name: str) -> None:
        super().__init__(open_, loop, name)
        self._free_at = loop.time()
        self._submitted: dict[asyncio.Future[Any], Any] = {}

    def submit(self, work: Any) -> asyncio.Future[Any]:
        done = self._loop.create_future()
        self._free_at = max(self._free_at, self._loop.time()) + self.takes
        self._submitted[done] = work
        self._loop.call_at(self._free_at, self._do, done)
        return done

    def stop_now(self) -> None:
        for done in list(self._submitted):
            self._do(done)
        super().stop_now()

    def _do(self, done: asyncio.Future[Any]) -> None:
        work = self._submitted.pop(done, None)
        if work is None:
            return
        made = super().submit(work)
        if (error := made.exception()) is not None:
            done.set_exception(error)
            done.exception()
        elif not done.done():
            done.set_result(made.result())


class SlowSpool(SqliteSpool):
    """A spool for the virtual clock whose commits take a second each."""

    committer = SlowCommitter
