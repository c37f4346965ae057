"""Workers share a stream's shards, deliver each event once, and hand over what remains when they stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from hellotext_async import Hellotext, RedisStream, Report
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.errors import ConfigurationError, QueueClosed
from hellotext_async.fleet.commands import Commands
from hellotext_async.fleet.link import Link
from hellotext_async.fleet.members import Members
from tests.redis.fleet import LEASE, client_of, drained, entries, owners, references, until, worker
from tests.redis.servers import Server


def stream_of(server: Server, name: str, shards: int = 8) -> RedisStream:
    return RedisStream(server.url, name, shards=shards, lease=LEASE)


async def test_a_worker_delivers_what_producers_put(server: Server, name: str) -> None:
    """The producers receive the outcomes, by receipt and by id."""
    stream = stream_of(server, name)
    async with Emulator() as emulator, worker(emulator, stream) as one, stream.producer() as producer:
        receipts = [
            await producer.put("page.viewed", session="s", event_id=str(n), metadata={"ref": str(n)}) for n in range(50)
        ]
        outcomes = [await receipt for receipt in receipts]
        assert {outcome.verdict for outcome in outcomes} == {"delivered"}
        found = await producer.outcome("7")
        assert found is not None and found.delivered
        assert one.stats().outcomes["delivered"] == 50
        assert references(emulator) == [str(n) for n in range(50)]
    assert await entries(stream, server.url) == 0


async def test_workers_share_the_shards(server: Server, name: str) -> None:
    """Evenly, whichever worker starts or stops; the last one owns all of them."""
    stream = stream_of(server, name)
    async with Emulator() as emulator, worker(emulator, stream) as first:
        assert first.shards == tuple(range(8))
        async with worker(emulator, stream) as second:
            await until(lambda: len(first.shards) == len(second.shards) == 4)
            async with worker(emulator, stream) as third:
                await until(lambda: sorted(len(one.shards) for one in (first, second, third)) == [2, 3, 3])
                assert sorted(first.shards + second.shards + third.shards) == list(range(8))
                await until(lambda: {first.workers, second.workers, third.workers} == {3})
        await until(lambda: first.shards == tuple(range(8)))
        assert repr(first) == "StreamWorker(8 shards, 1 workers)"


async def test_a_worker_that_stops_hands_over(server: Server, name: str) -> None:
    """Attempts in flight end, the next worker delivers what waits, no outcome is unknown, and every shard is free."""
    stream = stream_of(server, name)
    async with Emulator() as emulator:
        emulator.faults.add(Fault("delay", delay=0.3, times=4))
        async with stream.producer() as producer:
            for n in range(100):
                await producer.put("page.viewed", session=f"s{n % 10}", metadata={"ref": str(n)})
            async with worker(emulator, stream, concurrency=4) as one:
                running = asyncio.ensure_future(one.run())
                await until(lambda: len(emulator.requests) == 4)
                one.stop()
                report = await running
            assert report.outcomes == {"delivered": 4, "rejected": 0, "unknown": 0, "expired": 0, "abandoned": 0}
            assert (report.queued, report.in_flight) == (0, 0)
            assert await owners(stream, server.url) == [""] * 8
            assert await entries(stream, server.url) == 96
            async with worker(emulator, stream) as other:
                await until(lambda: other.stats().outcomes["delivered"] == 96)
        assert sorted(references(emulator), key=int) == [str(n) for n in range(100)]
        for subject in range(10):
            mine = [int(ref) for ref in references(emulator) if int(ref) % 10 == subject]
            assert mine == sorted(mine)


@pytest.fixture
def no_handler() -> Iterator[None]:
    """A program without a handler for SIGTERM; a measurement of coverage has one."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


async def test_an_end_that_the_server_lost_is_noted_again(server: Server, name: str) -> None:
    """A crash of the server lost the last writes too: the event is stored again, not sent twice, and removed."""
    stream = stream_of(server, name, shards=1)
    keys = [stream.layout.events(0), stream.layout.state(0), stream.layout.marks(0)]
    link = Link(server.url)
    async with Emulator() as emulator, worker(emulator, stream), stream.producer() as producer:
        emulator.faults.add(Fault("delay", delay=0.5))
        receipt = await producer.put("page.viewed", session="s", metadata={"ref": "1"})
        await until(lambda: len(emulator.requests))
        earlier = {key: await link.command("dump", key) for key in keys}
        assert (await receipt).delivered
        await drained(stream, server.url)
        for key, value in earlier.items():
            await link.command("delete", key)
            if value is not None:
                await link.command("restore", key, 0, value)
        assert await entries(stream, server.url) == 1
        await drained(stream, server.url)
        assert references(emulator) == ["1"]
    await link.aclose()


