"""How long an application's own timers wait while its queue delivers ten thousand events a second in the same loop.

Time is the process's CPU time, so that other programs of the machine do not count: a timer that becomes due at some
moment waits for the rest of the loop's pass, and events are tracked as that time goes on. Turns with events and turns
without alternate.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, Literal, NamedTuple

from .contender import Place
from .ground import Ground
from .load import ACTION, FIELDS
from .ours import Queue
from .paired import Ratio, ratio
from .row import Goal, Row

__all__ = ["Lag", "percentile", "rows"]

RATE: Final = 10_000
"""Events per second of CPU time."""
TURN: Final = 0.5
"""Seconds of CPU time of one turn."""
BACKLOG: Final = 2_000
"""Events that may wait: more are put only when fewer do."""


class Lag(NamedTuple):
    """The 99th percentile of one turn in milliseconds, and the events per second that were delivered in it."""

    p99: float
    per_second: float


def percentile(passes: list[float], share: float) -> float:
    """The wait that `share` of timers stay below, if each becomes due at a random moment of these passes."""
    longest = sorted(passes, reverse=True)
    most = (1 - share) * sum(longest)
    next_ = [*longest[1:], 0.0]
    for count, (total, shorter) in enumerate(zip(accumulate(longest), next_, strict=True), 1):
        if total - count * shorter >= most:  # the moments at which a timer waits for longer than `shorter`
            return (total - most) / count
    return 0.0


class Application(Queue):
    """A program that tracks events at a steady rate, and measures each pass of its loop."""

    async def turn(self, rate: int) -> Lag:
        """One turn with so many events per second."""
        passes: list[float] = []
        owed, before = 0.0, self.queue.stats().outcomes["delivered"]
        began = last = time.thread_time()
        while last < began + TURN:
            await asyncio.sleep(0)
            now = time.thread_time()
            passes.append(now - last)
            owed += rate * passes[-1]
            last = now
            if owed >= 1 and self.queue.stats().queued < BACKLOG:
                for session in self._next(int(owed)):
                    self.queue.track(ACTION, session=session, **FIELDS)
                owed %= 1
        delivered = self.queue.stats().outcomes["delivered"] - before
        await self.queue.flush()
        return Lag(percentile(passes, 0.99) * 1e3, delivered / (last - began))


async def _measure(url: str, turns: int) -> dict[str, list[Lag]]:
    application = Application(Place(url))
    await application.open()
    await application.turn(RATE)
    found: dict[str, list[Lag]] = {"idle": [], "busy": []}
    for _ in range(turns):
        found["idle"].append(await application.turn(0))
        found["busy"].append(await application.turn(RATE))
    await application.close()
    return found


def _measured(url: str, loop: Literal["asyncio", "uvloop"], turns: int) -> dict[str, list[Lag]]:
    """The turns of an application in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.loop_lag", url, loop, str(turns)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {kind: [Lag(*lag) for lag in lags] for kind, lags in found.items()}


def _summed(lags: list[Lag]) -> Ratio:
    found = ratio([lag.p99 for lag in lags])
    return found._replace(per_second=statistics.median(lag.per_second for lag in lags))


def rows(ground: Ground) -> Iterator[Row]:
    """The wait at the 99th percentile with events, and beside it without any."""
    for loop in ("asyncio", "uvloop"):
        found = _measured(ground.responder().url, loop, ground.pairs)
        busy = _summed(found["busy"])
        name = f"a timer's wait at the 99th percentile, {busy.per_second:,.0f} events/s delivered, {loop}"
        yield Row("loop lag", name, busy, "ms", Goal(3, less=True))
        yield Row("loop lag", f"the same without events, {loop}", _summed(found["idle"]), "ms")


if __name__ == "__main__":
    url, chosen, turns = sys.argv[1:]
    if chosen == "uvloop":
        import uvloop

        measured = uvloop.run(_measure(url, int(turns)))
    else:
        measured = asyncio.run(_measure(url, int(turns)))
    print(json.dumps(measured))
