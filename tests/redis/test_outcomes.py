"""Outcomes of events, requested by id: right answers for many at once, with few commands."""

from __future__ import annotations

import asyncio
import time

import pytest

from hellotext_async import QueueClosed, RedisStream
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.errors import SpoolError
from hellotext_async.fleet.link import Link
from tests.redis.fleet import LEASE, drained, worker
from tests.redis.servers import Server

SHARDS = 4
BUCKETS = 4
"""Time buckets in which an id is looked up."""


async def lookups(link: Link) -> int:
    """The number of id look-ups that the server has executed."""
    stats = await link.command("info", "commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("hget", "hmget"))


async def test_many_ids_are_asked_for_together(server: Server, name: str) -> None:
    """Look-ups of one turn of the loop are one command per shard and time bucket; each caller gets its own answer."""
    stream = RedisStream(server.url, name, shards=SHARDS, lease=LEASE)
    link = Link(server.url)
    async with stream.producer() as producer, stream.producer() as asker:
        async with Emulator() as emulator:
            emulator.faults.add(Fault("status", status=422))
            async with worker(emulator, stream, concurrency=1):
                for n in range(200):
                    await producer.put("page.viewed", session=f"s{n % 7}", event_id=str(n))
                await drained(stream, server.url)
        await producer.put("page.viewed", session="s", event_id="waits")
        await asker.outcome("0")  # the server's clock is known now
        ids = [*map(str, range(200)), "waits", "never seen", "7", "7"]
        before = await lookups(link)
        found = await asyncio.gather(*(asker.outcome(event_id) for event_id in ids))
        assert await lookups(link) - before == SHARDS * BUCKETS
    await link.aclose()
    verdicts = {event_id: outcome and outcome.verdict for event_id, outcome in zip(ids, found, strict=True)}
    assert [outcome.event_id for outcome in found if outcome is not None] == [*map(str, range(200)), "7", "7"]
    assert sorted(verdict for verdict in verdicts.values() if verdict) == ["delivered"] * 199 + ["rejected"]
    assert verdicts["waits"] is verdicts["never seen"] is None


async def test_more_ids_than_one_command_takes(server: Server, name: str) -> None:
    """Some look-ups are cancelled meanwhile: the others are answered."""
    stream = RedisStream(server.url, name, shards=SHARDS)
    async with stream.producer() as producer:
        await producer.put("page.viewed", session="s", event_id="waits")
        asks = [asyncio.ensure_future(producer.outcome(str(n))) for n in range(1200)]
        await asyncio.sleep(0)
        for ask in asks[::3]:
            ask.cancel()
        ends = await asyncio.gather(*asks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends[::3])
        assert {type(end) for number, end in enumerate(ends) if number % 3} == {type(None)}


async def test_looking_up_on_a_server_that_is_gone_raises(kind: str, name: str) -> None:
    """Each pending look-up fails; look-ups are answered again when the server is back."""
    with Server(kind, appendonly="always") as own:
        stream = RedisStream(own.url, name, shards=SHARDS)
        async with stream.producer() as producer:
            await producer.put("page.viewed", session="s", event_id="waits")
            own.kill()
            ends = await asyncio.gather(*(producer.outcome(str(n)) for n in range(3)), return_exceptions=True)
            assert all(isinstance(end, SpoolError) for end in ends)
            own.start()
            assert await producer.outcome("waits") is None


async def test_looking_up_on_a_producer_that_closes_ends(kind: str, name: str) -> None:
    """The server is stopped, and the producer is closed; one look-up was cancelled before."""
    with Server(kind) as own:
        stream = RedisStream(own.url, name, shards=SHARDS)
        async with stream.producer() as producer:
            own.pause()
            asks = [asyncio.ensure_future(producer.outcome(str(n))) for n in range(600)]
            await asyncio.sleep(0.05)
            gave_up = asks.pop()
            gave_up.cancel()
        assert gave_up.cancelled()
        for ask in asks:
            with pytest.raises(QueueClosed):
                await ask
        own.go_on()


async def test_a_jump_of_the_wall_clock_hides_no_outcome(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The producer's clock jumps three days ahead while it waits: ids are looked up by the server's clock."""
    stream = RedisStream(server.url, name, shards=SHARDS, lease=LEASE)
    real = time.time
    async with stream.producer() as producer:
        receipt = await producer.put("page.viewed", session="s", event_id="waits")
        waiting = asyncio.ensure_future(receipt)
        assert await producer.outcome("waits") is None
        monkeypatch.setattr(time, "time", lambda: real() + 3 * 86_400)
        assert await producer.outcome("waits") is None
        async with Emulator() as emulator, worker(emulator, stream):
            assert (await waiting).delivered
            outcome = await producer.outcome("waits")
            assert outcome is not None
            assert outcome.delivered
