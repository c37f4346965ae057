"""Fills a stream for workers, in a process of its own: ``python -m benchmarks.fleet_feeder REDIS NAME``.

A line on stdin is a number of events; it is answered when the server has them.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import IO, Final

from .fleet_server import stream_at
from .load import ACTION, FIELDS, sessions
from .responder import cores, pin

__all__ = ["Feeder"]

TOGETHER: Final = 500


class Feeder:
    """The handle of the process."""

    def __init__(self, redis: str, name: str) -> None:
        command = [sys.executable, "-m", "benchmarks.fleet_feeder", redis, name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def feed(self, events: int) -> None:
        """Put so many events; the caller's loop stands still meanwhile."""
        stdin, stdout = self._pipes()
        stdin.write(f"{events}\n")
        stdin.flush()
        if not stdout.readline():
            raise RuntimeError("the feeder ended early; its error is above")

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise AssertionError("the feeder is started with pipes")
        return stdin, stdout

    def close(self) -> None:
        """End it."""
        stdin, stdout = self._pipes()
        stdin.close()
        self._process.wait()
        stdout.close()


async def _serve(redis: str, name: str) -> None:
    following = sessions(1_000_000)
    async with stream_at(redis, name).producer() as producer:
        while line := await asyncio.to_thread(sys.stdin.readline):
            left = int(line)
            while left > 0:
                turn = min(TOGETHER, left)
                receipts = [producer.track(ACTION, session=next(following), **FIELDS) for _ in range(turn)]
                for receipt in receipts:
                    await receipt.accepted()
                left -= turn
            print("done", flush=True)


if __name__ == "__main__":
    pin(None if (places := cores()) is None else places[1])
    asyncio.run(_serve(*sys.argv[1:3]))
