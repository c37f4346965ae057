"""``hellotext-async demo``: a shop's day delivered to an emulator in a process of its own, and both sides' counts."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from .progress import progress
from .shop import a_day
from .table import table

__all__ = ["add"]


def add(commands: Any) -> None:
    """Tell argparse of it."""
    parser = commands.add_parser("demo", help="deliver a shop's day to an emulator and compare both sides' counts")
    parser.add_argument("--events", type=int, default=10_000, metavar="N")
    parser.add_argument("--rate-limit", type=float, metavar="R", help="have the emulator allow so many a second")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Deliver, and agree."""
    return asyncio.run(_demo(arguments.events, arguments.rate_limit))


class _Emulator:
    """An emulator in a child process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url
        self.counted: dict[str, Any] = {}

    async def stop(self) -> None:
        if self._process.returncode is None and self._process.stdout is not None:
            self._process.terminate()
            line = await self._process.stdout.readline()
            self.counted = json.loads(line or b"{}")
            await self._process.wait()


@asynccontextmanager
async def _emulator(rate: float | None) -> AsyncIterator[_Emulator]:
    limit = [] if rate is None else ["--rate-limit", str(rate)]
    command = [sys.executable, "-m", "hellotext_async", "emulator", "--machine", *limit]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    if process.stdout is None:
        raise AssertionError("a pipe was asked for")
    emulator = _Emulator(process, json.loads(await process.stdout.readline())["url"])
    try:
        yield emulator
    finally:
        await emulator.stop()


async def _demo(events: int, rate: float | None) -> int:
    from ..client import Hellotext
    from ..queue.outcome import VERDICTS

    outcomes = dict.fromkeys(VERDICTS, 0)
    latencies: list[float] = []
    async with _emulator(rate) as emulator, Hellotext("test-token", base_url=emulator.url) as client:
        profiles = [(await client.profiles.create(first_name=f"Customer {n}")).id for n in range(50)]
        began = time.perf_counter()
        with progress(events, "delivering") as bar:
            async with client.event_queue() as queue:
                async for outcome in queue.deliver(a_day(events, profiles)):
                    outcomes[outcome.verdict] += 1
                    latencies.append(outcome.waited)
                    bar.done(len(latencies))
        took = time.perf_counter() - began
        learned = client.rate()
        await emulator.stop()
    return _tell(outcomes, latencies, took, emulator.counted, learned.rate)


def _tell(
    outcomes: dict[Any, int], latencies: list[float], took: float, counted: dict[str, Any], rate: float | None
) -> int:
    latencies.sort()
    accepted = sum(counted.get("events", {}).values())
    delivered = outcomes["delivered"]
    rows: list[tuple[str, object]] = [(f"events {verdict}", count) for verdict, count in outcomes.items()]
    rows += [
        ("events the emulator counted", accepted),
        ("events a second", round(sum(outcomes.values()) / took)),
        ("latency p50", f"{_quantile(latencies, 0.5) * 1000:.1f} ms"),
        ("latency p99", f"{_quantile(latencies, 0.99) * 1000:.1f} ms"),
        ("requests answered 429", counted.get("statuses", {}).get("429", 0)),
        ("learned rate", "none needed" if rate is None else f"{rate:.1f}/s"),
    ]
    print(table(rows))
    agree = delivered == accepted and delivered == sum(outcomes.values())
    print("both sides agree: every event was delivered" if agree else "the two sides do NOT agree")
    return 0 if agree else 1


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
