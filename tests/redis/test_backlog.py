"""A worker of a stream that holds more events than it can."""

from __future__ import annotations

import asyncio

import pytest

from hellotext_async import RedisStream
from hellotext_async.emulator import Emulator
from tests.redis.fleet import until, worker
from tests.redis.servers import Server


@pytest.mark.parametrize("capacity", [10, 1000])
async def test_a_backlog_greater_than_the_workers_capacity_is_delivered(
    server: Server, name: str, capacity: int
) -> None:
    """To the last event, though nothing is put meanwhile and no outcome is awaited."""
    events = 3 * capacity
    stream = RedisStream(server.url, name, shards=4)
    async with Emulator() as emulator, stream.producer() as producer:
        await asyncio.gather(*(producer.put("page.viewed", session=f"s{number}") for number in range(events)))
        async with worker(emulator, stream, capacity=capacity) as one:
            await until(lambda: one.stats().outcomes["delivered"] == events)
