"""A queue whose buffer is a stream: ids that other processes put, capacity, forgotten ids, lost shards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hellotext_async import NotAccepted, Outcome, QueueClosed, QueueFull, RedisStream
from hellotext_async.fleet.layout import digest
from hellotext_async.fleet.link import Link
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from tests.harness.transport import Script, answers, received, unsent
from tests.redis.fleet import LEASE, TOTAL, until
from tests.redis.servers import Server
from tests.rig import assert_adds_up, engine, event, put


@asynccontextmanager
async def over(stream: RedisStream, script: Script, **settings: Any) -> AsyncIterator[EventQueue]:
    """An open queue over the stream; its counts are checked when it is closed."""
    made = engine(script, total=TOTAL)
    given = Settings(buffer=stream, delivery_timeout=3600, attempt_seconds=TOTAL, **settings)
    async with EventQueue(lambda: made, given) as opened:
        yield opened
    assert_adds_up(opened)


async def test_an_id_that_another_process_put_is_one_event(server: Server, name: str) -> None:
    """While it waits and while it is in flight: it ends as the first does, or is kept for the owner of its shard."""
    script = Script(default=received(takes=0.3))
    streams = [RedisStream(server.url, name, shards=4, lease=LEASE) for _ in range(2)]
    async with over(streams[0], script) as one, over(streams[1], script) as other:
        first = await put(one, event(1), event_id="x")
        receipts = [first, *[await put(queue, event(1), event_id="x") for queue in (other, other, one)]]
        ends = await asyncio.gather(*receipts, return_exceptions=True)
        assert all(end.kept if isinstance(end, QueueClosed) else end.delivered for end in ends)  # type: ignore[union-attr]
        end = None
        while not isinstance(end, Outcome):  # until the server has stored it
            (end,) = await asyncio.gather(await put(other, event(1), event_id="x"), return_exceptions=True)
        assert end.delivered
    assert len(script.history.applied) == 1


async def test_a_full_stream_refuses_the_event(server: Server, name: str) -> None:
    """It is stored nowhere; an event that has room waits until the server is back."""
    stream = RedisStream(server.url, name, shards=1, lease=LEASE, max_bytes=6_000)
    async with over(stream, Script(default=unsent())) as opened:
        accepted = 0
        with pytest.raises(QueueFull, match="stream"):
            for n in range(100):
                await put(opened, event(n))
                accepted += 1
        assert accepted == opened.stats().accepted > 3
        report = await opened.aclose(timeout=0)
    assert report.kept == accepted


async def test_a_failed_event_may_be_put_again_when_its_id_is_forgotten(server: Server, name: str) -> None:
    """Without that, its id yields its outcome; a delivered event stays recorded."""
    script = Script(answers(422))
    async with over(RedisStream(server.url, name, shards=2, lease=LEASE), script) as opened:
        assert (await (await put(opened, event(1), event_id="x"))).verdict == "rejected"
        assert (await (await put(opened, event(1), event_id="x"))).verdict == "rejected"
        opened.allow_resubmission("x")
        assert (await (await put(opened, event(1), event_id="x"))).delivered
        opened.allow_resubmission("x")
        assert (await (await put(opened, event(1), event_id="x"))).delivered
    assert script.asked == 2


async def test_events_of_a_shard_that_another_process_took_are_its(server: Server, name: str) -> None:
    """An event that waits here is not sent here: its receipt ends as kept."""
    stream = RedisStream(server.url, name, shards=1, lease=LEASE)
    script = Script(default=received(takes=0.5))
    async with over(stream, script, concurrency=1) as opened:
        receipts = [await put(opened, event(n)) for n in range(3)]
        while not script.in_flight:
            await asyncio.sleep(0.01)
        link = Link(server.url)
        await link.command("hset", stream.layout.state(0), "owner", "another/1")
        await link.aclose()
        ends = await asyncio.gather(*receipts, return_exceptions=True)
        assert [type(end) for end in ends[1:]] == [QueueClosed] * 2
        assert all(isinstance(end, QueueClosed) and end.kept for end in ends[1:])
    assert script.asked == 1


async def test_an_event_of_a_shard_that_another_process_has_is_kept_for_it(server: Server, name: str) -> None:
    """Its receipt ends at once: it does not wait until the shard has another owner."""
    stream = RedisStream(server.url, name, shards=1, lease=LEASE)
    script = Script(default=received())
    async with over(stream, script) as owner, over(stream, script) as other:
        receipts = [await put(other, event(n)) for n in range(3)]
        async with asyncio.timeout(60):
            ends = await asyncio.gather(*receipts, return_exceptions=True)
        assert all(isinstance(end, QueueClosed) and end.kept for end in ends)
        assert other.stats().queued == 0
        await until(lambda: owner.stats().outcomes["delivered"] == 3)


async def test_an_attempt_that_fails_while_the_queue_hands_over_is_the_next_one_s(server: Server, name: str) -> None:
    """So are events that wait here, and those not read for want of room: none of them is counted here."""
    stream = RedisStream(server.url, name, shards=1, lease=LEASE)
    async with stream.producer() as producer:
        for n in range(10):
            await producer.put("page.viewed", session=f"s{n}")
    script = Script(unsent(takes=0.5), default=received())
    async with over(stream, script, concurrency=1, capacity=3) as opened:
        await until(lambda: script.in_flight)
        report = await opened.aclose(30, hand_over=True)
        assert (report.kept, opened.stats().accepted) == (0, 0)
        assert script.asked == 1
    async with over(stream, script) as following:
        await until(lambda: following.stats().outcomes["delivered"] == 10)
    assert len(script.history.applied) == 10


async def test_an_event_being_appended_when_the_queue_died_may_be_in_the_stream(kind: str, name: str) -> None:
    """The server is stopped, and the program cancels the queue's tasks: only the server has the answer."""
    with Server(kind) as own:
        async with over(RedisStream(own.url, name, shards=1, lease=LEASE), Script()) as opened:
            own.pause()
            putting = asyncio.ensure_future(put(opened, event(1)))
            tracked = opened.track("page.viewed", session="s")
            await asyncio.sleep(0.05)
            for task in asyncio.all_tasks() - {asyncio.current_task(), putting}:
                task.cancel()
            for wait in (putting, tracked):
                with pytest.raises(NotAccepted) as caught:
                    await wait
                assert caught.value.may_be_accepted
            own.go_on()


