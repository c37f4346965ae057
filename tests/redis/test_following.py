"""What a producer asks of the server after it has put: only what somebody waits for."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hellotext_async import RedisStream
from hellotext_async.fleet.link import Link
from tests.redis.servers import Server

EVENTS = 500
ONE = 4
"""Buckets that are asked for one id."""


async def asked(link: Link) -> int:
    """How many ids' buckets the server was asked for."""
    stats = await link.command("info", "commandstats")
    return int(stats.get("cmdstat_hget", {}).get("calls", 0))


async def test_events_whose_acceptance_alone_was_waited_for_are_not_asked_for(server: Server, name: str) -> None:
    """The server is asked what became of the one event whose outcome is waited for, not of five hundred others."""
    link = Link(server.url)
    async with RedisStream(server.url, name, shards=4).producer() as producer:
        puts = [producer.put("page.viewed", session=f"s{number}") for number in range(EVENTS)]
        last, *others = await asyncio.gather(*puts)
        await link.command("config_resetstat")
        waiting = asyncio.ensure_future(last)
        while (count := await asked(link)) < ONE:
            await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        assert count < len(others)
    await link.aclose()
