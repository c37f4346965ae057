"""A worker over a stream beside the queue in memory: the cost of sharing events in a fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from hellotext_async import Hellotext, Limits

from .contender import Entry, Idle, Place
from .events import QUEUE
from .fleet_feeder import Feeder
from .fleet_server import kinds, serving, stream_at
from .ground import Ground
from .load import CONNECTIONS, TOKEN
from .ours import SPARE, Queue
from .row import Goal, Row

__all__ = ["OverStream", "Worker", "rows"]

SHARE: Final = Goal(0.6)
AHEAD: Final = 12_000
"""Events that wait in the stream, besides those of the next slice: the worker never runs out of them."""
LOOK: Final = 0.01
"""Seconds between two checks of the number delivered."""


class Worker(Idle):
    """The only worker of a stream; another process puts the events, between the slices."""

    def __init__(self, place: Place, *, redis: str, name: str) -> None:
        self._client = Hellotext(TOKEN, base_url=place.url, limits=Limits(concurrency=CONNECTIONS + SPARE))
        self._worker = self._client.worker(stream_at(redis, name), concurrency=CONNECTIONS)
        self._feeder = Feeder(redis, name)
        self._wanted = self._fed = 0

    async def open(self) -> None:
        """Fill the stream, and take its shards."""
        await self.rest()
        await self._worker.open()

    async def run(self, units: int) -> None:
        """Wait until so many more events were delivered."""
        self._wanted += units
        while self._worker.stats().outcomes["delivered"] < self._wanted:  # noqa: ASYNC110 - a hook would cost more
            await asyncio.sleep(LOOK)

    async def rest(self) -> None:
        """Put as many as were delivered."""
        missing = self._wanted + AHEAD - self._fed
        if missing > 0:
            self._feeder.feed(missing)
            self._fed += missing

    async def close(self) -> None:
        """Release the shards, and check that every event was delivered."""
        report = await self._worker.aclose()
        self._feeder.close()
        await self._client.aclose()
        if sum(report.outcomes.values()) != report.outcomes["delivered"]:
            raise AssertionError(f"not all that ended was delivered: {report}")


class OverStream(Queue):
    """The queue of `QUEUE` with a stream as its buffer: it puts, reads and delivers in one process."""

    def __init__(self, place: Place, *, redis: str, name: str) -> None:
        super().__init__(place, buffer=stream_at(redis, name), max_bytes=64 * 1024 * 1024)


def rows(ground: Ground) -> Iterator[Row]:
    """A worker, and a queue that both puts and delivers."""
    for kind in kinds():
        with serving(kind) as url:
            worker = Entry("benchmarks.fleet_worker:Worker").with_(redis=url, name="worker", most=AHEAD)
            queue = Entry("benchmarks.fleet_worker:OverStream").with_(redis=url, name="queue")
            worked, queued = ground.races([(worker, QUEUE), (queue, QUEUE)])
        yield Row("fleet: workers", f"{kind}: a worker", worked, "x memory", SHARE)
        yield Row("fleet: workers", f"{kind}: a queue over a stream, which puts and delivers", queued, "x memory")
