"""What a producer requests of the server after it has put events: only outcomes that are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from hellotext_async import RedisStream
from hellotext_async.fleet.link import Link
from tests.redis.servers import Server

EVENTS = 500
ONE_ID = 200
"""In bytes: more than a command for one id has, less than one for a hundred ids has, even truncated in the log."""


@asynccontextmanager
async def log_of(link: Link) -> AsyncIterator[None]:
    """The server logs every command."""
    await link.command("config_set", "slowlog-max-len", 10_000)
    await link.command("config_set", "slowlog-log-slower-than", 0)
    try:
        yield
    finally:
        await link.command("config_set", "slowlog-log-slower-than", 10_000)
        await link.command("slowlog_reset")


async def asked(link: Link) -> list[bytes]:
    """The commands that requested outcomes of ids."""
    logged = await link.command("slowlog_get", 10_000)
    return [entry["command"] for entry in logged if entry["command"].startswith(b"HMGET")]


async def test_events_whose_acceptance_alone_was_waited_for_are_not_asked_for(server: Server, name: str) -> None:
    """The server is asked for the one outcome that is awaited, not for the five hundred others."""
    link = Link(server.url)
    async with RedisStream(server.url, name, shards=4).producer() as producer:
        puts = [producer.put("page.viewed", session=f"s{number}") for number in range(EVENTS)]
        last, *_ = await asyncio.gather(*puts)
        async with log_of(link), asyncio.timeout(60):
            waiting = asyncio.ensure_future(last)
            while not (commands := await asked(link)):
                await asyncio.sleep(0.02)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
        assert max(map(len, commands)) < ONE_ID
    await link.aclose()
