"""The stream and its producers."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from datetime import timedelta
from typing import assert_type

from hellotext_async import Event, Hellotext, Outcome, Producer, Receipt, RedisStream, Report, StreamWorker


def makes() -> None:
    stream = RedisStream("redis://localhost", "shop", shards=16, window=timedelta(hours=2), max_bytes=10**9)
    assert_type(stream.producer(full="raise", timeout=2), Producer)
    assert_type(stream.lost, int)
    RedisStream("redis://localhost")  # type: ignore[call-arg]
    RedisStream("redis://localhost", "shop", shards="many")  # type: ignore[arg-type]
    stream.producer(full="drop")  # type: ignore[arg-type]


async def enqueues(producer: Producer) -> None:
    assert_type(await producer.put("order.placed", order="x", profile="p"), Receipt)
    assert_type(producer.track(Event("page.viewed", session="s")), Receipt)
    assert_type(await producer.outcome("mine"), Outcome | None)
    async for outcome in producer.deliver([{"action": "page.viewed", "session": "s"}]):
        assert_type(outcome, Outcome)
    producer.track("order.placed", ordre="x", profile="p")  # type: ignore[call-arg]


async def delivers(client: Hellotext, stream: RedisStream) -> None:
    async with client.worker(stream, concurrency=16) as worker:
        assert_type(worker, StreamWorker)
        assert_type(await worker.run(), Report)
        assert_type(worker.shards, tuple[int, ...])
    client.worker("redis://localhost")  # type: ignore[arg-type]
