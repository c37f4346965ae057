"""A stream's store, as its queue uses it: entries read before their `put` returns, hand-over, waiting ids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hellotext_async import NotAccepted, RedisStream
from hellotext_async.fleet.link import Link
from hellotext_async.fleet.store import RedisStore
from hellotext_async.queue.entry import Entry, More
from hellotext_async.queue.settings import Settings
from tests.redis.fleet import LEASE, TOTAL
from tests.redis.servers import Server

MANY = (1000, 1 << 20)


def stream_of(server: Server, name: str) -> RedisStream:
    return RedisStream(server.url, name, shards=1, lease=LEASE)


@asynccontextmanager
async def opened(stream: RedisStream) -> AsyncIterator[RedisStore]:
    """An open store, which owns every shard."""
    store = stream.store(Settings(attempt_seconds=TOTAL))
    await store.open(0)
    try:
        yield store
    finally:
        await store.close(0, standing=False)


def entry(event_id: str, *, has_caller_id: bool = True) -> Entry:
    return Entry("page.viewed", b"{}", "s", "idempotent", 0.0, more=More(event_id, has_caller_id))


async def place(store: RedisStore, one: Entry) -> None:
    """The queue accepts a stored event."""
    assert store.place(one, crowded=False)
    one.state = "aside"


async def arrived(store: RedisStore) -> int:
    """Wait until events of other processes were read, and return how many: with each event, all before it were read."""
    async with asyncio.timeout(60):
        while not (count := await store.arrived()):
            pass
    return count


async def put_elsewhere(stream: RedisStream, store: RedisStore) -> None:
    """Another process puts an event; return when the store has read it."""
    async with stream.producer() as producer:
        await producer.put("page.viewed", session="s", event_id="another's")
    assert await arrived(store) == 1


async def test_what_is_read_before_its_put_returns_waits_for_that(server: Server, name: str) -> None:
    """The `put` may still be cancelled; the events behind it keep their positions."""
    stream = stream_of(server, name)
    async with opened(stream) as store:
        first = entry("first")
        assert await store.append([first]) == ["stored"]
        await put_elsewhere(stream, store)
        assert list(await store.load(*MANY)) == []
        await place(store, first)
        mine, other = await store.load(*MANY)
        assert (mine.entry, mine.arrived) == (first, False)
        assert (other.entry.event_id, other.arrived) == ("another's", True)


async def test_what_was_read_and_is_handed_over_is_not_loaded(server: Server, name: str) -> None:
    """It is not counted any more either: it is in the stream, for the shard's next owner."""
    stream = stream_of(server, name)
    async with opened(stream) as store:
        await put_elsewhere(stream, store)
        store.hand_over()
        assert list(await store.load(*MANY)) == []
        assert await arrived(store) == -1
        assert store.shards == ()
    async with opened(stream) as again:
        assert await arrived(again) == 1
        assert [loaded.entry.event_id for loaded in await again.load(*MANY)] == ["another's"]


async def test_an_id_that_waits_is_the_event_in_memory(server: Server, name: str) -> None:
    """Put again before it is loaded, and after."""
    async with opened(stream_of(server, name)) as store:
        first = entry("x")
        await store.append([first])
        await place(store, first)
        assert await store.append([entry("x")]) == [first]
        async with asyncio.timeout(60):
            while not (loaded := await store.load(*MANY)):
                await asyncio.sleep(0.01)
        assert [one.entry for one in loaded] == [first]
        assert await store.append([entry("x")]) == [first]


async def test_an_event_whose_append_fails_is_not_accepted(server: Server, name: str) -> None:
    """Another program has overwritten a key of the stream."""
    stream = stream_of(server, name)
    async with opened(stream) as store:
        link = Link(server.url)
        await link.command("set", stream.layout.events(0), "nonsense")
        (answer,) = await store.append([entry("x")])
        await link.command("delete", stream.layout.events(0))
        await link.aclose()
        assert isinstance(answer, NotAccepted) and answer.may_be_accepted


async def test_a_mark_that_is_not_durable_yet_is_committed_at_the_close(server: Server, name: str) -> None:
    """The next owner finds that the event may have been sent."""
    stream = stream_of(server, name)
    async with opened(stream) as store:
        await put_elsewhere(stream, store)
        (loaded,) = await store.load(*MANY)
        marking = asyncio.ensure_future(store.mark(loaded.entry))
        await asyncio.sleep(0)
    await marking
    async with opened(stream) as again:
        assert await arrived(again) == 1
        (back,) = await again.load(*MANY)
        assert back.was_in_flight


async def test_a_store_that_was_never_open_has_nothing_to_hand_over(server: Server, name: str) -> None:
    """Nor to close."""
    store = stream_of(server, name).store(Settings(attempt_seconds=TOTAL))
    store.hand_over()
    await store.close(0, standing=False)
    assert (store.shards, store.workers) == ((), 0)
