"""Producers: what they report as accepted is on the server, once; what they cannot know they do not report."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from hellotext_async import Hellotext, Receipt, RedisStream
from hellotext_async._events.known_keys import UnknownParameterWarning, forget_warnings
from hellotext_async.errors import (
    ConfigurationError,
    Forked,
    InvalidParameter,
    NotAccepted,
    QueueClosed,
    QueueFull,
    SpoolError,
    WrongLoop,
)
from hellotext_async.fleet.link import Link
from hellotext_async.fleet.record import decode
from tests.redis.lossy_proxy import LossyProxy
from tests.redis.servers import Server
from tests.rig import event

LOST_REPLIES = 10_000
"""The number of puts while replies are lost."""


async def stored(url: str, stream: RedisStream) -> list[str]:
    """The references of the events in the stream, shard by shard in order."""
    link, found = Link(url), []
    for shard in range(stream.layout.shards):
        for _, fields in await link.command("xrange", stream.layout.events(shard)):
            one = decode(fields[b"e"])
            assert one is not None
            found.append(one.event_id if one.has_caller_id else one.body.decode().split('"ref":"')[1].split('"')[0])
    await link.aclose()
    return found


def fields(number: int, **more: Any) -> tuple[str, dict[str, Any]]:
    given = {**event(number), **more}
    return given.pop("action"), given


async def loading(port: int) -> bool:
    """Whether the server reports that it is loading its data."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PING\r\n")
        reply = await reader.readline()
        writer.close()
    except OSError:
        return False
    return reply.startswith(b"-LOADING")