async def test_sigterm_is_a_clean_end(server: Server, name: str, no_handler: None) -> None:
    """If the program has no handler of its own; none is left afterwards."""
    stream = stream_of(server, name)
    async with Emulator() as emulator, worker(emulator, stream) as one:
        running = asyncio.ensure_future(one.run())
        await until(lambda: signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        report = await running
        assert not report.suspended
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert await owners(stream, server.url) == [""] * 8


async def started(client: Hellotext, stream: RedisStream, server: Server) -> asyncio.Future[Report]:
    """A worker that runs and has every shard."""
    running = asyncio.ensure_future(client.worker(stream).run())
    while "" in await owners(stream, server.url):
        await asyncio.sleep(0.01)
    return running


async def test_a_cancelled_run_hands_over(server: Server, name: str) -> None:
    """As a worker that is stopped."""
    stream = stream_of(server, name)
    async with Emulator() as emulator, client_of(emulator) as client:
        running = await started(client, stream, server)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await owners(stream, server.url) == [""] * 8


class Unanswered(Commands):
    """Shards are leased, and the reply never arrives."""

    async def lease(self, shards: Any, how: Any, owner: str = "", ttl: float = 0) -> Any:
        found = await super().lease(shards, how, owner, ttl)
        if how == "take":
            await asyncio.Event().wait()
        return found


async def test_a_worker_that_stops_while_it_takes_shards_releases_them(server: Server, name: str) -> None:
    """No other worker has to wait for the end of a lease of which its owner has no record."""
    stream = stream_of(server, name)
    link = Link(server.url)
    members = Members(Unanswered(link, stream.layout, stream.limits), 60, lambda: None)
    beat = asyncio.ensure_future(members.beat())
    while "" in await owners(stream, server.url):
        await asyncio.sleep(0.01)
    beat.cancel()
    await members.leave(60)
    assert await owners(stream, server.url) == [""] * 8
    await link.aclose()


async def test_a_worker_that_cannot_continue_raises(server: Server, name: str) -> None:
    """Here another program has overwritten a key of the stream."""
    stream = stream_of(server, name)
    async with Emulator() as emulator, client_of(emulator) as client:
        running = await started(client, stream, server)
        link = Link(server.url)
        await link.command("set", stream.layout.state(3), "nonsense")
        await link.aclose()
        with pytest.raises(QueueClosed, match=r"the queue died \(the server at .* refused a command") as caught:
            await running
        assert caught.value.kept


async def test_a_worker_whose_token_is_refused_leaves_its_shards_to_the_others(server: Server, name: str) -> None:
    """The other workers deliver everything; with a new token it gets its share again."""
    stream = stream_of(server, name)
    async with (
        Emulator() as emulator,
        stream.producer() as producer,
        client_of(emulator, token="revoked") as client,
        client.worker(stream) as refused,
    ):
        await until(lambda: len(refused.shards) == 8)
        for n in range(20):
            await producer.put("page.viewed", session=f"s{n}", metadata={"ref": str(n)})
        await until(lambda: refused.stats().suspended)
        assert refused.shards == tuple(range(8))  # there is no other worker
        async with worker(emulator, stream) as other:
            await until(lambda: len(references(emulator)) == 20)
            assert refused.shards == ()
            await until(lambda: other.workers == 1)
            client.set_token(emulator.token)
            await until(lambda: len(refused.shards) == len(other.shards) == 4)
            assert refused.stats().outcomes["delivered"] == 0
            for n in range(20, 60):
                await producer.put("page.viewed", session=f"s{n}", metadata={"ref": str(n)})
            await until(lambda: len(references(emulator)) == 60)
            assert refused.stats().outcomes["delivered"] > 0
    assert sorted(references(emulator), key=int) == [str(n) for n in range(60)]


async def test_a_worker_needs_a_stream_and_a_lease_that_outlasts_an_attempt(server: Server, name: str) -> None:
    """Each error names the argument."""
    async with Emulator() as emulator, client_of(emulator) as client:
        with pytest.raises(ConfigurationError, match=r"^stream"):
            client.worker("redis://localhost")  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match=r"^lease"):
            await client.worker(RedisStream(server.url, name, lease=1)).open()
