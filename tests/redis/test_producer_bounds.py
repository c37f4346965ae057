"""A producer's bounds, its bulk delivery, ids that have ended, and its close."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hellotext_async import Event, InvalidParameter, QueueClosed, QueueFull, RedisStream, WrongLoop
from hellotext_async.emulator import Emulator
from hellotext_async.errors import NotAccepted
from hellotext_async.fleet.link import Link
from tests.redis.fleet import LEASE, entries, references, worker
from tests.redis.lossy_proxy import LossyProxy
from tests.redis.servers import Server


async def test_bulk_events_come_back_as_workers_end_them(server: Server, name: str) -> None:
    """Mappings and events, more than may wait for the server; invalid ones are returned."""
    stream = RedisStream(server.url, name, shards=4, lease=LEASE)
    bad: list[str] = []

    def events() -> Any:
        for n in range(40):
            fields: dict[str, Any] = {"session": f"s{n}", "metadata": {"ref": str(n)}}
            yield Event("page.viewed", **fields) if n % 2 else {"action": "page.viewed", **fields}
        yield {"action": "page.viewed", "session": ""}

    async with Emulator() as emulator, worker(emulator, stream), stream.producer(capacity=5) as producer:
        delivering = producer.deliver(events(), on_invalid=lambda event, error: bad.append(error.parameter))
        outcomes = [outcome async for outcome in delivering]
        assert {outcome.verdict for outcome in outcomes} == {"delivered"}
        assert sorted(references(emulator), key=int) == [str(n) for n in range(40)]
        assert len(outcomes) == producer.accepted == 40
        assert bad == ["session"]


async def test_so_many_events_wait_for_the_server_and_no_more(kind: str, name: str) -> None:
    """Then `track` raises and `put` waits; a close lets the events that have room get their replies."""
    with Server(kind) as own:
        stream = RedisStream(own.url, name, shards=1)
        async with stream.producer(capacity=2) as producer:
            own.pause()
            tracked = [producer.track("page.viewed", session="s", event_id=str(n)) for n in range(2)]
            with pytest.raises(QueueFull, match="2 events"):
                producer.track("page.viewed", session="s")
            putting = asyncio.ensure_future(producer.put("page.viewed", session="s", event_id="2"))
            await asyncio.sleep(0)
            own.go_on()
            assert (await putting).stored
            own.pause()
            last = producer.track("page.viewed", session="s", event_id="3")
            closing = asyncio.ensure_future(producer.aclose())
            await asyncio.sleep(0)
            own.go_on()
            await closing
            assert all(one.stored for one in (*tracked, last))
            assert await entries(stream, own.url) == producer.accepted == 4


async def test_an_event_whose_id_has_ended_has_its_outcome_at_once(server: Server, name: str) -> None:
    """Put again by a producer that has no record of it: nothing is sent, nothing is stored."""
    stream = RedisStream(server.url, name, shards=2, lease=LEASE)
    async with Emulator() as emulator, worker(emulator, stream), stream.producer() as first:
        assert (await (await first.put("page.viewed", session="s", event_id="x"))).delivered
        async with stream.producer() as second:
            receipt = await second.put("page.viewed", session="s", event_id="x", context="mine")
            outcome = receipt.outcome
            assert outcome is not None
            assert (outcome.verdict, outcome.event_id, outcome.context) == ("delivered", "x", "mine")
            assert second.accepted == 0
        assert len(emulator.events) == 1


async def test_a_full_shard_holds_up_no_other(server: Server, name: str) -> None:
    """Its events wait in order, and those of other shards are stored."""
    stream = RedisStream(server.url, name, shards=2, max_bytes=16_000)
    shards = [[n for n in range(100) if stream.layout.shard_of(f"s{n}", "x") == shard] for shard in range(2)]
    full, free = (f"s{shards[shard][0]}" for shard in range(2))
    async with stream.producer() as producer:
        while True:
            receipt = producer.track("page.viewed", session=full)
            await asyncio.wait([asyncio.ensure_future(receipt.accepted())], timeout=0.2)
            if not receipt.stored:
                break
        more = producer.track("page.viewed", session=full)
        assert (await producer.put("page.viewed", session=free)).stored
        assert not (receipt.stored or more.stored)
        shard = stream.layout.shard_of(full, "x")
        link = Link(server.url)
        await link.command("delete", stream.layout.events(shard))
        await link.command("hset", stream.layout.state(shard), "bytes", 0)
        await link.aclose()
        await asyncio.gather(receipt.accepted(), more.accepted())


async def test_a_producer_is_opened_once_and_reports_its_state(server: Server, name: str) -> None:
    """New, open, closed; an event is given as fields or as an `Event`."""
    stream = RedisStream(server.url, name)
    unused = stream.producer()
    assert (repr(unused), unused.accepted) == (f"Producer({name!r}, new)", 0)
    await unused.aclose()
    with pytest.raises(QueueClosed):
        unused.track("page.viewed", session="s")
    async with stream.producer() as producer:
        assert repr(producer) == f"Producer({name!r}, open)"
        with pytest.raises(WrongLoop, match="once"):
            await producer.__aenter__()
        event = Event("page.viewed", session="s")
        with pytest.raises(InvalidParameter, match="session"):
            producer.track(event, session="s")
        assert (await producer.put(event)).action == "page.viewed"
    assert repr(producer) == f"Producer({name!r}, closed)"


async def test_a_program_that_cancels_all_its_tasks_leaves_no_call_of_a_producer_waiting(
    server: Server, name: str
) -> None:
    """What the server has not answered may have been accepted, what it has is kept, and nothing more is taken."""
    async with (
        LossyProxy(int(server.url.rpartition(":")[2])) as proxy,
        RedisStream(proxy.url, name, shards=4).producer(timeout=60) as producer,
    ):
        kept = asyncio.ensure_future(await producer.put("page.viewed", session="s"))
        proxy.loss = 1.0
        unanswered = producer.track("page.viewed", session="s")
        accepting = asyncio.ensure_future(unanswered.accepted())
        while not proxy.dropped:
            await asyncio.sleep(0.01)
        for task in asyncio.all_tasks():
            if task.get_name().startswith("hellotext "):
                task.cancel()
        with pytest.raises(NotAccepted) as not_accepted:
            await accepting
        assert not_accepted.value.may_be_accepted
        with pytest.raises(QueueClosed) as closed:
            await kept
        assert closed.value.kept
        for take in (producer.track, producer.put):
            with pytest.raises(QueueClosed, match="ended"):
                take("page.viewed", session="s")
