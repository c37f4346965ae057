"""Dead letters of a stream: listed, looked up, replayed, put back; what is delivered leaves the list."""

from __future__ import annotations

import json
import random

import pytest

from hellotext_async import DeadLetters, RedisStream
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.errors import ConfigurationError
from hellotext_async.fleet.link import Link
from tests.cli.command import run
from tests.redis.fleet import LEASE, client_of, references, until, worker
from tests.redis.servers import Server


def stream_of(server: Server, name: str) -> RedisStream:
    return RedisStream(server.url, name, shards=4, lease=LEASE)


async def make_letters(emulator: Emulator, stream: RedisStream, *, rejected: int = 0, unknown: int = 0) -> None:
    """Events that fail in different ways, according to the API's answers."""
    if rejected:
        emulator.faults.add(Fault("status", status=422, times=rejected))
    async with worker(emulator, stream) as one, stream.producer() as producer:
        for n in range(rejected):
            await producer.put("page.viewed", session=f"s{n}", event_id=f"r{n}", metadata={"ref": f"r{n}"})
        await until(lambda: one.stats().outcomes["rejected"] == rejected)
        emulator.faults.clear()
        if unknown:
            emulator.faults.add(Fault("drop_before", times=unknown))
        for n in range(unknown):
            await producer.put("page.viewed", session=f"s{n}", event_id=f"u{n}", metadata={"ref": f"u{n}"})
        await until(lambda: one.stats().outcomes["unknown"] == unknown)
        emulator.faults.clear()


async def state(stream: RedisStream, url: str) -> tuple[int, int, int]:
    """Dead letters, waiting events, counted bytes."""
    link = Link(url)
    letters = events = size = 0
    for shard in range(stream.layout.shards):
        letters += await link.command("xlen", stream.layout.letters(shard))
        events += await link.command("xlen", stream.layout.events(shard))
        size += int(await link.command("hget", stream.layout.state(shard), "bytes") or 0)
    await link.aclose()
    return letters, events, size


async def test_letters_are_listed_and_put_back(server: Server, name: str) -> None:
    """Those that may have been applied only on request; each leaves the list when its event waits again, once."""
    stream = stream_of(server, name)
    async with Emulator() as emulator:
        await make_letters(emulator, stream, rejected=3, unknown=2)
        letters = DeadLetters(stream)
        found = {letter.event_id: letter async for letter in letters}
        assert {one: letter.verdict for one, letter in found.items()} == {
            "r0": "rejected", "r1": "rejected", "r2": "rejected", "u0": "unknown", "u1": "unknown",
        }  # fmt: skip
        assert found["r0"].attempts >= 1 and json.loads(bytes(found["r0"].payload))["metadata"] == {"ref": "r0"}
        with pytest.raises(TypeError, match="async for"):
            iter(letters)
        _, _, size = await state(stream, server.url)
        assert await letters.requeue() == 3
        assert await state(stream, server.url) == (2, 3, size)
        assert await letters.requeue() == 0
        async with worker(emulator, stream) as one:
            await until(lambda: one.stats().outcomes["delivered"] == 3)
            assert sorted(references(emulator)) == ["r0", "r1", "r2"]
            assert await letters.requeue(include_unknown=True) == 2
            await until(lambda: one.stats().outcomes["delivered"] == 5)
        assert await state(stream, server.url) == (0, 0, 0)


async def test_letters_are_replayed_through_a_queue(server: Server, name: str) -> None:
    """What is delivered leaves the list; what is not stays with its outcome."""
    stream = stream_of(server, name)
    async with Emulator() as emulator:
        await make_letters(emulator, stream, rejected=2)
        letters = DeadLetters(stream)
        emulator.faults.add(Fault("status", status=413, times=1))
        async with client_of(emulator) as client, client.event_queue(concurrency=1) as queue:
            outcomes = [outcome.verdict async for outcome in letters.replay(queue)]
        assert sorted(outcomes) == ["delivered", "rejected"]
        (left,) = [letter async for letter in letters]
        assert left.verdict == "rejected" and "413" in left.reason
        assert await state(stream, server.url) == (1, 0, (await state(stream, server.url))[2])


async def test_a_letter_of_doubt_stays_one_when_its_replay_fails(server: Server, name: str) -> None:
    """The first attempt may have been applied, whatever the replay ended in."""
    stream = stream_of(server, name)
    async with Emulator() as emulator:
        await make_letters(emulator, stream, unknown=1)
        emulator.faults.add(Fault("status", status=413, times=1))
        async with client_of(emulator) as client, client.event_queue() as queue:
            replayed = DeadLetters(stream).replay(queue, include_unknown=True)
            assert [outcome.verdict async for outcome in replayed] == ["rejected"]
        assert [letter.verdict async for letter in DeadLetters(stream)] == ["unknown"]


