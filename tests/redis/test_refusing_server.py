"""A server that answers with errors: it refuses writes for a while, has lost data, or its settings were changed."""

from __future__ import annotations

import asyncio
import time

import pytest

from hellotext_async import DeadLetters, RedisStream
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.errors import NotAccepted, SpoolError
from hellotext_async.fleet.commands import MOST
from hellotext_async.fleet.layout import digest
from hellotext_async.fleet.link import Link
from tests.redis.fleet import LEASE, client_of, entries, references, until, worker
from tests.redis.servers import Server


@pytest.mark.parametrize(
    ("refuse", "allow", "error"),
    [
        (
            ("CONFIG", "SET", "min-replicas-to-write", "1"),
            ("CONFIG", "SET", "min-replicas-to-write", "0"),
            "NOREPLICAS",
        ),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "READONLY"),
    ],
    ids=["too few replicas", "it became a replica"],
)
async def test_a_server_that_takes_no_writes_for_now_is_waited_for(
    kind: str, name: str, refuse: tuple[str, ...], allow: tuple[str, ...], error: str
) -> None:
    """What is put meanwhile is accepted, once, when the server accepts writes again."""
    with Server(kind) as own:
        stream = RedisStream(own.url, name, shards=4)
        link = Link(own.url)
        async with stream.producer(timeout=60) as producer:
            await link.command("execute_command", *refuse)
            putting = asyncio.ensure_future(producer.put("page.viewed", session="s"))
            async with asyncio.timeout(240):
                while not await refusals(link, error):
                    await asyncio.sleep(0.01)
            await link.command("execute_command", *allow)
            await putting
            assert await entries(stream, own.url) == 1
        await link.aclose()


async def refusals(link: Link, error: str) -> int:
    """The number of commands that the server has refused with this error."""
    stats = (await link.command("info", "errorstats")).get(f"errorstat_{error}", {})
    return int(stats.get("count", 0))


async def test_an_event_that_the_server_lost_is_reported(kind: str, name: str) -> None:
    """Its receipt does not wait for ever."""
    with Server(kind) as own:
        stream = RedisStream(own.url, name, shards=4)
        async with stream.producer() as producer:
            receipt = await producer.put("page.viewed", session="s")
            link = Link(own.url)
            await link.command("flushall")
            await link.aclose()
            with pytest.raises(SpoolError, match="does not know the event any more"):
                await receipt


@pytest.mark.parametrize("record", [b"?", b"\xff\xfe"], ids=["other text", "no text"])
async def test_an_unreadable_record_of_an_id_is_not_taken_for_an_outcome(
    server: Server, name: str, record: bytes
) -> None:
    """The event may be there. Others of the same command, and of the same question, have their answers."""
    stream = RedisStream(server.url, name, shards=4, lease=LEASE)
    commands = await stream.connect()
    async with Emulator() as emulator, stream.producer() as producer:
        unreadable = await producer.put("page.viewed", session="s", event_id="e1")
        for key in commands.id_keys(stream.layout.shard_of("s", "e1"), time.time()):
            if await commands.link.command("hexists", key, digest("e1")):
                await commands.link.command("hset", key, digest("e1"), record)
        other = await producer.put("page.viewed", session="s", event_id="e2")
        waiting = asyncio.ensure_future(unreadable)
        async with stream.producer() as second:
            again, third = (second.track("page.viewed", session="s", event_id=event_id) for event_id in ("e1", "e3"))
            await third.accepted()
            with pytest.raises(NotAccepted, match="unknown") as caught:
                await again.accepted()
        assert caught.value.may_be_accepted
        async with worker(emulator, stream):
            assert (await other).delivered
        waiting.cancel()
    await commands.link.aclose()


async def test_a_client_that_works_for_several_streams_shares_one_rate(server: Server, name: str) -> None:
    """That of the first stream while it works for it, then that of the next."""
    first, second = (RedisStream(server.url, f"{name}-{n}", shards=2, lease=LEASE) for n in (1, 2))
    async with Emulator() as emulator, client_of(emulator) as client:
        async with first.producer() as one, second.producer() as other:
            async with client.worker(first), client.worker(second):
                for number, producer in enumerate((one, other)):
                    await producer.put("page.viewed", session="s", metadata={"ref": str(number)})
                await until(lambda: len(emulator.events) == 2)
            async with client.worker(second):
                await other.put("page.viewed", session="s", metadata={"ref": "2"})
                await until(lambda: len(emulator.events) == 3)
        assert sorted(references(emulator)) == ["0", "1", "2"]


async def test_more_letters_than_one_command_reads_are_all_listed(server: Server, name: str) -> None:
    """Two letters of one event count as one, and both are removed when it is put back."""
    stream = RedisStream(server.url, name, shards=1, lease=LEASE)
    async with Emulator() as emulator:
        emulator.faults.add(Fault("status", status=422, times=MOST + 3))
        async with worker(emulator, stream) as one, stream.producer(capacity=MOST) as producer:
            for number in range(MOST + 1):
                receipt = producer.track("page.viewed", session=f"s{number}", event_id=f"e{number}")
                await receipt.accepted()
            await until(lambda: one.stats().outcomes["rejected"] == MOST + 1)
            commands = await stream.connect()
            await commands.free_id(digest("e0"), time.time())
            await producer.put("page.viewed", session="s0", event_id="e0")
            await until(lambda: one.stats().outcomes["rejected"] == MOST + 2)
        await commands.link.aclose()
        letters = DeadLetters(stream)
        assert len([letter async for letter in letters]) == MOST + 1
        assert await letters.requeue() == MOST + 1
        assert [letter async for letter in DeadLetters(stream)] == []
        assert await entries(stream, server.url) == MOST + 1


async def test_a_worker_that_cannot_go_on_leaves_its_shards_to_the_others(server: Server, name: str) -> None:
    """A key of the stream was overwritten: the worker that reads it ends, and its leases end after it, though it is open."""
    stream = RedisStream(server.url, name, shards=2, lease=LEASE)
    link = Link(server.url)
    async with Emulator() as emulator, stream.producer() as producer, worker(emulator, stream) as first:
        await until(lambda: len(first.shards) == 2)
        for shard in range(2):
            await link.command("set", stream.layout.events(shard), "not a stream")
        await until(lambda: not first.shards)
        await link.command("delete", *map(stream.layout.events, range(2)))
        async with worker(emulator, stream) as second:
            await producer.put("page.viewed", session="s", metadata={"ref": "1"})
            await until(lambda: references(emulator) == ["1"])
            assert len(second.shards) == 2
    await link.aclose()
