"""The proxy delays, slows, truncates and resets, and otherwise changes nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.harness import scripts
from tests.harness.fault_proxy import FaultProxy
from tests.harness.raw import ask, body_of, connection, post
from tests.harness.scripts import RECEIVED, Steps
from tests.harness.server import ScriptedServer


@asynccontextmanager
async def between(script: Steps | None = None) -> AsyncGenerator[tuple[ScriptedServer, FaultProxy]]:
    """A server and a proxy before it."""
    async with ScriptedServer(script) as server, FaultProxy(server.url) as proxy:
        yield server, proxy


async def test_a_proxy_without_faults_changes_nothing() -> None:
    """Bytes and ends pass in both directions, also large amounts."""
    body = os.urandom(300_000)
    async with between(scripts.reply(200, body)) as (server, proxy):
        assert body_of(await ask(proxy.url, post(body))) == body
        assert server.history[0].body == body


@pytest.mark.parametrize(
    ("faults", "at_least"),
    [
        ({"latency": 0.03}, 0.06),
        ({"slice_size": 10, "slice_pause": 0.001}, 0.01),
        ({"bandwidth": 5000}, 0.03),
        ({"slow_close": 0.03}, 0.06),
    ],
)
async def test_a_slow_proxy_is_slow_and_loses_nothing(faults: dict[str, float], at_least: float) -> None:
    """The answer is complete, and not there before the fault allows it."""
    async with between() as (_, proxy):
        proxy.set(**faults)
        begun = asyncio.get_running_loop().time()
        assert await ask(proxy.url) == scripts.response(200, RECEIVED)
        assert asyncio.get_running_loop().time() - begun >= at_least - 0.001  # uvloop counts milliseconds


async def test_latency_does_not_hold_up_what_follows() -> None:
    """Many pieces in flight together take one latency, not one each."""
    async with between(scripts.reply(200, b"x" * 2_000_000)) as (_, proxy):
        proxy.down.latency = 0.5
        async with asyncio.timeout(10):  # 122 pieces, one after another, would take a minute
            assert len(await ask(proxy.url)) > 2_000_000


async def test_faults_reach_a_connection_that_is_open() -> None:
    """Switched on between two requests, the fault drops the second answer; switched off, the third passes."""
    whole = len(scripts.response(200, RECEIVED))
    async with between() as (server, proxy), connection(proxy.url) as (reader, writer):
        writer.write(post())
        await reader.readexactly(whole)
        proxy.down.blackhole = True
        writer.write(post())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        assert len(server.history.applied) == 2
        proxy.clear()
        writer.write(post())
        await reader.readexactly(whole)


async def test_the_proxy_resets_on_a_piece_or_on_demand() -> None:
    """`reset_peer` resets at the next piece, `reset()` at once."""
    async with between(scripts.silence()) as (server, proxy):
        proxy.up.reset_peer = True
        with pytest.raises(ConnectionResetError):
            await ask(proxy.url, half_close=False)
        assert server.begun == 0
        proxy.clear()
        async with connection(proxy.url) as (reader, writer):
            writer.write(post())
            await server.history.until(applied=1)
            proxy.reset()
            with pytest.raises(ConnectionResetError):
                await reader.read()


async def test_the_proxy_ends_after_so_many_bytes() -> None:
    """Bytes within the limit arrive, then both sides end."""
    async with between() as (_, proxy):
        proxy.down.limit_data = 20
        assert await ask(proxy.url) == scripts.response(200, RECEIVED)[:20]
