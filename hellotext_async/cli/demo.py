"""`demo`: deliver a made-up day of a shop to an emulated API and compare both counts.

The emulator runs in a process of its own on loopback; nothing leaves this machine. Exit 0 only if
every event was delivered and the emulator counted the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from array import array
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import islice, takewhile

import msgspec

from ..client import Hellotext
from ..errors import NotSent, QueueClosed
from ..queue.outcome import Outcome
from .closing import closing
from .numbers import count, rate
from .progress import Progress, showing
from .shop import COUPONS, CUSTOMERS, day
from .signals import Stop, stopping
from .table import table

__all__ = ["NAME", "Count", "Counted", "arguments", "emulating", "judge", "run"]

NAME = "demo"
START = 30.0
"""Seconds that the emulator may take to start or to print its counts."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("--events", type=count, default=10_000, metavar="N", help="how many (default: 10000)")
    parser.add_argument(
        "--rate-limit", type=rate, metavar="R", help="let the emulator answer 429 beyond R requests per second"
    )
    parser.set_defaults(run=run)


async def run(args: argparse.Namespace) -> int:
    """Deliver, and compare."""
    ours = Count()
    async with emulating(args.rate_limit) as emulator:
        with stopping("delivering what is under way, then the report", "ending now") as stop:
            async with Hellotext("test-token", base_url=emulator.url) as client:
                with showing("delivering", args.events) as progress:
                    await _deliver(client, args.events, ours, progress, stop)
                ours.rate = client.rate().rate
        theirs = await emulator.end()
    _report(ours, theirs)
    return judge(ours, theirs, events=args.events)


def judge(ours: Count, theirs: Counted, *, events: int) -> int:
    agree = ours.delivered == theirs.actions
    print("both counts agree" if agree else "THE COUNTS DIFFER")
    return 0 if agree and ours.verdicts["delivered"] == events else 1


async def _deliver(client: Hellotext, events: int, ours: Count, progress: Progress, stop: Stop) -> None:
    profiles = await asyncio.gather(
        *(
            client.profiles.create(first_name=f"Customer {n}", reference=f"customer-{n}")
            for n in range(min(CUSTOMERS, 10 + events // 20))
        )
    )
    coupons = [(await client.coupons.create(code=code)).id for code in COUPONS]
    made_up = day([profile.id for profile in profiles], coupons, ends=time.time())
    wanted = takewhile(lambda _: not stop.is_set(), islice(made_up, events))
    async with (
        client.event_queue() as queue,
        closing(queue, stop, lambda: progress(len(ours.waits), f"{ours.verdicts['delivered']:,} delivered")),
    ):
        ours.began = time.monotonic()
        try:
            async for outcome in queue.deliver(wanted):
                ours.add(outcome)
        except QueueClosed:
            pass  # stopped while events were still to be handed in
        ours.took = time.monotonic() - ours.began


class Count:
    """What the client side counts."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.waits = array("d")
        self.began = self.took = 0.0
        self.rate: float | None = None

    def add(self, outcome: Outcome) -> None:
        """One more has ended."""
        self.verdicts[outcome.verdict] += 1
        if outcome.delivered:
            self.delivered[outcome.action] += 1
        self.waits.append(outcome.waited)

    def quantile(self, part: float) -> str:
        """A quantile of the waits, in milliseconds."""
        ranked = sorted(self.waits)
        return f"{ranked[min(len(ranked) - 1, int(part * len(ranked)))] * 1000:.1f} ms"


def _report(ours: Count, theirs: Counted) -> None:
    rows: list[tuple[str, object]] = [(verdict, number) for verdict, number in sorted(ours.verdicts.items())]
    print("\nwhat the queue says", table([
        *rows,
        ("time", f"{ours.took:.2f} s"),
        ("throughput", f"{len(ours.waits) / max(ours.took, 1e-9):,.0f} events/s"),
        ("p50 from acceptance to outcome", ours.quantile(0.5)),
        ("p99", ours.quantile(0.99)),
        ("rate learned", "none needed" if ours.rate is None else f"{ours.rate:.1f}/s"),
    ]), "\nwhat the emulator counted", table([
        *sorted(theirs.actions.items()),
        ("all events", sum(theirs.actions.values())),
        *((f"requests answered {status}", number) for status, number in sorted(theirs.statuses.items())),
    ]), sep="\n", end="\n\n")  # fmt: skip


# The emulator, in a process of its own.


class Counted(msgspec.Struct):
    """What the emulator counted: events by action, answers by status."""

    actions: dict[str, int]
    statuses: dict[str, int]


class _Emulator:
    """It prints its URL on its first line, and its counts on its last, when its stdin ends."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    async def end(self) -> Counted:
        """Stop it and get its counts."""
        output, _ = await asyncio.wait_for(self._process.communicate(b""), START)
        return msgspec.json.decode(output, type=Counted)


@asynccontextmanager
async def emulating(limit: float | None) -> AsyncGenerator[_Emulator]:
    """An emulator that runs until the block ends, with a limit in requests per second or none."""
    command = [sys.executable, "-m", "hellotext_async", "emulator", "--controlled"]
    if limit is not None:
        command += ["--rate-limit", repr(limit)]
    pipe = asyncio.subprocess.PIPE
    # A session of its own: Ctrl-C in the terminal is for this process, and the emulator still reports.
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True)
    try:
        first = await asyncio.wait_for(process.stdout.readline(), START) if process.stdout else b""
        if not first:
            raise NotSent("the emulator did not start", attempts=0)
        yield _Emulator(process, json.loads(first)["url"])
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
