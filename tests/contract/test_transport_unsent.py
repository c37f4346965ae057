"""Every transport: a request that was not sent is reported as not sent, and never otherwise."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme

from hellotext_async._wire.call import Reply, Request
from hellotext_async.config import Timeouts
from hellotext_async.transport import Unanswered
from tests.harness import scripts
from tests.harness.connection import Connection
from tests.harness.scripts import Step
from tests.harness.server import ScriptedServer

from .asking import POST, ask, names, not_sent, numbered, served, trusting
from .conftest import Opens


@contextmanager
def closed_port() -> Iterator[int]:
    """A port on which no process listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def test_1_a_refused_connection_is_not_sent(opened: Opens) -> None:
    """No process listens: not sent, without a connection."""
    with closed_port() as port:
        assert not_sent(await ask(opened(f"http://127.0.0.1:{port}"))) == "connect"


async def test_3_a_good_certificate_is_taken(opened: Opens) -> None:
    """Over TLS with a certificate for this host: answered, and the connection is kept."""
    authority = trustme.CA()
    async with ScriptedServer(tls=served("127.0.0.1", authority=authority)) as server:
        transport = opened(server.url, ssl_context=trusting(authority))
        ends = [await ask(transport) for _ in range(3)]
        assert [isinstance(end, Reply) and end.status for end in ends] == [200, 200, 200]
        assert server.connections == 1
        await transport.aclose()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_3_large_bodies_pass_through_tls(opened: Opens, version: ssl.TLSVersion) -> None:
    """Many records in either direction, under either version: unchanged, over one connection."""
    authority, big = trustme.CA(), bytes(range(256)) * 8192
    context = served("127.0.0.1", authority=authority)
    context.minimum_version = context.maximum_version = version
    async with ScriptedServer(scripts.reply(200, big), tls=context) as server:
        transport = opened(server.url, ssl_context=trusting(authority), response_bytes=4 << 20)
        for _ in range(3):
            assert (await transport.exchange(Request("POST", POST.target, big), total=5)).body == big
        assert [seen.body == big for seen in server.history] == [True] * 3
        assert server.connections == 1
        await transport.aclose()


@pytest.mark.parametrize("end", [scripts.fin, scripts.rst], ids=["fin", "rst"])
async def test_5_12_a_break_under_tls_is_judged_like_any_other(opened: Opens, end: Step) -> None:
    """Before a status line: uncertain. After it: the status, and a truncated body, length or no length."""
    authority = trustme.CA()
    begun = scripts.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
    async with ScriptedServer(tls=served("127.0.0.1", authority=authority)) as server:
        server.upcoming((*scripts.APPLY, end), (*scripts.APPLY, begun, scripts.sleep(0.02), end))
        transport = opened(server.url, ssl_context=trusting(authority))
        first, second, third = [await ask(transport) for _ in range(3)]
        assert isinstance(first, Unanswered) and first.sent
        assert isinstance(second, Reply) and (second.status, second.missing) == (200, "cut off")
        assert isinstance(third, Reply) and third.missing == ""
        await transport.aclose()


async def test_3_a_handshake_broken_off_is_not_sent(opened: Opens) -> None:
    """Reset during the handshake: no connection, and the reason is not a bad certificate."""
    async with ScriptedServer() as server:
        server.on_connection(1, (scripts.rst,))
        server.on_connection(2, (scripts.fin,))
        limits = Timeouts(connect=60, read=60, total=60)
        transport = opened(f"https://127.0.0.1:{server.port}", timeouts=limits)
        async with asyncio.timeout(5):
            assert [not_sent(await ask(transport, total=60)) for _ in range(2)] == ["connect", "connect"]


@pytest.mark.parametrize("fault", ["wrong host", "unknown authority", "expired", "no context given", "not TLS"])
async def test_3_a_bad_certificate_is_not_sent(opened: Opens, fault: str) -> None:
    """The handshake fails: not sent, reason `tls`, no request arrives."""
    authority, other = trustme.CA(), trustme.CA()
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    how = {"not_after": long_ago} if fault == "expired" else {}
    context = served("elsewhere.test" if fault == "wrong host" else "127.0.0.1", authority=authority, **how)
    async with ScriptedServer(tls=None if fault == "not TLS" else context) as server:
        server.on(1, (scripts.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), scripts.fin))
        trusted = trusting(other if fault == "unknown authority" else authority)
        context = None if fault == "no context given" else trusted
        transport = opened(f"https://127.0.0.1:{server.port}", ssl_context=context)
        assert not_sent(await ask(transport)) == "tls"
        await transport.aclose()
        assert server.history == []


