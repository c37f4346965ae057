"""The rate that the workers of a stream share: the script, and workers over real sockets against a limit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import msgspec
import pytest

from hellotext_async import Hellotext, RedisStream, StreamWorker
from hellotext_async._policy.pacer_record import PacerRecord
from hellotext_async._policy.shared_rate import Command, Counts, Learned
from hellotext_async.emulator import Emulator, RateLimit
from hellotext_async.fleet.commands import Commands, Limits
from hellotext_async.fleet.layout import Layout
from hellotext_async.fleet.link import Link
from tests.redis.fleet import LEASE, client_of, until
from tests.redis.servers import Server
from tests.simulation.figures import jain
from tests.simulation.place import Place


@pytest.fixture
async def commands(server: Server, name: str) -> AsyncIterator[Commands]:
    link = Link(server.url)
    yield Commands(link, Layout(name, 1), Limits(10_000, 3600))
    await link.aclose()


def some_command(chance: random.Random, number: int, version: int, generation: int) -> Command:
    """A random command: usually one with the current version."""
    counts = Counts(*(chance.choice([0, 0, 3]) for _ in range(4)))
    learned = None
    if chance.random() < 0.4:
        record = PacerRecord(rate=chance.choice([None, 5.0, 80.0]), epoch=chance.randrange(3))
        folded = Counts(*(chance.randrange(9) for _ in range(4)))
        learned = Learned(
            record, chance.choice([-1.0, 0.0, 4000.0]), chance.choice([0.0, 2.5]), chance.choice([0, 7]), folded
        )
    known = version if chance.random() < 0.8 else version - 1
    return Command(number, known, chance.choice([0, 1, 20]), chance.choice([generation, 99]), counts, learned)


@pytest.mark.parametrize("seed", range(3))
async def test_the_script_matches_the_simulation(commands: Commands, seed: int) -> None:
    """A hundred random commands; the simulation's record gets them at the times at which the server received them."""
    chance, place = random.Random(seed), Place()
    for number in range(100):
        command = some_command(chance, number, place.version, place.generation)
        answer = await commands.rate(command, chance.choice(["one", "other"]) + str(number % 2))
        same = place.run(answer.now, command)
        assert msgspec.structs.replace(answer, position=0, speed=0) == msgspec.structs.replace(
            same, position=0, speed=0
        )
        assert answer.position == pytest.approx(same.position, abs=0.01)
        assert answer.speed == same.speed


async def test_a_repeated_command_is_done_once(commands: Commands) -> None:
    """As redis-py repeats it when a reply is lost: the same permits, one record, and nothing is counted twice."""
    record = PacerRecord(rate=50.0)
    learned = Learned(record, 50.0, 0.0, 0, Counts())
    command = Command(1, 0, 5, 0, Counts(4, 3, 2, 1), learned)
    first = await commands.rate(command, "a")
    again = await commands.rate(command, "a")
    assert (first.taken, first.granted, first.counts) == (True, 5, Counts(4, 3, 2, 1))
    assert (again.taken, again.first, again.granted) == (True, first.first, 5)
    assert (again.version, again.record, again.counts) == (first.version, None, first.counts)
    other = await commands.rate(Command(1, first.version, 5, 0, Counts(), learned), "b")
    assert (other.taken, other.first) == (True, first.first + 5)
    late = await commands.rate(command, "a")
    assert late.taken and late.record is not None  # it was executed, and has been replaced


async def begin(
    stack: AsyncExitStack, emulator: Emulator, stream: RedisStream, count: int, *, beside: Sequence[StreamWorker] = ()
) -> tuple[list[Hellotext], list[StreamWorker]]:
    """Start this many more workers, each with its own client; return when all have equal numbers of shards."""
    clients, workers = [], []
    for _ in range(count):
        client = await stack.enter_async_context(client_of(emulator))
        clients.append(client)
        workers.append(await stack.enter_async_context(client.worker(stream)))
    part = stream.layout.shards // (count + len(beside))
    await until(lambda: all(len(worker.shards) == part for worker in (*beside, *workers)))
    return clients, workers


def delivered(workers: list[StreamWorker]) -> list[int]:
    return [worker.stats().outcomes["delivered"] for worker in workers]


