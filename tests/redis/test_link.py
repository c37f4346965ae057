"""Connections to the server that are lost while nothing is under way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hellotext_async.fleet.commands import PUT
from hellotext_async.fleet.link import Link, Unreachable
from tests.harness.fault_proxy import FaultProxy
from tests.redis.servers import Server

ASKS = {
    "command": lambda link: link.command("ping"),
    "pipeline": lambda link: link.pipeline([("PING",)]),
    "script": lambda link: link.run(PUT, [], [1, 1, 1, 1, "token"]),
    "read": lambda link: link.read([("nothing", "0")], 1),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=list(ASKS))
async def test_a_connection_that_was_reset_is_opened_again(ask: Any, server: Server) -> None:
    """At once, or the call says that there was no reply, and the next one has one."""
    async with FaultProxy(server.url) as proxy:
        link = Link(proxy.url)
        await link.open()
        for _ in range(5):
            await asyncio.gather(*(ask(link) for _ in range(3 if ask is ASKS["command"] else 1)))
            proxy.reset()
            await asyncio.sleep(0.01)
            try:
                await ask(link)
            except Unreachable:
                await ask(link)
        await link.aclose()
