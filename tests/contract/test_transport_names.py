"""Every transport: from the name of a server to a connection, or to a request that is not sent."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Any

import pytest
import trustme

from hellotext_async.config import Timeouts
from hellotext_async.transport import Unanswered
from tests.harness import scripts
from tests.harness.scripts import Steps
from tests.harness.server import ScriptedServer

from .asking import POST, ask, at, named, names, not_sent, served, trusting
from .conftest import Opens


async def test_2_an_unknown_name_is_not_sent(opened: Opens) -> None:
    """No address: not sent, and the reason is the name."""

    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with names(unknown):
        assert not_sent(await ask(opened("http://api.test"))) == "dns"


async def test_2_a_slow_name_is_not_sent_at_the_connect_limit(opened: Opens) -> None:
    """A look-up that never ends is cancelled at the connect limit, long before the total."""
    cut_off: asyncio.Event = asyncio.Event()

    async def slow(*_: object, **__: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    transport = opened("http://api.test", timeouts=Timeouts(connect=0.05, read=60, total=60))
    with names(slow):
        assert not_sent(await asyncio.wait_for(ask(transport, total=60), 5)) in ("connect", "dns")
        await transport.aclose()
        await asyncio.wait_for(cut_off.wait(), 5)


async def test_2_a_server_that_has_moved_is_found_after_one_failure(opened: Opens) -> None:
    """Its name has another address: the old one refuses once, and is not tried for as long as it would be kept."""
    async with ScriptedServer(scripts.reply(200, headers={"Connection": "close"})) as old, ScriptedServer() as new:
        port = old.port

        async def moving() -> list[Any]:
            return at(("127.0.0.1", port))

        transport = opened("http://api.test")
        with named(moving):
            assert (await transport.exchange(POST, total=5)).status == 200
            port = new.port
            old.stop_listening()
            assert not_sent(await ask(transport)) == "connect"
            assert (await transport.exchange(POST, total=5)).status == 200
            await transport.aclose()
        assert len(new.history) == 1


@pytest.mark.parametrize("dies", [scripts.silence(), (scripts.rst,)], ids=["silent", "resets"])
async def test_2_a_server_that_has_moved_is_found_after_one_silence(opened: Opens, dies: Steps) -> None:
    """The old address still takes connections, as a load balancer without a server behind it does."""
    async with ScriptedServer(dies) as old, ScriptedServer() as new:
        port = old.port

        async def moving() -> list[Any]:
            return at(("127.0.0.1", port))

        transport = opened("http://api.test", timeouts=Timeouts(connect=30, read=1, total=30))
        with named(moving):
            first = asyncio.create_task(ask(transport))
            while not old.begun:
                await asyncio.sleep(0.01)
            port = new.port
            end = await first
            assert isinstance(end, Unanswered) and end.sent
            assert (await transport.exchange(POST, total=5)).status == 200
            await transport.aclose()


async def test_2_a_name_that_is_found_too_late_serves_the_next(opened: Opens) -> None:
    """Each look-up takes longer than a connection may, for a resolver is dead: its answer is not thrown away."""
    found, asked = asyncio.Event(), 0

    async with ScriptedServer() as server:

        async def late() -> list[Any]:
            nonlocal asked
            asked += 1
            await found.wait()
            return at(("127.0.0.1", server.port))

        transport = opened("http://api.test", timeouts=Timeouts(connect=0.1, read=30, total=30))
        with named(late):
            for _ in range(2):
                assert not_sent(await ask(transport)) == "connect"
            found.set()
            assert asked == 1
            await asyncio.sleep(0)
            assert (await transport.exchange(POST, total=5)).status == 200
            await transport.aclose()
        assert asked == 1


async def test_2_the_second_address_is_used_if_the_first_is_dead(opened: Opens) -> None:
    """IPv6 refuses, IPv4 answers."""
    async with ScriptedServer() as server:

        async def both() -> list[Any]:
            return at(("::1", server.port), ("127.0.0.1", server.port))

        with named(both):
            transport = opened("http://api.test")
            assert (await transport.exchange(POST, total=5)).status == 200
            await transport.aclose()


@pytest.mark.parametrize("last", ["127.0.0.1", "255.255.255.255"], ids=["alike", "unlike"])
async def test_2_two_addresses_that_fail_leave_a_reason(opened: Opens, last: str) -> None:
    """The second one refuses too, or there is no way to it; the addresses are not shown."""
    async with ScriptedServer() as server:
        port = server.port

    async def both() -> list[Any]:
        return at(("127.0.0.1", port), (last, port))

    with named(both):
        end = await ask(opened(f"http://api.test:{port}"))
    assert not_sent(end) == "connect"
    assert isinstance(end, Unanswered)
    assert re.fullmatch("the connection is refused: .*|no connection: [A-Za-z, ]+", str(end.cause))


async def test_3_a_fully_qualified_name_is_the_certificate_s(opened: Opens) -> None:
    """With the dot at its end, by which no search domain is tried."""
    authority = trustme.CA()
    async with ScriptedServer(tls=served("api.test", authority=authority)) as server:

        async def found() -> list[Any]:
            return at(("127.0.0.1", server.port))

        with named(found):
            transport = opened(f"https://api.test.:{server.port}", ssl_context=trusting(authority))
            assert (await transport.exchange(POST, total=5)).status == 200
            await transport.aclose()
