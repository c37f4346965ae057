"""Each script alone, against the servers: its effect, and that repeating it changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hellotext_async._policy.shared_rate import Command, Counts
from hellotext_async.fleet.commands import OVERHEAD, Commands, Ending, Limits, Put, Step
from hellotext_async.fleet.layout import Layout, digest
from hellotext_async.fleet.link import Link, ServerFull
from tests.redis.servers import Server


@pytest.fixture
async def commands(server: Server, name: str) -> AsyncIterator[Commands]:
    """The scripts over a stream of four shards that hold 10,000 bytes each."""
    link = Link(server.url)
    await link.open()
    yield Commands(link, Layout(name, 4), Limits(10_000, 3600))
    await link.aclose()


def put(number: int, shard: int = 0, size: int = 100) -> Put:
    return Put(shard, digest(f"id{number}"), b"%d" % number + b"x" * size)


async def entries(commands: Commands, shard: int = 0) -> list[str]:
    return [entry.decode() for entry, _ in await commands.link.command("xrange", commands.layout.events(shard))]


async def state(commands: Commands, shard: int = 0) -> dict[str, str]:
    found: dict[bytes, bytes] = await commands.link.command("hgetall", commands.layout.state(shard))
    return {field.decode(): value.decode() for field, value in found.items()}


async def test_put_appends_and_remembers(commands: Commands) -> None:
    """Each shard gets its events in order; an id that is stored is not appended again."""
    puts = [put(n, n % 2) for n in range(6)]
    assert await commands.put(puts, "a") == (["+"] * 6, {0: 3, 1: 3})
    assert await commands.put([put(1, 1), put(9, 1)], "b") == (["q", "+"], {1: 4})
    assert (len(await entries(commands)), len(await entries(commands, 1))) == (3, 4)


async def test_put_repeated_is_put_once(commands: Commands) -> None:
    """The same command under the same token: the same answers, and nothing more is stored."""
    puts = [put(n, n % 3) for n in range(9)]
    first = await commands.put(puts, "token")
    before = await state(commands)
    assert await commands.put(puts, "token") == first
    assert await state(commands) == before
    assert sum([len(await entries(commands, shard)) for shard in range(4)]) == 9


async def test_put_keeps_the_bound(commands: Commands) -> None:
    """Only the events that do not fit are refused; the bytes of events that ended are free again."""
    answers, _ = await commands.put([put(n, 0, 4000) for n in range(4)], "a")
    assert answers == ["+", "+", "!", "!"]
    assert (await commands.put([put(9, 0, 10)], "b"))[0] == ["+"]
    _, leases = await commands.lease([0], "take", "me", 30)
    first = (await entries(commands))[0]
    end = Ending(first, 4001 + OVERHEAD, digest("id0"), "D1")
    await commands.step([Step(0, "me", leases[0].epoch, ends=[end])], 30)
    assert (await commands.put([put(2, 0, 4000)], "c"))[0] == ["+"]


async def test_the_bytes_add_up(commands: Commands) -> None:
    """After every event has ended, no bytes are counted."""
    puts = [put(n) for n in range(20)]
    await commands.put(puts, "a")
    _, leases = await commands.lease([0], "take", "me", 30)
    ends = [
        Ending(entry, len(one.payload) + OVERHEAD, one.digest, "D1")
        for entry, one in zip(await entries(commands), puts, strict=True)
    ]
    step = Step(0, "me", leases[0].epoch, ends=ends)
    assert [stepped.added for stepped in await commands.step([step], 30)] == [20]
    await commands.step([step], 30)
    assert (await state(commands))["bytes"] == "0"
    assert await entries(commands) == []


async def test_a_lease_has_one_owner_and_each_owner_its_epoch(commands: Commands) -> None:
    """Taken twice under the same token it is one lease; another owner waits for its end or its release."""
    _, mine = await commands.lease(range(4), "take", "a", 30)
    assert {lease.epoch for lease in mine.values()} == {1} and {lease.owner for lease in mine.values()} == {"a"}
    _, again = await commands.lease(range(4), "take", "a", 30)
    assert {lease.epoch for lease in again.values()} == {1}
    _, other = await commands.lease(range(4), "take", "b", 30)
    assert {lease.owner for lease in other.values()} == {"a"}
    assert all(0 < lease.left_ms <= 30_000 for lease in other.values())
    await commands.lease([0], "release", "b")
    await commands.lease([1], "release", "a")
    await commands.lease([1], "release", "a")
    _, other = await commands.lease(range(4), "take", "b", 30)
    assert [other[shard].owner for shard in range(4)] == ["a", "b", "a", "a"]
    assert other[1].epoch == 2
    _, seen = await commands.lease(range(4), "look")
    assert [(seen[shard].owner, seen[shard].epoch) for shard in range(4)] == [("a", 1), ("b", 2), ("a", 1), ("a", 1)]


async def test_a_lease_that_has_run_out_is_free(commands: Commands) -> None:
    """It has no owner, and the next owner gets the next epoch."""
    await commands.lease([0], "take", "a", 0)
    _, seen = await commands.lease([0], "look")
    assert seen[0].owner == ""
    _, taken = await commands.lease([0], "take", "b", 30)
    assert (taken[0].owner, taken[0].epoch) == ("b", 2)


async def test_a_step_without_the_lease_does_nothing(commands: Commands) -> None:
    """Neither under another token, nor under an older epoch, nor after another owner took the lease."""
    await commands.put([put(1)], "a")
    (entry,) = await entries(commands)
    _, leases = await commands.lease([0], "take", "a", 0)
    await commands.lease([0], "take", "b", 30)
    end = Ending(entry, 100, digest("id1"), "D1")
    for owner, epoch in (("a", leases[0].epoch), ("b", 1), ("c", 2)):
        (stepped,) = await commands.step([Step(0, owner, epoch, {entry: "mark"}, [end])], 30)
        assert not stepped.ours
    assert await entries(commands) == [entry]
    assert await commands.link.command("hgetall", commands.layout.marks(0)) == {}


async def test_steps_of_several_shards_are_judged_each_by_its_own(commands: Commands) -> None:
    """A lost shard does not keep the steps of the others from being done."""
    await commands.put([put(1), put(2, 1), put(3, 2)], "a")
    _, leases = await commands.lease([0, 2], "take", "me", 30)
    steps = [
        Step(shard, "me", 1, {entry: "m"}, [Ending(entry, 10, digest("x"), "D1")] if shard == 2 else [])
        for shard in range(3)
        for entry in await entries(commands, shard)
    ]
    assert [stepped.ours for stepped in await commands.step(steps, 30)] == [True, False, True]
    assert [len(await entries(commands, shard)) for shard in range(3)] == [1, 1, 0]
    assert leases[0].epoch == 1


async def test_a_step_marks_ends_and_remembers(commands: Commands) -> None:
    """An end removes the entry and its mark, and records the id's outcome; a dead letter keeps the payload."""
    puts = [put(n) for n in range(4)]
    await commands.put(puts, "a")
    found = await entries(commands)
    await commands.lease([0], "take", "me", 30)
    ends = [
        Ending(found[0], len(puts[0].payload) + OVERHEAD, digest("id0"), "D1"),
        Ending(found[1], len(puts[1].payload) + OVERHEAD, digest("id1"), "R2", b"letter"),
        Ending(found[2], len(puts[2].payload) + OVERHEAD, digest("id2"), ""),
    ]
    step = Step(0, "me", 1, dict.fromkeys(found, "mark"), ends)
    for _ in range(2):
        await commands.step([step], 30)
        # in the repetition, as redis-py sends it, the marks of ended events precede their ends once more
        assert await entries(commands) == found[3:]
        assert list(await commands.link.command("hgetall", commands.layout.marks(0))) == [found[3].encode()]
        letters = await commands.link.command("xrange", commands.layout.letters(0))
        assert [fields for _, fields in letters] == [
            {b"e": puts[1].payload, b"l": b"letter", b"n": b"%d" % (len(puts[1].payload) + OVERHEAD)}
        ]
        now = (await commands.lease([0], "look"))[0]
        wanted = [(0, digest(f"id{n}")) for n in range(5)]
        assert await commands.recall(wanted, now) == ["D1", "R2", None, "qa", None]
        used = 2 * (len(puts[1].payload) + OVERHEAD)
        assert (await state(commands))["bytes"] == str(used)
    assert (await commands.put([put(0), put(1), put(3), put(2)], "b"))[0] == ["D1", "R2", "q", "+"]


