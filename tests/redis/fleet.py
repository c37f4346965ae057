"""A fleet for the tests: an emulated API, producers and workers of one stream, and what the server stores of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from hellotext_async import Hellotext, RedisStream, StreamWorker, Timeouts
from hellotext_async.emulator import Emulator
from hellotext_async.fleet.link import Link

__all__ = ["LEASE", "client_of", "drained", "entries", "owners", "references", "until", "worker"]

LEASE = 2.0
TOTAL = 1.5
"""The time limit of an attempt, in seconds, short so that a lease may be short."""


def client_of(emulator: Emulator, token: str | None = None, **options: Any) -> Hellotext:
    """A client whose attempts have a short time limit."""
    return Hellotext(
        token or emulator.token, base_url=emulator.url, timeouts=Timeouts(connect=1, read=1, total=TOTAL), **options
    )


@asynccontextmanager
async def worker(emulator: Emulator, stream: RedisStream, **options: Any) -> AsyncIterator[StreamWorker]:
    """A worker with a client of its own."""
    async with client_of(emulator) as client, client.worker(stream, **options) as one:
        yield one


async def until(holds: Callable[[], Any]) -> None:
    """Wait until the condition holds; fail the test if it never does."""
    async with asyncio.timeout(240):
        while not holds():
            await asyncio.sleep(0.01)


async def owners(stream: RedisStream, url: str) -> list[str]:
    """The owner of each shard as the server stores it: '' if the shard is free."""
    link = Link(url)
    await link.open()
    found = [await link.command("hget", stream.layout.state(shard), "owner") for shard in range(stream.layout.shards)]
    await link.aclose()
    return [(owner or b"").decode() for owner in found]


async def entries(stream: RedisStream, url: str) -> int:
    """How many events are in the stream."""
    link = Link(url)
    await link.open()
    found = [await link.command("xlen", stream.layout.events(shard)) for shard in range(stream.layout.shards)]
    await link.aclose()
    return sum(found)


async def drained(stream: RedisStream, url: str) -> None:
    """Return when the stream holds no event."""
    async with asyncio.timeout(240):
        while await entries(stream, url):
            await asyncio.sleep(0.01)


def references(emulator: Emulator) -> list[str]:
    """The references of the events that the API accepted, in order."""
    return [event["metadata"]["ref"] for event in emulator.events]
