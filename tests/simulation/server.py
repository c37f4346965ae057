"""A server under a limit, as a transport in virtual time: the whole queue and the real limiter run over it."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from math import inf
from typing import Any, Final

from hellotext_async._wire.call import Reply, Request
from hellotext_async.queue.queue import EventQueue

from .limits import Limiter
from .simulator import Hint, never

__all__ = ["RTT", "Server", "behind", "fed"]

RTT: Final = 0.08
_JSON: Final = ("Content-Type", "application/json")


class Server:
    """Refuses a request if the limit that `limit_of` returns for it does, and accepts everything else.

    `kind_of` returns a request's kind. `taken` and `refused` hold the times, for each kind.
    """

    def __init__(
        self,
        limit_of: Callable[[Request], Limiter | None],
        kind_of: Callable[[Request], str],
        *,
        seed: int,
        hint: Hint = never,
    ) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)
        self.refused: dict[str, list[float]] = defaultdict(list)
        self._limit_of, self._kind_of, self._hint = limit_of, kind_of, hint
        self._random = random.Random(seed)

    async def exchange(self, request: Request, /, *, total: float, not_after: float = inf) -> Reply:
        """The limit is applied half a round trip after sending."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._half())
        limit, kind = self._limit_of(request), self._kind_of(request)
        wait = None if limit is None else limit.admit(loop.time())
        (self.taken if wait is None else self.refused)[kind].append(loop.time())
        await asyncio.sleep(self._half())
        if wait is None:
            return Reply(200, (_JSON,), b'{"status":"received"}')
        hint = self._hint(wait)
        headers = () if hint is None else (("Retry-After", str(round(hint))),)
        return Reply(429, (_JSON, *headers), b"{}")

    def _half(self) -> float:
        return RTT / 2 + self._random.uniform(0, 0.001)

    def rate(self, kind: str, start: float, end: float) -> float:
        """How many requests of a kind were accepted, a second."""
        return self.between(kind, start, end)[0] / (end - start)

    def between(self, kind: str, start: float, end: float) -> tuple[int, int]:
        """How many requests of a kind were accepted and refused in an interval."""
        taken, refused = (
            bisect_left(times, end) - bisect_left(times, start) for times in (self.taken[kind], self.refused[kind])
        )
        return taken, refused

    def abort(self) -> None:
        """There is nothing to abort."""

    async def aclose(self) -> None:
        """There is nothing to close."""


@asynccontextmanager
async def behind(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A background task that runs until the context is left."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def fed(queue: EventQueue, name: str, *, rate: float = inf) -> None:
    """Put events of sessions that begin with `name` into the queue: so many a second, or whenever it has room."""
    loop = asyncio.get_running_loop()
    number, due = 0, loop.time()
    while True:
        await queue.put("page.viewed", session=f"{name}{number}")
        number += 1
        if rate < inf:
            due += 1 / rate
            await asyncio.sleep(due - loop.time())