async def test_letters_are_looked_up_in_the_api(server: Server, name: str) -> None:
    """What cannot be determined stays unknown; what was applied leaves the list."""
    stream = stream_of(server, name)
    async with Emulator() as emulator:
        await make_letters(emulator, stream, unknown=1)
        async with worker(emulator, stream) as one, stream.producer() as producer:
            emulator.faults.add(Fault("drop_after"))
            await producer.put("order.placed", session="s", event_id="o", order_parameters={"reference": "o-1"})
            await until(lambda: one.stats().outcomes["unknown"])
        letters = DeadLetters(stream)
        async with client_of(emulator) as client:
            results = await letters.reconcile(client, settle=0)
        assert sorted(result.verdict for result in results) == ["delivered", "unknown"]
        assert [(letter.event_id, letter.verdict) async for letter in letters] == [("u0", "unknown")]


async def test_an_entry_that_is_no_letter_is_counted(server: Server, name: str) -> None:
    """Other entries are processed."""
    stream = stream_of(server, name)
    async with Emulator() as emulator:
        await make_letters(emulator, stream, rejected=1)
    link = Link(server.url)
    await link.command("xadd", stream.layout.letters(0), {"foreign": "x"})
    await link.aclose()
    letters = DeadLetters(stream)
    assert [letter.event_id async for letter in letters] == ["r0"]
    assert letters.damaged == 1


async def test_what_is_no_event_becomes_a_letter(server: Server, name: str) -> None:
    """A foreign entry, a damaged one: the worker continues, and nothing is lost."""
    stream = stream_of(server, name)
    async with Emulator() as emulator, worker(emulator, stream) as one, stream.producer() as producer:
        link = Link(server.url)
        await link.command("xadd", stream.layout.events(1), {"foreign": "x"})
        await link.command("xadd", stream.layout.events(2), {"e": b"\x93\x01\xff"})
        await link.aclose()
        await producer.put("page.viewed", session="s", metadata={"ref": "after"})
        await until(lambda: one.stats().outcomes["delivered"] == 1 and one.stats().outcomes["abandoned"] == 2)
        letters = [letter async for letter in DeadLetters(stream)]
        assert [letter.event_id[:8] for letter in letters] == ["damaged-"] * 2
        assert await DeadLetters(stream).requeue() == 0


@pytest.mark.parametrize("seed", range(3))
async def test_entries_with_flipped_bits_stop_no_shard(server: Server, name: str, seed: int) -> None:
    """Each is delivered if it can still be decoded and the API accepts it, otherwise it becomes a dead letter; later
    entries of the same shards are delivered.
    """
    chance = random.Random(seed)
    stream = stream_of(server, name)
    async with stream.producer() as producer:
        await producer.put("page.viewed", session="s", event_id="model", metadata={"ref": "model"})
    link = Link(server.url)
    shard = stream.layout.shard_of("s", "model")
    ((_, fields),) = await link.command("xrange", stream.layout.events(shard))
    for number in range(120):
        broken = bytearray(fields[b"e"])
        for _ in range(chance.randint(1, 3)):
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        cut = len(broken) if number % 5 else chance.randrange(len(broken))
        await link.command("xadd", stream.layout.events(number % stream.layout.shards), {"e": bytes(broken[:cut])})
    await link.command("hset", stream.layout.marks(0), mapping={"1-1": "nonsense", "x": b"\xff"})
    await link.aclose()
    async with Emulator() as emulator, stream.producer() as producer:
        receipts = [await producer.put("page.viewed", session=f"after-{n}") for n in range(20)]
        async with worker(emulator, stream) as one:
            assert {(await receipt).verdict for receipt in receipts} == {"delivered"}
            await until(lambda: sum(one.stats().outcomes.values()) == 141)
            badly = 141 - one.stats().outcomes["delivered"]
    letters, waiting, _ = await state(stream, server.url)
    assert badly > 30
    assert (letters, waiting) == (badly, 0)
    listed = DeadLetters(stream)
    assert {letter.verdict async for letter in listed} == {"abandoned", "rejected"}
    assert listed.damaged == 0


async def test_the_command_lists_shows_and_puts_back(server: Server, name: str) -> None:
    """With the options of the stream instead of a file; putting back needs no token."""
    stream = stream_of(server, name)
    where = ("--redis", server.url, "--stream", name, "--shards", "4")
    async with Emulator() as emulator:
        await make_letters(emulator, stream, rejected=2, unknown=1)
        listed = await run("dead-letters", "list", *where)
        assert listed.code == 0 and sorted(line.split()[0] for line in listed.out.splitlines()) == ["r0", "r1", "u0"]
        shown = await run("dead-letters", "show", *where, "r1")
        assert shown.code == 0 and json.loads(shown.out)["event_id"] == "r1"
        replayed = await run("dead-letters", "replay", *where)
        assert replayed.code == 1 and "put back into the stream  2" in replayed.out
        assert (await state(stream, server.url))[:2] == (1, 2)
        both = await run("dead-letters", "list", "dead.jsonl", *where)
        assert both.code == 2 and "not both" in both.err
        neither = await run("dead-letters", "list")
        assert neither.code == 2 and "--redis" in neither.err


def test_letters_are_in_a_file_or_a_stream() -> None:
    """Any other source is an error that names it."""
    with pytest.raises(ConfigurationError, match=r"^where"):
        DeadLetters(7)  # type: ignore[arg-type]
