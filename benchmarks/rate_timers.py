"""How late the loop's timers wake, and what that does to the spacing of requests: asyncio beside uvloop.

`python -m benchmarks.rate_timers` runs the real limiter at a fixed rate, spaced as for a limit without
burst, with nothing to send to: each permit is given back at once. For each loop it prints by how many
milliseconds the gap between two permits differs from 1/rate, by a clock of its own. A limit without
burst refuses a request whose gap is smaller than its own 1/rate by more than the network makes up for.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import msgspec

from hellotext_async._policy.breaker import Breaker
from hellotext_async._policy.pacer import Pacer
from hellotext_async._policy.schedule import Schedule
from hellotext_async.limiter import Limiter

from .ground import present

RATES: Final = (50.0, 200.0)
ROUNDS: Final = 3


async def gaps(rate: float, seconds: float) -> list[float]:
    """Seconds between one permit and the next."""
    uniform = random.Random(1).uniform
    pacer = Pacer(ceiling=rate, uniform=uniform)
    pacer.restore(msgspec.structs.replace(pacer.export(), schedule=Schedule(apart=True)))
    limiter = Limiter(10, pacer=pacer, breaker=Breaker(uniform), loop=asyncio.get_running_loop())
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        permit = await limiter.acquire("event")
        times.append(time.perf_counter())
        limiter.delivered(permit)
    limiter.close()
    return [later - before for before, later in pairwise(times)]


def row(name: str, rate: float, found: list[float]) -> str:
    """In milliseconds, against the requested gap."""
    off = sorted((gap - 1 / rate) * 1000 for gap in found)
    at = [off[min(len(off) - 1, int(len(off) * part))] for part in (0.0, 0.01, 0.5, 0.99)]
    return f"| {name} | {rate:.0f}/s | {' | '.join(f'{ms:+.2f}' for ms in at)} | {off[-1]:+.2f} |"


def main() -> None:
    """Print the table: loops take turns, so that a busy moment falls on both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each of three rounds")
    seconds = parser.parse_args().seconds
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop] | None] = {"asyncio": None}
    if present("uvloop"):
        import uvloop

        loops["uvloop"] = uvloop.new_event_loop
    print("| loop | rate | smallest | 1 % | median | 99 % | largest |\n|---|---|---|---|---|---|---|")
    for rate in RATES:
        found: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(ROUNDS):
            for name, factory in loops.items():
                with asyncio.Runner(loop_factory=factory) as runner:
                    found[name] += runner.run(gaps(rate, seconds))
        for name in loops:
            print(row(name, rate, found[name]), flush=True)


if __name__ == "__main__":
    main()
