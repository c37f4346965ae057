"""A stream on a cluster of three nodes: its shards are spread over the nodes, and each shard is on one node."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from hellotext_async import DeadLetters, RedisStream
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.fleet.link import Link, Unreachable
from tests.redis.fleet import LEASE, drained, entries, owners, references, until, worker
from tests.redis.servers import KINDS, Cluster

SHARDS = 16


def slots(stream: RedisStream, cluster: Cluster) -> list[set[str]]:
    """The slots of each shard's keys, computed by the server."""
    layout = stream.layout
    keys = (layout.events, layout.state, layout.marks, layout.letters, lambda shard: f"{layout.ids(shard)}17")
    return [{cluster.nodes[0].ask("CLUSTER KEYSLOT", key(shard)) for key in keys} for shard in range(SHARDS)]


@pytest.fixture(scope="module", params=sorted(KINDS))
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Three nodes."""
    with Cluster(request.param) as running:
        yield running


async def test_a_fleet_works_on_a_cluster_of_three(cluster: Cluster, name: str) -> None:
    """Producers put, workers share the shards and deliver, outcomes and dead letters are found, and every node has some
    of the shards.
    """
    stream = RedisStream(cluster.url, name, shards=SHARDS, lease=LEASE)
    of_shards = slots(stream, cluster)
    assert all(len(one) == 1 for one in of_shards)
    assert len(set.union(*of_shards)) == SHARDS
    other_way = RedisStream(cluster.nodes[2].url, name, shards=SHARDS, lease=LEASE)
    async with stream.producer() as producer, other_way.producer() as asker, Emulator() as emulator:
        receipts = [
            await producer.put("page.viewed", session=f"s{n % 20}", event_id=str(n), metadata={"ref": str(n)})
            for n in range(200)
        ]
        assert await entries(stream, cluster.url) == 200
        assert all(int(node.ask("DBSIZE")[1:]) for node in cluster.nodes)
        emulator.faults.add(Fault("status", status=422))
        async with worker(emulator, stream), worker(emulator, other_way):
            outcomes = await asyncio.gather(*receipts)
            await drained(stream, cluster.url)
        assert await owners(stream, cluster.url) == [""] * SHARDS
        rejected = [outcome.event_id for outcome in outcomes if not outcome.delivered]
        assert len(rejected) == 1
        assert [letter.event_id async for letter in DeadLetters(stream)] == rejected
        found = await asyncio.gather(*(asker.outcome(str(n)) for n in range(200)))
        assert [outcome and outcome.delivered for outcome in found] == [str(n) not in rejected for n in range(200)]
    applied = references(emulator)
    assert sorted([*applied, *rejected], key=int) == [str(n) for n in range(200)]
    for subject in range(20):
        mine = [int(ref) for ref in applied if int(ref) % 20 == subject]
        assert mine == sorted(mine)


async def test_a_burst_of_commands_waits_for_its_turn(cluster: Cluster) -> None:
    """More concurrent commands than redis-py has connections."""
    link = Link(cluster.url)
    await link.open()
    assert link.clustered
    assert await asyncio.gather(*(link.command("get", f"burst-{n}") for n in range(1000))) == [None] * 1000
    await link.aclose()


# redis-py drops nodes without closing them, and an error there would keep uvloop from closing.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("killed", [1, 3])
async def test_nodes_that_were_killed_are_waited_for(cluster: Cluster, name: str, killed: int) -> None:
    """One node, or all. Commands of workers and producers are sent again meanwhile: nothing is lost or duplicated."""
    stream = RedisStream(cluster.url, name, shards=SHARDS, lease=LEASE)
    link = Link(cluster.url)
    await link.open()
    async with Emulator() as emulator, stream.producer(timeout=60) as producer, worker(emulator, stream) as one:
        for n in range(20):
            await producer.put("page.viewed", session=f"s{n}", metadata={"ref": str(n)})
        await until(lambda: one.stats().outcomes["delivered"] == 20)
        for node in cluster.nodes[-killed:]:
            node.kill()
        tracked = [producer.track("page.viewed", session=f"s{n}", metadata={"ref": str(n)}) for n in range(20, 40)]
        with pytest.raises(Unreachable):
            await asyncio.gather(*(link.command("get", f"any-{n}") for n in range(SHARDS)))
        for node in cluster.nodes[-killed:]:
            await asyncio.to_thread(node.start)
        outcomes = [await receipt for receipt in tracked]
        assert {outcome.verdict for outcome in outcomes} == {"delivered"}
        assert sorted(references(emulator), key=int) == [str(n) for n in range(40)]
    await link.aclose()
    gc.collect()  # the dropped nodes, while their warnings are ignored
