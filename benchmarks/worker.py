"""The process of one contender: ``python -m benchmarks.worker ENTRY PLACE``, both as JSON.

A line on stdin is a number of units: it runs that slice and answers with its CPU and wall seconds.
Between slices the loop is blocked, so that it takes no CPU from the others. A line ``close``
closes the contender, which may report a failure.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

from .contender import Contender, Entry, Place, Slice
from .responder import cores, pin

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]


def _loop(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if name != "uvloop":
        return None
    import uvloop

    new: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return new


async def _timed(contender: Contender, units: int) -> Slice:
    cpu, wall = time.process_time(), time.perf_counter()
    await contender.run(units)
    return Slice(units, time.process_time() - cpu, time.perf_counter() - wall)


def _serve(entry: Entry, place: Place, answers: TextIO) -> None:
    contender = entry.make(place)
    with asyncio.Runner(loop_factory=_loop(entry.loop)) as runner:
        runner.run(contender.open())
        for line in sys.stdin:
            if line == "close\n":
                break
            done = runner.run(_timed(contender, int(line)))
            print(json.dumps(done), file=answers, flush=True)
            runner.run(contender.rest())
        runner.run(contender.close())


def main() -> None:
    """Serve; stdout is for the answers, and the output of a contender goes to stderr."""
    pin(None if (places := cores()) is None else places[0])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    entry, place = (json.loads(argument) for argument in sys.argv[1:3])
    _serve(Entry(**entry), Place(*place), answers)


if __name__ == "__main__":
    main()