async def test_a_server_that_loads_its_data_is_waited_for(
    kind: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is put meanwhile is accepted once the data is loaded; the producer is open then, and logs no warning. A
    caller that does not wait gets an error that names the cause.
    """
    options = ("--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024")
    with Server(kind, *options, appendonly="always") as own:
        stream = RedisStream(own.url, name, shards=4)
        link = Link(own.url)
        await link.pipeline([("SET", f"key-{n}", os.urandom(2048)) for n in range(300)])
        await link.command("bgrewriteaof")
        while (info := await link.command("info"))["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"]:
            pass
        await link.aclose()
        async with stream.producer(timeout=30) as producer:
            own.kill()
            starting = asyncio.create_task(asyncio.to_thread(own.start))
            while not await loading(own.port):
                await asyncio.sleep(0)
            impatient = Link(own.url, reply_timeout=0.5)
            with pytest.raises(SpoolError, match="is loading its data: it answers when it has done so"):
                await impatient.open()
            await impatient.aclose()
            late, early = RedisStream(own.url, name, shards=4).producer(), producer.track("page.viewed", session="a")
            async with late:
                await late.put("page.viewed", session="b")
                await early.accepted()
            await starting
        assert producer.accepted == late.accepted == 1
    assert "append-only" not in caplog.text


async def test_a_producer_warns_of_unknown_keys_as_a_queue_does(server: Server, name: str) -> None:
    """One warning, at the caller's line, and the event is accepted; a strict producer refuses it and names the key."""
    odd: dict[str, Any] = {"session": "s", "order_parameters": {"reference": "1", "colour": "red"}}
    stream = RedisStream(server.url, name)
    async with Hellotext("token", enabled=False) as client, client.event_queue() as queue, stream.producer() as taker:
        for one in (queue, taker):
            for hand_over in (one.track, one.put):
                forget_warnings()
                with pytest.warns(UnknownParameterWarning, match="order_parameters has no key 'colour'") as warned:
                    await settle(hand_over("order.placed", **odd))
                    await settle(hand_over("order.placed", **odd))
                assert [Path(warning.filename).name for warning in warned] == ["test_producer.py"]
        assert taker.accepted == 4
    strict = Hellotext("token", enabled=False, strict=True)
    async with strict, strict.event_queue() as queue, stream.producer(strict=True) as refuser:
        for one in (queue, refuser):
            for hand_over in (one.track, one.put):
                with pytest.raises(InvalidParameter, match=r"order_parameters\.colour: no such key is known"):
                    await settle(hand_over("order.placed", **odd))
        assert refuser.accepted == 0


async def settle(handed_over: Receipt | Awaitable[Receipt]) -> None:
    """Return when the event is accepted, by `track` or by `put`."""
    receipt = handed_over if isinstance(handed_over, Receipt) else await handed_over
    await receipt.accepted()


async def test_what_is_accepted_is_on_the_server(server: Server, name: str) -> None:
    """Put singly, tracked, and in bulk; the order of each subject is kept."""
    stream = RedisStream(server.url, name, shards=4)
    async with stream.producer() as producer:
        action, given = fields(0, profile="p")
        receipt = await producer.put(action, **given)
        assert receipt.stored and not receipt.done()
        tracked = [producer.track(*fields(n)[:1], **fields(n, profile="p")[1]) for n in range(1, 100)]
        await asyncio.gather(*(one.accepted() for one in tracked))
        assert producer.accepted == 100
    assert await stored(server.url, stream) == [str(n) for n in range(100)]


async def test_an_id_is_one_event(server: Server, name: str) -> None:
    """Put again by the same producer, by another, by a later one: the stream has it once."""
    stream = RedisStream(server.url, name)
    async with stream.producer() as one, stream.producer() as other:
        for producer in (one, other, one):
            receipt = await producer.put("page.viewed", session="s", event_id="mine")
            assert receipt.event_id == "mine"
        first = one.track("page.viewed", session="s", event_id="twice")
        assert one.track("page.viewed", session="s", event_id="twice") is first
        await first.accepted()
        assert (one.accepted, other.accepted) == (2, 0)
        assert await one.outcome("mine") is None
        assert await one.outcome("never seen") is None
    assert sorted(await stored(server.url, stream)) == ["mine", "twice"]


async def test_lost_replies_double_nothing(server: Server, name: str) -> None:
    """A proxy drops replies at random and closes the connection: 10,000 puts are 10,000 entries."""
    async with LossyProxy(server.port) as between:
        stream = RedisStream(between.url, name, shards=8)
        async with stream.producer(timeout=60) as producer:
            between.loss = 0.2
            receipts = [producer.track(*fields(n)[:1], **fields(n)[1]) for n in range(LOST_REPLIES // 2)]
            for n in range(LOST_REPLIES // 2, LOST_REPLIES):
                receipts.append(producer.track(*fields(n)[:1], **fields(n)[1]))
                if n % 25 == 0:
                    await receipts[-1].accepted()
            await asyncio.gather(*(one.accepted() for one in receipts))
            between.loss = 0
    assert between.dropped > 30
    direct = RedisStream(server.url, name, shards=8)
    assert sorted(await stored(server.url, direct), key=int) == [str(n) for n in range(LOST_REPLIES)]


async def test_no_reply_in_time_is_not_accepted_and_may_be(kind: str, name: str) -> None:
    """The server is stopped; an event that was put then may be stored or not, and putting it again is safe."""
    with Server(kind) as own:
        stream = RedisStream(own.url, name, shards=4)
        async with stream.producer(timeout=0.3) as producer:
            await producer.put("page.viewed", session="s", event_id="before")
            own.pause()
            tracked = producer.track("page.viewed", session="s", event_id="tracked")
            with pytest.raises(NotAccepted) as caught:
                await producer.put("page.viewed", session="s", event_id="again")
            assert caught.value.may_be_accepted
            with pytest.raises(NotAccepted):
                await tracked.accepted()
            with pytest.raises(NotAccepted):
                await tracked
            own.go_on()
            for event_id in ("before", "tracked", "again"):
                await _put_until_accepted(producer, event_id)
        assert sorted(await stored(own.url, stream)) == ["again", "before", "tracked"]


async def _put_until_accepted(producer: Any, event_id: str) -> None:
    while True:
        with contextlib.suppress(NotAccepted):
            await producer.put("page.viewed", session="s", event_id=event_id)
            return


async def test_a_server_that_is_gone_accepts_nothing(kind: str, name: str) -> None:
    """It accepts events again when it is back, with the data that it had."""
    with Server(kind, appendonly="always") as own:
        stream = RedisStream(own.url, name, shards=4)
        async with stream.producer(timeout=0.5) as producer:
            await producer.put("page.viewed", session="s", event_id="1")
            own.kill()
            with pytest.raises(NotAccepted):
                await producer.put("page.viewed", session="s", event_id="2")
            own.start()
            await _put_until_accepted(producer, "2")
        assert sorted(await stored(own.url, stream)) == ["1", "2"]
        assert stream.lost == 0


async def test_a_server_that_lost_writes_is_noticed(kind: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Without an append-only file a restart loses what was acknowledged: an error with the count."""
    with Server(kind) as own:
        stream = RedisStream(own.url, name, shards=1)
        async with stream.producer(timeout=5) as producer:
            for n in range(7):
                await producer.put("page.viewed", session="s", event_id=str(n))
            own.kill()
            own.start()
            await producer.put("page.viewed", session="s", event_id="after")
        assert stream.lost == 6  # seven were there, and now there is one
        assert "lost at least 6 acknowledged events" in caplog.text
        assert "it has no append-only file" in caplog.text


async def test_a_full_stream_raises_or_makes_wait(server: Server, name: str) -> None:
    """Nothing is dropped: waiting callers put their events in order, as room becomes free."""
    stream = RedisStream(server.url, name, shards=1, max_bytes=8_000)
    async with stream.producer(full="raise") as producer, stream.producer() as patient:
        accepted = 0
        with pytest.raises(QueueFull):
            for n in range(1000):
                await producer.put("page.viewed", session="s", event_id=str(n))
                accepted += 1
        waiting = [patient.track("page.viewed", session="s", event_id=f"w{n}") for n in range(5)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await waiting[0].accepted()
        assert await stored(server.url, stream) == [str(n) for n in range(accepted)]
        link = Link(server.url)
        await link.command("delete", stream.layout.events(0))
        await link.command("hset", stream.layout.state(0), "bytes", 0)
        await link.aclose()
        await asyncio.gather(*(one.accepted() for one in waiting))
    assert await stored(server.url, stream) == [f"w{n}" for n in range(5)]


async def test_a_server_out_of_memory_is_full(kind: str, name: str) -> None:
    """The server refuses writes: QueueFull, or waiting until it has memory."""
    with Server(kind) as own:
        stream = RedisStream(own.url, name, shards=2)
        async with stream.producer(full="raise") as producer, stream.producer() as patient:
            link = Link(own.url)
            await link.command("config_set", "maxmemory", 1)
            with pytest.raises(QueueFull):
                await producer.put("page.viewed", session="s")
            receipt = patient.track("page.viewed", session="s", event_id="w")
            await asyncio.sleep(0.1)
            assert not receipt.stored
            await link.command("config_set", "maxmemory", 0)
            await receipt.accepted()
            await link.aclose()
        assert await stored(own.url, stream) == ["w"]


async def test_other_settings_are_refused(server: Server, name: str) -> None:
    """Another number of shards, window or layout: an error names it."""
    async with RedisStream(server.url, name, shards=8).producer():
        pass
    for other, message in (
        (RedisStream(server.url, name, shards=4), "shards: .* made with 8, not with 4"),
        (RedisStream(server.url, name, shards=8, window=60), "window: .*86400.* not of 60"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            await other.producer().__aenter__()
    link = Link(server.url)
    await link.command("hset", f"ht:{{{name}}}:conf", "layout", "99")
    await link.aclose()
    with pytest.raises(ConfigurationError, match="has layout 99"):
        await RedisStream(server.url, name, shards=8).producer().__aenter__()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("http://x", "n"), "url"), (("", "n"), "url"), ((None, "n"), "url"), (("redis://", "n"), "url"),
        (("redis://h:99999", "n"), "url"), (("redis://h", ""), "name"), (("redis://h", "a{b}"), "name"),
        (("redis://h", "a b"), "name"), (("redis://h", None), "name"),
    ],
)  # fmt: skip
def test_bad_settings_are_named_at_the_call(arguments: Any, message: str) -> None:
    """A wrong URL, a name with braces."""
    with pytest.raises(ConfigurationError, match=f"^{message}"):
        RedisStream(*arguments)


@pytest.mark.parametrize(
    "more",
    [
        {"shards": 0},
        {"shards": True},
        {"shards": 5000},
        {"max_bytes": 0},
        {"max_bytes": 1.5},
        {"window": -1},
        {"window": "x"},
    ],
)
def test_bad_numbers_are_named_at_the_call(more: Any) -> None:
    """Each by its own name."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(more))}"):
        RedisStream("redis://h", "n", **more)
    stream = RedisStream("redis://h", "n")
    for wrong in ({"full": "x"}, {"timeout": 0}, {"capacity": 0}, {"event_format": "x"}):
        with pytest.raises(ConfigurationError, match=f"^{next(iter(wrong))}"):
            stream.producer(**wrong)  # type: ignore[arg-type]


async def test_a_wrong_password_is_a_wrong_setting(kind: str, name: str) -> None:
    """And no error's text contains the URL."""
    with Server(kind, "--requirepass", "right") as own:
        for password in ("", ":wrong@"):
            stream = RedisStream(f"redis://{password}127.0.0.1:{own.port}", name)
            with pytest.raises(ConfigurationError) as caught:
                await stream.producer().__aenter__()
            assert "wrong" not in str(caught.value)
            assert "wrong" not in repr(stream)
        async with RedisStream(f"redis://:right@127.0.0.1:{own.port}", name).producer() as producer:
            await producer.put("page.viewed", session="s")


async def test_a_server_that_is_unreachable_is_named(name: str) -> None:
    """On opening, with the server's address."""
    with pytest.raises(SpoolError, match=r"127\.0\.0\.1:1 "):
        await RedisStream("redis://127.0.0.1:1", name).producer().__aenter__()


async def test_a_replica_is_refused(server: Server, name: str) -> None:
    """It takes no writes."""
    with (
        Server(server.kind, "--replicaof", "127.0.0.1", str(server.port)) as replica,
        pytest.raises(SpoolError, match="read-only replica"),
    ):
        await RedisStream(replica.url, name).producer().__aenter__()


async def test_warnings_name_the_risk(kind: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Eviction, and no append-only file; a well configured server causes none."""
    with Server(kind, "--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb") as own:
        async with RedisStream(own.url, name).producer():
            pass
    assert "maxmemory-policy is allkeys-lru: it may drop accepted events" in caplog.text
    caplog.clear()
    with Server(kind, appendonly="everysec") as own:
        async with RedisStream(own.url, name).producer():
            pass
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_bad_events_are_refused_at_the_call(server: Server, name: str) -> None:
    """Before anything is sent."""
    async with RedisStream(server.url, name, max_bytes=64 * 2000).producer() as producer:
        with pytest.raises(InvalidParameter):
            producer.track("page.viewed")
        with pytest.raises(InvalidParameter, match="larger than a shard"):
            producer.put("page.viewed", session="s", metadata={"x": "y" * 3000})


async def test_a_cancelled_put_does_not_harm_others(server: Server, name: str) -> None:
    """The command continues in a task of its own."""
    stream = RedisStream(server.url, name, shards=2)
    async with stream.producer() as producer:
        for n in range(50):
            one = asyncio.ensure_future(producer.put("page.viewed", session="s", event_id=f"cancelled {n}"))
            other = asyncio.ensure_future(producer.put("page.viewed", session="s", event_id=str(n)))
            for _ in range(n % 5):
                await asyncio.sleep(0)
            one.cancel()
            assert (await other).event_id == str(n)
            await asyncio.wait([one])
    assert [one for one in await stored(server.url, stream) if "cancelled" not in one] == [str(n) for n in range(50)]


async def test_a_producer_belongs_to_its_loop_and_process(server: Server, name: str) -> None:
    """In another thread, after a fork, after a close: a typed error each."""
    stream = RedisStream(server.url, name)
    producer = stream.producer()
    with pytest.raises(QueueClosed, match="not open"):
        producer.track("page.viewed", session="s")
    async with producer:
        with pytest.raises(WrongLoop):
            await asyncio.to_thread(producer.track, "page.viewed", session="s")
        child = os.fork()
        if child == 0:
            try:
                producer.track("page.viewed", session="s")
            except Forked:
                os._exit(7)
            os._exit(1)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 7
    with pytest.raises(QueueClosed):
        producer.track("page.viewed", session="s")


async def test_receipts_of_a_closed_producer_say_that_the_event_is_kept(server: Server, name: str) -> None:
    """No caller waits for ever."""
    async with RedisStream(server.url, name).producer() as producer:
        receipt = await producer.put("page.viewed", session="s")
        waiting = asyncio.ensure_future(receipt)
        await asyncio.sleep(0)
    with pytest.raises(QueueClosed) as caught:
        await waiting
    assert caught.value.kept