async def test_workers_share_a_limit_over_sockets(server: Server, name: str) -> None:
    """Four of them at 100/s: one learns the limit for all, few requests are refused, and each delivers as many."""
    stream = RedisStream(server.url, name, shards=16, lease=LEASE)
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator(rate_limit=RateLimit(100, 20)))
        producer = await stack.enter_async_context(stream.producer())
        clients, workers = await begin(stack, emulator, stream, 4)
        await asyncio.gather(*(producer.put("page.viewed", session=f"s{n}") for n in range(900)))
        await until(lambda: sum(delivered(workers)) >= 200)
        before, seen = delivered(workers), len(emulator.requests)
        await until(lambda: sum(delivered(workers)) >= 600)
        shares = [now - then for now, then in zip(delivered(workers), before, strict=True)]
        refused = [request.status for request in list(emulator.requests)[seen:]].count(429)
        rates = [client.rate().rate or 0.0 for client in clients]
        assert jain(shares) >= 0.95  # .999 on an idle machine; late timers leave permits unused
        assert refused <= 0.05 * sum(shares)
        assert 0 < max(rates) <= 1.2 * min(rates)
        for worker in workers:
            await worker.aclose(0.1)


async def test_events_of_shards_that_went_cost_no_permits(server: Server, name: str) -> None:
    """A worker that has read many events of shards that it lost sends its own at once."""
    stream = RedisStream(server.url, name, shards=16, lease=LEASE)
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator(rate_limit=RateLimit(50, 10)))
        producer = await stack.enter_async_context(stream.producer())
        sessions = [f"s{n}" for n in range(1600)]
        stays = [session for session in sessions if stream.layout.shard_of(session, "") < 8]
        goes = [session for session in sessions if session not in stays]
        await asyncio.gather(*(producer.put("page.viewed", session=session) for session in goes))
        clients, first = await begin(stack, emulator, stream, 1)
        await until(lambda: first[0].stats().queued > 600 and clients[0].rate().rate is not None)
        await asyncio.gather(*(producer.put("page.viewed", session=session) for session in stays))
        _, second = await begin(stack, emulator, stream, 1, beside=first)
        assert first[0].shards == tuple(range(8))
        before, others = delivered(first)[0], delivered(second)[0]
        await until(lambda: delivered(second)[0] >= others + 80)
        assert delivered(first)[0] >= before + 40
        for worker in (*first, *second):
            await worker.aclose(0.1)


async def test_without_the_server_each_client_keeps_to_a_share(kind: str, name: str) -> None:
    """A client whose worker cannot reach the server makes calls at its part of the rate; when it is back, at the
    shared rate.
    """
    with Server(kind) as own:
        stream = RedisStream(own.url, name, shards=4, lease=LEASE)
        async with AsyncExitStack() as stack:
            emulator = await stack.enter_async_context(Emulator(rate_limit=RateLimit(40, 5)))
            (first, other), workers = await begin(stack, emulator, stream, 2)
            while first.rate().rate is None or other.rate().rate is None:
                await asyncio.gather(*(client.lists.list(limit=1) for client in (first, other)))
            own.pause()
            shared = first.rate().rate
            assert shared is not None
            await until(lambda: (first.rate().rate or 0) <= 0.75 * shared)
            await first.lists.list(limit=1)
            own.go_on()
            await until(lambda: first.rate().rate == other.rate().rate)
            for worker in workers:
                await worker.aclose(0.1)


async def test_a_record_that_cannot_be_read_is_logged_and_not_shared(
    server: Server, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Workers deliver all events, each at its own rate."""
    stream = RedisStream(server.url, name, shards=4, lease=LEASE)
    link = Link(server.url)
    await link.command("hset", stream.layout.rate, mapping={"version": 5, "record": b"\xc1", "speed": "10"})
    await link.aclose()
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator())
        producer = await stack.enter_async_context(stream.producer())
        await begin(stack, emulator, stream, 1)
        receipt = await producer.put("page.viewed", session="s")
        assert (await receipt).delivered
    assert "workers do not share the learned rate: record: it cannot be read" in caplog.text
