"""The memory of an event while it waits, beyond the bytes of its body.

``python -m benchmarks.memory traced|resident`` measures once, in a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Final

from .ground import Ground, present
from .load import ACTION, FIELDS, TOKEN, sessions
from .paired import ratio
from .row import Goal, Row

__all__ = ["EVENTS", "rows"]

EVENTS: Final = 40_000
ROUNDS: Final = 5


def _traced() -> int:
    return tracemalloc.get_traced_memory()[0]


def _resident() -> int:
    import psutil

    found: int = psutil.Process().memory_info().rss
    return found


async def _measured(memory: Callable[[], int]) -> float:
    """Bytes per event beyond its body; every event has its own session, and no receipt is kept."""
    from hellotext_async import Hellotext

    client = Hellotext(TOKEN, base_url="http://127.0.0.1:9", enabled=False)
    async with client, client.event_queue(capacity=EVENTS + 1000) as queue:
        names = sessions(10 * EVENTS)
        for _ in range(1000):
            queue.track(ACTION, session=next(names), **FIELDS)
        gc.collect()
        before, bodies = memory(), queue.stats().bytes
        for _ in range(EVENTS):
            queue.track(ACTION, session=next(names), **FIELDS)
        after, bodies = memory(), queue.stats().bytes - bodies
    return (after - before - bodies) / EVENTS


def main(how: str) -> None:
    """Measure once and print it."""
    if how == "traced":
        tracemalloc.start()
    print(json.dumps(asyncio.run(_measured(_traced if how == "traced" else _resident))))


def _child(how: str) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", how]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def rows(ground: Ground) -> Iterator[Row]:
    """As Python counts it, and as the operating system does."""
    goal = Goal(250, 200, less=True)
    traced = ratio([_child("traced") for _ in range(2)])
    yield Row("memory", "a queued event beyond its body, traced", traced, "B", goal)
    if present("psutil"):
        resident = ratio([_child("resident") for _ in range(ROUNDS)])
        yield Row("memory", "a queued event beyond its body, resident", resident, "B", goal)


if __name__ == "__main__":
    main(sys.argv[1])
