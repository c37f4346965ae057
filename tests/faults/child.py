"""The program that the crash tests kill: it puts events into a spooled queue and prints which were accepted.

Arguments: the server's URL, the spool, the number of the first event, how many, and, if it is to
kill itself, after how many seconds from the first one. Lines: ``accepted REF``
once `put` has returned, ``ended REF VERDICT MARKED`` for each outcome, ``done`` at the end.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import threading
import time
from math import inf
from typing import Any

from hellotext_async._policy.breaker import Breaker
from hellotext_async._policy.pacer import Pacer
from hellotext_async.config import Timeouts, Token
from hellotext_async.engine import Engine
from hellotext_async.limiter import Limiter
from hellotext_async.queue.outcome import Outcome
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from hellotext_async.spool.database import Database
from hellotext_async.spool.sqlite_spool import SqliteSpool
from hellotext_async.transport.pool import Pool
from tests.harness.crash import failpoint
from tests.harness.credentials import Credentials


class Dying(Database):
    """A database that kills its process at the chosen points."""

    def commit(self) -> None:
        failpoint("before commit")
        super().commit()
        failpoint("after commit")

    def set_in_flight(self, numbers: Any) -> None:
        super().set_in_flight(numbers)
        failpoint("marking")

    def remove(self, numbers: Any) -> None:
        super().remove(numbers)
        failpoint("removing")


def write_line(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # one write() per line: lines of threads do not mix


def ended(outcome: Outcome) -> None:
    write_line("ended", outcome.event_id, outcome.verdict, int(outcome.maybe_duplicated))


class DyingPool(Pool):
    """A transport that kills its process at the chosen points."""

    async def exchange(self, request: Any, /, *, total: float, not_after: float = inf) -> Any:
        failpoint("before exchange")
        reply = await super().exchange(request, total=total, not_after=not_after)
        failpoint("after exchange")
        return reply


def engine(url: str) -> Engine:
    loop = asyncio.get_running_loop()
    chance = random.uniform
    timeouts = Timeouts(total=5)
    token = Credentials(Token("t"))
    pool = DyingPool(url, token, timeouts=timeouts, concurrency=20, response_bytes=10_000, user_agent="child")
    limiter = Limiter(20, pacer=Pacer(uniform=chance), breaker=Breaker(chance), loop=loop)
    return Engine(pool, limiter, token, total=5, clock=loop.time, wall=time.time, sleep=asyncio.sleep, uniform=chance)


def die_in(seconds: float) -> None:
    """Kill the process from a separate thread, at whatever point the other threads are."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()


async def main(url: str, path: str, first: int, count: int, death: float | None) -> None:
    import hellotext_async.spool.sqlite_spool as sqlite

    sqlite.Database = Dying  # type: ignore[misc]
    made = engine(url)
    settings = Settings(buffer=SqliteSpool(path), delivery_timeout=600, on_outcome=ended, concurrency=8)
    async with EventQueue(lambda: made, settings) as queue:
        if death is not None:
            die_in(death)
        for n in range(first, first + count):
            ref = str(n)
            about: dict[str, Any] = {"profile": f"p{n % 5}", "metadata": {"ref": ref}, "event_id": ref}
            if n % 2:
                await queue.put("order.placed", order=f"o{n}", **about)
            else:
                await queue.put("page.viewed", **about)
            write_line("accepted", ref)
        await queue.flush(20)
    await made.transport.aclose()
    write_line("done")


if __name__ == "__main__":
    url, path, first, count, *death = sys.argv[1:]
    asyncio.run(main(url, path, int(first), int(count), float(death[0]) if death else None))