async def test_an_id_is_forgotten_after_the_window(server: Server, name: str) -> None:
    """Not before: within the window the id is recorded, and its event is not sent again."""
    stream = RedisStream(server.url, name, shards=1, lease=LEASE, window=1)
    script = Script()
    async with asyncio.timeout(60), over(stream, script) as opened:
        await (await put(opened, event(1), event_id="x"))
    async with asyncio.timeout(60), over(stream, script) as again:
        assert (await (await put(again, event(1), event_id="x"))).delivered
        assert script.asked == 1
    async with asyncio.timeout(60), over(stream, script) as third:
        for n in range(1000):
            await asyncio.sleep(0.2)
            await (await put(third, event(n), event_id=f"other {n}"))
            if not await ids_of(stream, server, "x"):
                break


async def ids_of(stream: RedisStream, server: Server, event_id: str) -> int:
    """The number of the server's buckets that contain the id."""
    link = Link(server.url)
    names = await link.command("keys", f"{stream.layout.ids(0)}*")
    found = [await link.command("hexists", one, digest(event_id)) for one in names]
    await link.aclose()
    return sum(found)


async def test_an_event_whose_mark_is_damaged_may_have_been_sent(server: Server, name: str) -> None:
    """So it is not sent again, and its outcome is unknown."""
    stream = RedisStream(server.url, name, shards=1, lease=LEASE)
    async with stream.producer() as producer:
        await producer.put("page.viewed", session="s", event_id="x")
    link = Link(server.url)
    ((entry, _),) = await link.command("xrange", stream.layout.events(0))
    await link.command("hset", stream.layout.marks(0), entry, "damaged")
    await link.aclose()
    script, outcomes = Script(), list[Outcome]()
    async with over(stream, script, on_outcome=outcomes.append):
        async with asyncio.timeout(60):
            while not outcomes:
                await asyncio.sleep(0.01)
    assert [(one.event_id, one.verdict) for one in outcomes] == [("x", "unknown")]
    assert script.asked == 0
