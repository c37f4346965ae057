"""Putting events into a stream: the CPU of each, by how many are put in one turn of the loop."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from .contender import Entry, Idle, Place
from .fleet_server import kinds, serving, stream_at
from .ground import Ground
from .load import ACTION, BODY, FIELDS, sessions
from .paired import Pair, Ratio, ratio, summed
from .raw import over
from .row import Goal, Row

__all__ = ["Bare", "Singly", "Together", "rows"]

BAR: Final = Goal(60_000)
"""Puts in a second of the producer's CPU time."""


class _Emptied(Idle):
    """A producer whose stream is emptied between two slices, as workers do it."""

    def __init__(self, redis: str, name: str) -> None:
        self.stream = stream_at(redis, name)

    async def open(self) -> None:
        """Open a connection."""
        self.commands = await self.stream.connect()

    async def rest(self) -> None:
        """Empty the stream."""
        layout, found = self.stream.layout, list[tuple[Any, ...]]()
        for shard in range(layout.shards):
            found += (("UNLINK", layout.events(shard)), ("HSET", layout.state(shard), "bytes", "0"))
        await self.commands.link.pipeline(found)

    async def close(self) -> None:
        """Close the connection."""
        await self.commands.link.aclose()


class Together(_Emptied):
    """So many events in one turn of the loop, of as many `subjects`; then they are waited for."""

    def __init__(self, _: Place, *, redis: str, name: str, group: int = 16, subjects: int = 1) -> None:
        super().__init__(redis, name)
        self._subjects, self._each = subjects, group // subjects
        self._sessions = sessions(1_000_000)
        self._put = 0

    async def open(self) -> None:
        """Open the producer."""
        await super().open()
        self.producer = await self.stream.producer().__aenter__()

    async def run(self, units: int) -> None:
        """Put so many events, in whole turns where possible."""
        until = self._put + units
        while (left := until - self._put) > 0:
            await self._turn(left)

    async def _turn(self, most: int) -> None:
        track = self.producer.track
        subjects = [one for one in islice(self._sessions, self._subjects) for _ in range(self._each)][:most]
        receipts = [track(ACTION, session=one, **FIELDS) for one in subjects]
        self._put += len(receipts)
        for receipt in receipts:
            await receipt.accepted()

    async def close(self) -> None:
        """Close it, and see that every event was accepted."""
        await self.producer.aclose()
        await super().close()
        if self.producer.accepted != self._put:
            raise AssertionError(f"{self._put} events were put, but {self.producer.accepted} accepted")


class Singly(Together):
    """``await producer.put(...)`` from so many tasks, each with one event at a time."""

    def __init__(self, place: Place, *, redis: str, name: str, tasks: int = 1) -> None:
        super().__init__(place, redis=redis, name=name)
        self._tasks = tasks

    async def run(self, units: int) -> None:
        """Put so many events."""
        self._put += units
        await over(units, self._tasks, self._single)

    async def _single(self, turns: Iterable[int]) -> None:
        put, following = self.producer.put, self._sessions
        for _ in turns:
            await put(ACTION, session=next(following), **FIELDS)


class Bare(_Emptied):
    """The same script with redis-py alone: bytes made before, no ids of events, no receipts, replies not read."""

    def __init__(self, _: Place, *, redis: str, name: str, group: int = 16, subjects: int = 1) -> None:
        super().__init__(redis, name)
        self._url = redis
        self._subjects, self._each = subjects, group // subjects
        self._shard = 0

    async def open(self) -> None:
        """Open a connection, and load the script."""
        from redis.asyncio import Redis

        from hellotext_async.fleet.commands import OVERHEAD, PUT

        await super().open()
        self._client: Any = Redis.from_url(self._url)
        self._sha = await self._client.script_load(PUT.text)
        layout, limits = self.stream.layout, self.stream.limits
        self._keys = [(layout.events(n), layout.state(n), layout.ids(n)) for n in range(layout.shards)]
        self._head = (limits.bucket_ms, limits.shard_bytes, limits.expiry, OVERHEAD, "token")

    async def run(self, units: int) -> None:
        """Put so many events, in whole turns where possible."""
        while units > 0:
            units -= await self._turn(units)

    async def _turn(self, most: int) -> int:
        found: list[str] = []
        arguments: list[Any] = [*self._head]
        done = 0
        for _ in range(self._subjects):
            number = min(self._each, most - done)
            done += number
            self._shard = (self._shard + 1) % len(self._keys)
            found += self._keys[self._shard]
            arguments.append(number)
            for _ in range(number):
                arguments += (os.urandom(16), BODY)
        await self._client.evalsha(self._sha, len(found), *found, *arguments)
        return done

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await super().close()


TOGETHER: Final = Entry("benchmarks.fleet_producer:Together")
SINGLY: Final = Entry("benchmarks.fleet_producer:Singly")
BARE: Final = Entry("benchmarks.fleet_producer:Bare")

RACES: Final[tuple[tuple[str, Entry, Entry, Goal | None], ...]] = (
    ("16 in a turn, of one subject", *(each.with_(group=16) for each in (TOGETHER, BARE)), BAR),
    ("16 in a turn, of 16 subjects", *(each.with_(group=16, subjects=16) for each in (TOGETHER, BARE)), None),
    ("64 in a turn, of 4 subjects", *(each.with_(group=64, subjects=4) for each in (TOGETHER, BARE)), BAR),
    ("256 in a turn, of 16 subjects", *(each.with_(group=256, subjects=16) for each in (TOGETHER, BARE)), BAR),
    ("16 tasks that each await put()", SINGLY.with_(tasks=16), BARE.with_(group=16, subjects=16), None),
    ("one put() awaited after the other", SINGLY, BARE.with_(group=1), None),
)


def rows(ground: Ground) -> Iterator[Row]:
    """Puts in a second of CPU time, and beside redis-py alone with the same script and as many events a command."""
    for kind in kinds():
        with serving(kind) as url:
            races = [
                (entry.with_(redis=url, name=f"ours-{number}"), bare.with_(redis=url, name=f"bare-{number}"))
                for number, (_, entry, bare, _) in enumerate(RACES)
            ]
            found = ground.pairs_of(races)
        for (name, _, _, goal), pairs in zip(RACES, found, strict=True):
            yield Row("fleet: puts", f"{kind}: {name}", _per_core(pairs), "/s", goal)
            yield Row("fleet: puts", "the same beside redis-py alone", summed(pairs), "x redis-py")


def _per_core(pairs: list[Pair]) -> Ratio:
    both = summed(pairs)
    return ratio([1 / pair.own.each for pair in pairs])._replace(each=both.each, per_second=both.per_second)
