"""``python -m tests.soak``: random rounds, as many as asked for and for as long as asked for."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import SystemRandom

from .rounds import Host, Result, run_round


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10_000, help="how many rounds (10000)")
    parser.add_argument("--seconds", type=float, default=3600, help="begin no round after so many seconds (3600)")
    parser.add_argument("--seed", default=None, help="draws the rounds; by default another one each time")
    parser.add_argument("--jobs", type=int, default=24, help="rounds side by side (24)")
    parser.add_argument("--only", choices=["memory", "spool", "folder", "fight"], help="rounds of one kind")
    parser.add_argument("--replay", action="append", help="the name of a round that was seen to fail; can be repeated")
    parser.add_argument("--times", type=int, default=1, help="how often each round is run (1)")
    parser.add_argument("--stop", type=int, default=0, help="begin no round after so many broken ones (0: go on)")
    return parser.parse_args()


class Soak:
    """A run of rounds."""

    def __init__(self, given: argparse.Namespace, root: Path) -> None:
        self.given, self.root = given, root
        seed = given.seed or f"{SystemRandom().randrange(1 << 32):08x}"
        names = given.replay or (f"{seed}-{number}" for number in range(1, given.rounds + 1))
        self.names = (name for name in names for _ in range(given.times))
        self.started = time.monotonic()
        self.numbers: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.broken = 0
        print(f"seed {seed}, {root}", flush=True)

    async def run(self) -> None:
        """As many workers as are wanted side by side."""
        host = await Host.start()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.given.jobs):
                    group.create_task(self._work(host))
        finally:
            await host.stop()

    async def _work(self, host: Host) -> None:
        for name in self.names:
            if time.monotonic() - self.started > self.given.seconds or 0 < self.given.stop <= self.broken:
                return
            result = await run_round(name, host, self.root, self.given.only)
            self._count(result)

    def _count(self, result: Result) -> None:
        self.numbers += result.numbers
        self.numbers["rounds"] += 1
        if self.numbers["rounds"] % 500 == 0:
            print(f"{self.numbers['rounds']} rounds, {self.broken} broken", flush=True)
        if not result.broken:
            return
        self.broken += 1
        self.kinds.update({one.partition(":")[0] for one in result.broken})
        only = f" --only {self.given.only}" if self.given.only else ""
        print(f"\nBROKEN {result.plan.name}: python -m tests.soak{only} --replay {result.plan.name}  # {result.folder}")
        for one in result.broken[:5]:
            print(f"  {one[:1500]}", flush=True)

    def summary(self) -> None:
        """What ran, and what broke."""
        print()
        for name, number in sorted(self.numbers.items()):
            print(f"{number:9} {name}")
        for kind, number in self.kinds.most_common():
            print(f"BROKEN in {number} rounds: {kind}")
        print(f"{self.numbers['rounds']} rounds in {time.monotonic() - self.started:.0f} s, {self.broken} broken")


def main() -> int:
    """0 if nothing is broken."""
    soak = Soak(arguments(), Path(tempfile.mkdtemp(prefix="soak-")))
    asyncio.run(soak.run())
    soak.summary()
    return 1 if soak.broken else 0


if __name__ == "__main__":
    sys.exit(main())