async def test_3_a_handshake_without_end_is_not_sent(opened: Opens) -> None:
    """A server that accepts and never answers the handshake is abandoned at the connect limit; the socket is closed."""
    gone = asyncio.Event()

    async def silent(connection: Connection) -> None:
        try:
            await connection.until_gone()
        finally:
            gone.set()

    async with ScriptedServer() as server:
        server.on_connection(1, (silent,))
        limits = Timeouts(connect=0.1, read=60, total=60)
        transport = opened(f"https://127.0.0.1:{server.port}", timeouts=limits)
        assert not_sent(await asyncio.wait_for(ask(transport, total=60), 5)) == "connect"
        await asyncio.wait_for(gone.wait(), 1)


@pytest.mark.parametrize("target", ["/v1/a\r\nX-Evil: 1", "/v1/a b HTTP/1.1\r\n\r\nGET /", "/v1/\x00", "/v1/é\n"])
async def test_39_a_target_with_line_ends_reaches_no_server(opened: Opens, target: str) -> None:
    """A target that would be parsed as another header or request is not sent."""
    async with ScriptedServer() as server:
        transport = opened(server.url)
        not_sent(await ask(transport, Request("POST", target, b"{}")))
        assert server.history == []
        assert (await transport.exchange(POST, total=5)).status == 200


async def test_44_a_request_without_a_free_connection_in_time_is_not_sent(opened: Opens) -> None:
    """One connection, and it is in use: the second request is not sent at the connect limit."""
    async with ScriptedServer(scripts.silence()) as server:
        limits = Timeouts(connect=0.1, read=60, total=60)
        transport = opened(server.url, concurrency=1, timeouts=limits)
        first = asyncio.create_task(ask(transport, numbered(1), total=60))
        await server.history.until(seen=1)
        assert not_sent(await ask(transport, numbered(2), total=60)) in ("pool", "connect")
        assert len(server.history) == 1
        first.cancel()
        await asyncio.wait([first])


@contextmanager
def speaks_first(data: bytes, *, ends: bool) -> Iterator[tuple[int, list[socket.socket]]]:
    """The port of a server that writes `data` as soon as it is connected, and its ends of the connections."""
    loop: Any = asyncio.get_running_loop()
    peers: list[socket.socket] = []
    real = loop.sock_connect

    async def connect(sock: socket.socket, address: Any) -> None:
        await real(sock, address)
        peer, _ = listener.accept()
        peers.append(peer)
        peer.sendall(data)
        if ends:
            peer.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        loop.sock_connect = connect
        try:
            yield listener.getsockname()[1], peers
        finally:
            del loop.sock_connect
            for peer in peers:
                peer.close()


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("status", [200, 503])
async def test_20_a_server_that_speaks_first_is_not_written_to(opened: Opens, status: int, ends: bool) -> None:
    """As a load balancer without room does. Not sent, and not tried again and again for the time that is allowed."""
    with speaks_first(scripts.response(status), ends=ends) as (port, peers):
        transport = opened(f"http://127.0.0.1:{port}", timeouts=Timeouts(connect=1, read=5, total=5))
        assert not_sent(await ask(transport)) == "connect"
        assert len(peers) == 1


async def test_closed_it_sends_nothing(opened: Opens) -> None:
    """After `aclose`, which may be called again, a request is not sent."""
    async with ScriptedServer() as server:
        transport = opened(server.url)
        assert (await transport.exchange(POST, total=5)).status == 200
        await transport.aclose()
        await transport.aclose()
        assert not_sent(await ask(transport)) == "closed"
        assert len(server.history) == 1


async def test_closed_while_connecting_it_sends_nothing(opened: Opens) -> None:
    """A request that waits for its connection when the transport closes ends at once, not sent."""
    asked: asyncio.Event = asyncio.Event()

    async def slow(*_: object, **__: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    with names(slow):
        transport = opened("http://api.test", timeouts=Timeouts(connect=60, read=60, total=60))
        waiting = asyncio.create_task(ask(transport, total=60))
        await asked.wait()
        await transport.aclose()
        not_sent(await asyncio.wait_for(waiting, 4))