async def test_a_mark_is_removed_by_an_empty_one(commands: Commands) -> None:
    """As for an event that was certainly not sent."""
    await commands.put([put(1)], "a")
    (entry,) = await entries(commands)
    await commands.lease([0], "take", "me", 30)
    await commands.step([Step(0, "me", 1, {entry: "mark"})], 30)
    assert await commands.link.command("hgetall", commands.layout.marks(0)) == {entry.encode(): b"mark"}
    await commands.step([Step(0, "me", 1, {entry: ""})], 30)
    assert await commands.link.command("hgetall", commands.layout.marks(0)) == {}


async def test_old_ids_are_forgotten_bucket_by_bucket(server: Server, name: str) -> None:
    """Ids older than the window are removed at a worker's command; an event that waits keeps its id until then."""
    link = Link(server.url)
    await link.open()
    short = Commands(link, Layout(name, 1), Limits(10_000, 0.2))
    await short.put([put(1)], "a")
    (entry,) = await entries(short)
    bucket = int(entry.split("-")[0]) // short.limits.bucket_ms
    await short.lease([0], "take", "me", 30)
    while (now := (await short.lease([0], "look"))[0]) * 1000 // short.limits.bucket_ms < bucket + 4:
        pass
    assert (await short.put([put(1)], "b"))[0] == ["q"]
    keep = int(now * 1000) // short.limits.bucket_ms - 2
    await short.step([Step(0, "me", 1, keep_from=keep)], 30)
    assert await link.command("exists", f"{short.layout.ids(0)}{bucket}") == 0
    assert (await short.put([put(1)], "c"))[0] == ["+"]
    await link.aclose()


