"""Rate awareness in real time: a full queue and calls in one client, against the emulator's limit of 100/s.

`python -m benchmarks.rate_real_time` takes some four minutes for 20,000 events; `--events` and
`--rate` change that. The emulator runs in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Final

import msgspec

from hellotext_async import Hellotext
from hellotext_async.cli.demo import emulating

__all__ = ["Figures", "measured"]

IDLE: Final = 300
"""Calls of the idle client that the busy one's are compared with."""
PAUSE: Final = 0.2
SETTLED: Final = 10.0
"""Seconds after which the rate counts as learned."""


class Figures(msgspec.Struct):
    """Shares of the limit used and of requests refused; p99 of `profiles.retrieve` in ms, idle and beside the queue."""

    used: float
    wasted: float
    idle_p99: float
    busy_p99: float
    calls: int
    behind_a_gate: int


async def measured(events: int, rate: float) -> Figures:
    """Both clients against one emulator, the idle one first."""
    async with emulating(rate) as emulator:
        async with Hellotext("test-token", base_url=emulator.url) as client:
            profile = (await client.profiles.create(first_name="Ada")).id
            idle = [await _retrieved(client, profile, 2 / rate) for _ in range(IDLE)]
        async with Hellotext("test-token", base_url=emulator.url) as client:
            return await _busy(client, profile, events, rate, [took for took, _ in idle])


async def _retrieved(client: Hellotext, profile: str, pause: float) -> tuple[float, bool]:
    """Seconds that a call took, and whether a gate was closed when it began or ended."""
    gated = client.rate().gate > 0
    began = time.perf_counter()
    await client.profiles.retrieve(profile)
    took = time.perf_counter() - began
    last = client.rate().last_throttle
    gated = gated or (last is not None and time.time() - last.timestamp() < took + 1)
    await asyncio.sleep(pause)
    return took, gated


async def _busy(client: Hellotext, profile: str, events: int, rate: float, idle: list[float]) -> Figures:
    waits: list[tuple[float, bool]] = []
    async with client.event_queue(capacity=events, max_bytes=1024 * events, delivery_timeout=24 * 3600) as queue:
        for number in range(events):
            queue.track("product.viewed", profile=profile, product_parameters={"name": "Kale"}, order_key=f"k{number}")
        began = time.monotonic()
        settled = False
        first = 0
        while queue.stats().queued > rate:
            waits.append(await _retrieved(client, profile, PAUSE))
            if not settled and time.monotonic() - began > SETTLED:
                settled, began, first = True, time.monotonic(), queue.stats().outcomes["delivered"] + len(waits)
        took = time.monotonic() - began
        served = queue.stats().outcomes["delivered"] + len(waits) - first
        wasted = client.rate().wasted
        report = await queue.aclose(timeout=3600)
        if report.outcomes["delivered"] != events:
            raise AssertionError(f"not all were delivered: {report}")
    free = [took for took, gated in waits if not gated]
    return Figures(served / took / rate, wasted, _p99(idle), _p99(free), len(waits), len(waits) - len(free))


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] * 1000


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=100.0)
    given = parser.parse_args()
    found = asyncio.run(measured(given.events, given.rate))
    bound = found.idle_p99 + 3000 / given.rate
    print(f"used {found.used:.3f} of the limit, {found.wasted:.2%} of all requests refused")
    print(f"profiles.retrieve p99: idle {found.idle_p99:.1f} ms, beside the queue {found.busy_p99:.1f} ms", end=" ")
    print(f"(bound {bound:.1f}); {found.calls} calls, {found.behind_a_gate} of them near a gate counted apart")


if __name__ == "__main__":
    main()
