"""Fills a stream for workers, in a separate process: ``python -m benchmarks.fleet_feeder REDIS NAME``.

A line on stdin is a number of events; it is answered when the server has them.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import islice

from .fleet_server import fill, stream_at
from .line_process import LineProcess
from .load import sessions
from .responder import cores, pin

__all__ = ["Feeder"]


class Feeder:
    """The handle of the process."""

    def __init__(self, redis: str, name: str) -> None:
        self._process = LineProcess("fleet_feeder", redis, name)

    def feed(self, events: int) -> None:
        """Put so many events; the caller's loop is blocked meanwhile."""
        self._process.ask(str(events))

    def close(self) -> None:
        """End it."""
        self._process.close()


async def _serve(redis: str, name: str) -> None:
    following = sessions(1_000_000)
    async with stream_at(redis, name).producer() as producer:
        while line := await asyncio.to_thread(sys.stdin.readline):
            await fill(producer, islice(following, int(line)))
            print("done", flush=True)


if __name__ == "__main__":
    pin(None if (places := cores()) is None else places[1])
    asyncio.run(_serve(*sys.argv[1:3]))
