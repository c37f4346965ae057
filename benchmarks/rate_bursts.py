"""Limits with little burst or none, over real sockets in real time: the used share of each, and the refused share.

`python -m benchmarks.rate_bursts` runs every row on asyncio and on uvloop, where it is installed, each
for `--seconds` (60), of which the second half is the steady state. The emulator runs in a process of
its own, and its own counts are reported. Run nothing else on the machine: late timers
are a part of what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from hellotext_async import Hellotext
from hellotext_async.emulator import Emulator, RateLimit

from .ground import present

__all__ = ["ROWS", "Figures", "Row", "measured"]

PARTS: Final = 2
"""How often the counts are read: at the end of each half."""


@dataclass(frozen=True)
class Row:
    """A limit and whether it sends Retry-After (in whole seconds)."""

    name: str
    rate: float
    burst: float
    hints: bool
    kind: Literal["bucket", "leaky"] = "bucket"


ROWS: Final = (
    Row("50/s, burst 1", 50, 1, hints=False),
    Row("50/s, burst 1, Retry-After", 50, 1, hints=True),
    Row("200/s, burst 1", 200, 1, hints=False),
    Row("200/s, burst 1, Retry-After", 200, 1, hints=True),
    Row("50/s, burst 5", 50, 5, hints=True),
    Row("50/s, burst 10", 50, 10, hints=True),
    Row("nginx 10/s, burst=20 nodelay", 10, 21, hints=False, kind="leaky"),
)


@dataclass(frozen=True)
class Figures:
    """In one interval: the share of the limit that was used, and of all requests that were refused."""

    used: float
    refused: float

    def __str__(self) -> str:
        return f"{self.used:.3f}, {self.refused:.2%}"


@contextmanager
def _served(row: Row) -> Iterator[subprocess.Popen[str]]:
    limit = json.dumps([row.rate, row.burst, row.hints, row.kind])
    command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, "--serve", limit]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def _serve(limit: str) -> None:
    """An emulator under `limit`; for each line that comes in, a line with its counts goes out."""
    rate, burst, hints, kind = json.loads(limit)
    async with Emulator(rate_limit=RateLimit(rate, burst, retry_after=hints, kind=kind)) as emulator:
        print(emulator.url, flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps([emulator.statuses[200], emulator.statuses[429]]), flush=True)


def _counts(process: subprocess.Popen[str]) -> tuple[int, int]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the server has pipes")
    print("", file=process.stdin, flush=True)
    taken, refused = json.loads(process.stdout.readline())
    return taken, refused


async def measured(row: Row, seconds: float) -> list[Figures]:
    """A full queue against the row's limit: the figures of each half of the time."""
    with _served(row) as process:
        url = process.stdout.readline().strip() if process.stdout else ""
        async with Hellotext("test-token", base_url=url) as client:
            queue = client.event_queue(capacity=100_000, max_bytes=1 << 30, delivery_timeout=24 * 3600)
            async with queue:
                for number in range(int(row.rate * seconds * 1.2) + 100):
                    queue.track("product.viewed", session=f"s{number}", product_parameters={"name": "Kale"})
                found = await _halves(process, row.rate, seconds)
                await queue.aclose(timeout=0)
        return found


async def _halves(process: subprocess.Popen[str], rate: float, seconds: float) -> list[Figures]:
    found: list[Figures] = []
    began, before = time.monotonic(), (0, 0)
    for part in range(PARTS):
        await asyncio.sleep(max(0.0, began + seconds / PARTS * (part + 1) - time.monotonic()))
        taken, refused = _counts(process)
        more, less = taken - before[0], refused - before[1]
        found.append(Figures(more / (rate * seconds / PARTS), less / max(1, more + less)))
        before = taken, refused
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", metavar="TEXT", default="", help="rows whose names contain it")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], action="append")
    parser.add_argument("--serve", metavar="LIMIT", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        asyncio.run(_serve(given.serve))
        return
    loops = given.loop or ["asyncio", *(["uvloop"] if present("uvloop") else [])]
    print("| limit | loop | first half | second half |\n| --- | --- | --- | --- |")
    for row in ROWS:
        for loop in loops if given.only in row.name else ():
            halves = _run(measured(row, given.seconds), loop)
            print(f"| {row.name} | {loop} | {' | '.join(map(str, halves))} |", flush=True)


def _run(work: object, loop: str) -> list[Figures]:
    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
