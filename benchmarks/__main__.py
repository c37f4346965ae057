"""``python -m benchmarks``: measure everything, some nine minutes; see --help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from . import (
    decode,
    dependencies,
    events,
    fleet_memory,
    fleet_producer,
    fleet_worker,
    imports,
    limiter,
    loop_lag,
    memory,
    spool,
    sweeps,
    tls,
    track,
)
from .ground import Ground
from .paired import PAIRS
from .pictures import draw
from .report import line, profile_lines, write
from .row import Row
from .where import shares

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"

BENCHES: Final[dict[str, Callable[[Ground], Iterator[Row]]]] = {
    "events": events.rows,
    "tls": tls.rows,
    "spool": spool.rows,
    "in-flight": sweeps.in_flight,
    "subjects": sweeps.subjects,
    "waiting": sweeps.standing,
    "limiter": limiter.rows,
    "loop-lag": loop_lag.rows,
    "track": track.rows,
    "decode": decode.rows,
    "memory": memory.rows,
    "import": imports.rows,
    "fastapi": dependencies.rows,
    "fleet-puts": fleet_producer.rows,
    "fleet-workers": fleet_worker.rows,
    "fleet-memory": fleet_memory.rows,
}

INTRO: Final = """\
# Benchmarks

What one event costs, in times of T: a tuned raw aiohttp loop on asyncio with 64 connections that
posts the same prepared bytes without timeout, retries, order or accounts, and does not read the
answer. Ours is measured as a user gets it, with all of that switched on. A figure of 2 x T delivers
twice as many events per CPU second.

The plain event is flat, 230 bytes of JSON. The shop's mix is a made-up day of a shop (the `demo`
command's), in which most events hold nested parameters; T then posts that mix's bytes, and `bare`
is the least that `track()` could cost: build the event, encode it, append it.

The client runs on one core against a responder on another that is never the bottleneck, in small
slices of one contender between slices of the other; a figure is the median ratio of at least 14
pairs, beside it the quartiles. The control, T against itself, shows what is noise. Only ratios mean
anything: microseconds and events a second are those of this machine at that moment.

T itself is not constant. aiohttp takes and gives back more memory for a request, and what that costs depends on
the state of the process's heap: on one machine and day T took 75 to 89 µs where the modules were read compiled, as
they are here, and 56 to 62 where Python had compiled them in the same process. An event of the queue took 24 to 27
in both.

Over TLS the connections for events use the standard library's TLS engine without asyncio's protocol
around it, which does more than they need; what that saves is under "Tls".

The fleet's figures are of real servers, with an append-only file that is synced once a second. Puts are counted in a
second of CPU time of the process that puts, so they are of this machine; beside them stands redis-py alone with the
same script, as many events a command, and bytes made before. A worker stands beside the queue in memory, which takes
its events as well; another process feeds it.

![Events per CPU second in times of T](../img/bench-events.png)

![By events in flight, subjects, and events waiting](../img/bench-sweeps.png)"""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, as ratios within one run.")
    parser.add_argument("--only", choices=[*BENCHES, "profile"], action="append", help="this one (writes nothing)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="slices of each contender (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a floor is missed")
    return parser.parse_args()


def _measured(ground: Ground, names: list[str]) -> list[Row]:
    rows = []
    for name in names:
        if name in BENCHES:
            print(f"\n{name}", flush=True)
            for row in BENCHES[name](ground):
                rows.append(row)
                print(line(row), flush=True)
    return rows


def main() -> int:
    """Measure, print, and write into the docs if all was measured."""
    asked = _arguments()
    names: list[str] = asked.only or [*BENCHES, "profile"]
    with Ground(asked.pairs) as ground:
        print(f"against a responder in {ground.responder().kind}; x T: times as many events per CPU second")
        rows = _measured(ground, names)
        profile = shares(ground) if "profile" in names else []
    if profile:
        print("\nwhere the microseconds of an event go", *profile_lines(profile), sep="\n")
    if asked.only is None:
        write(rows, profile, DOCS / "benchmarks", name="index", intro=INTRO)
        draw(rows, DOCS / "img")
    missed = [row for row in rows if row.missed]
    for row in missed:
        print(f"below its floor: {row.group}, {row.name}")
    return 1 if missed and asked.check else 0


if __name__ == "__main__":
    sys.exit(main())
