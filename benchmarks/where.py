"""Where the microseconds of an event go: a sampled profile of the queue's delivery.

``python -m benchmarks.where URL [SECONDS]`` samples by CPU time, in a process of its own: a signal
each millisecond records the running function. Time in C functions counts for their callers.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from .contender import Place
from .ground import Ground
from .responder import cores, pin

__all__ = ["Share", "shares"]

EVERY: Final = 0.001
SLICE: Final = 4000
_OURS: Final = "hellotext_async"


class Share(NamedTuple):
    """Microseconds of an event in a place: a file of this package, or another package."""

    place: str
    function: str
    microseconds: float


def _place(frame: FrameType) -> tuple[str, str]:
    code = frame.f_code
    parts = Path(code.co_filename).parts
    for package in (_OURS, "aiohttp", "asyncio", "benchmarks"):
        if package in parts:
            inside = "/".join(parts[len(parts) - parts[::-1].index(package) :])
            return (inside if package == _OURS else f"{package}: {inside}"), code.co_qualname
    return parts[-1], code.co_qualname


async def _sampled(url: str, seconds: float) -> list[Share]:
    from .ours import Queue

    found: Counter[tuple[str, str]] = Counter()
    contender = Queue(Place(url))
    await contender.open()
    await contender.run(SLICE)
    signal.signal(signal.SIGPROF, lambda _, frame: found.update([_place(frame)] if frame else []))
    cpu, events = time.process_time(), 0
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    while time.process_time() - cpu < seconds:
        await contender.run(SLICE)
        events += SLICE
    signal.setitimer(signal.ITIMER_PROF, 0)
    each = (time.process_time() - cpu) / events * 1e6 / found.total()
    await contender.close()
    return [Share(*place, hits * each) for place, hits in found.most_common()]


def shares(ground: Ground, seconds: float = 3) -> list[Share]:
    """The profile, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.where", ground.responder().url, str(seconds)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [Share(*share) for share in json.loads(output)]


def main(url: str, seconds: str = "3") -> None:
    """Profile and print it."""
    pin(None if (places := cores()) is None else places[0])
    print(json.dumps(asyncio.run(_sampled(url, float(seconds)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
