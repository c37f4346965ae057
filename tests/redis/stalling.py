"""The program of a worker that stops itself (SIGSTOP) at a point of an event's delivery, as a suspended machine does.

Arguments: the server's URL, the stream's name, its lease, the API's URL, the seconds of an attempt, the transport, the
point, and the event's id. It works until its standard input ends. Lines: ``ID EVIDENCE REASON`` for each attempt.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any, Final

from hellotext_async import Hellotext, Hooks, HttpAttempt, RedisStream, Timeouts
from hellotext_async.fleet.store import RedisStore
from hellotext_async.queue.entry import id_of

__all__ = ["AFTER_CHECK", "AFTER_MARK", "BEFORE_MARK", "SHARDS"]

BEFORE_MARK: Final = "before its mark"
AFTER_MARK: Final = "after its mark"
AFTER_CHECK: Final = "between the check and the write"
SHARDS: Final = 4


def stop() -> None:
    """Stop until SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


class Deadline(float):
    """A deadline that stops the process when it is found to be in the future: the clock was read, the write follows."""

    def __le__(self, now: float) -> bool:  # of ``now >= deadline``, evaluated here
        late = float(self) <= now
        if not late:
            stop()
        return late


class StallingStore(RedisStore):
    """A store that stalls once, at one event."""

    point, event_id = "", ""

    async def mark(self, entry: Any) -> float | None:
        point, chosen = self.point, id_of(entry) == self.event_id
        if not chosen:
            return await super().mark(entry)
        self.event_id = ""
        if point == BEFORE_MARK:
            stop()
        until = await super().mark(entry)
        if point == AFTER_MARK:
            stop()
        return Deadline(until) if point == AFTER_CHECK and until is not None else until


class StallingStream(RedisStream):
    """A stream whose store stalls."""

    def store(self, settings: Any) -> RedisStore:
        return StallingStore(self, settings)


def print_attempt(attempt: HttpAttempt) -> None:
    """Print the evidence of an attempt."""
    os.write(1, f"{attempt.event_id} {attempt.evidence} {attempt.reason}\n".encode())


async def main(
    url: str, name: str, lease: str, api: str, total: str, transport: str, point: str, event_id: str
) -> None:
    """Deliver, and stall."""
    StallingStore.point, StallingStore.event_id = point, event_id
    stream = StallingStream(url, name, shards=SHARDS, lease=float(lease))
    timeouts = Timeouts(connect=1, read=1, total=float(total))
    async with Hellotext(
        "test-token", base_url=api, timeouts=timeouts, hooks=Hooks(on_attempt=print_attempt)
    ) as client:
        made: Any = (
            client.event_queue(buffer=stream, transport="pool") if transport == "pool" else client.worker(stream)
        )
        async with made:
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