async def test_the_scripts_survive_a_server_that_forgot_them(commands: Commands) -> None:
    """Each node has its own cache of scripts, which is lost at a restart or a failover."""
    await commands.put([put(1)], "a")
    await commands.link.command("script_flush")
    assert (await commands.put([put(2)], "b"))[0] == ["+"]


async def test_a_server_without_memory_takes_no_events_and_lets_them_end(kind: str, name: str) -> None:
    """Marks, ends and leases are written while the server refuses commands that need memory."""
    with Server(kind) as own:
        link = Link(own.url)
        await link.open()
        full = Commands(link, Layout(name, 1), Limits(10_000, 3600))
        await full.put([put(1)], "a")
        (entry,) = await entries(full)
        await link.command("config_set", "maxmemory", 1)
        with pytest.raises(ServerFull):
            await full.put([put(2)], "b")
        await full.lease([0], "take", "me", 30)
        (stepped,) = await full.step([Step(0, "me", 1, {entry: "m"})], 30)
        assert stepped.ours
        await full.step([Step(0, "me", 1, ends=[Ending(entry, 1, digest("id1"), "D1", b"letter")])], 30)
        assert await entries(full) == []
        await link.aclose()


async def test_the_commands_work_in_a_cluster_of_one(kind: str, name: str) -> None:
    """Each shard is in one slot, and is served by separate commands."""
    with Server(kind, "--cluster-enabled", "yes") as own:
        link = Link(own.url)
        one: Any = Link(own.url)
        await one.command("execute_command", "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while "cluster_state:ok" not in str(await one.command("execute_command", "CLUSTER", "INFO")):
            pass
        await one.aclose()
        await link.open()
        assert link.clustered
        spread = Commands(link, Layout(name, 8), Limits(10_000, 3600))
        assert (await spread.put([put(n, n % 8) for n in range(24)], "a"))[0] == ["+"] * 24
        _, leases = await spread.lease(range(8), "take", "me", 30)
        assert {lease.owner for lease in leases.values()} == {"me"}
        steps = [Step(shard, "me", 1, {(await entries(spread, shard))[0]: "m"}) for shard in range(8)]
        assert all(stepped.ours for stepped in await spread.step(steps, 30))
        synced = await spread.rate(Command(1, 0, 0, 0, Counts(3, 0, 0, 0)), "worker")
        assert (synced.speed, synced.counts) == (-1, Counts(3, 0, 0, 0))
        now = (await spread.lease([0], "look"))[0]
        assert await spread.recall([(n % 8, digest(f"id{n}")) for n in range(24)], now) == ["qa"] * 24
        await link.aclose()
