"""The event transport's TLS, with the server's end driven by the test."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from hellotext_async._wire.call import Reply
from hellotext_async.transport.http_connection import HttpConnection, Result, receive_buffer
from hellotext_async.transport.tls_connection import RECORD, TlsConnection

from .test_http_connection import RecordingTransport


class Peer:
    """The server's end of TLS over memory, joined to a `TlsConnection`."""

    def __init__(self) -> None:
        authority = trustme.CA()
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("api.test").configure_cert(served)
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        loop = asyncio.get_running_loop()
        self.connection = HttpConnection(loop, 1000, lambda _: None, receive_buffer())
        self.tls_connection = TlsConnection(self.connection, trusting, "api.test", loop, receive_buffer(RECORD))
        self.socket = RecordingTransport()
        self._from, self._to = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = served.wrap_bio(self._from, self._to, server_side=True)

    def do_handshake(self) -> None:
        """Run both sides of the handshake to its end."""
        self.tls_connection.connection_made(self.socket)
        for _ in range(4):
            self._from.write(b"".join(self.socket.written))
            self.socket.written.clear()
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            self.pass_on()

    def pass_on(self) -> None:
        """Pass the server's output to the client, in small pieces."""
        data = self._to.read()
        for start in range(0, len(data), 100):
            piece = data[start : start + 100]
            self.tls_connection.get_buffer(-1)[: len(piece)] = piece
            self.tls_connection.buffer_updated(len(piece))

    def ask(self) -> asyncio.Future[Result]:
        """Send a request whose reply has no length."""
        waiter = self.connection.send(b"request", 0, 1)
        self.tls.write(b"HTTP/1.1 200 OK\r\n\r\n{}")
        self.pass_on()
        return waiter


async def result_of(waiter: asyncio.Future[Result]) -> tuple[int, bytes, str]:
    """Status and body of the reply, and its missing part."""
    end = await waiter
    assert isinstance(end, Reply)
    return end.status, end.body, end.missing


@pytest.fixture
async def peer() -> Peer:
    """A server's end, after the handshake."""
    made = Peer()
    made.do_handshake()
    return made


async def test_it_is_ready_after_the_handshake(peer: Peer) -> None:
    """Then the connection is usable."""
    await peer.tls_connection.ready
    assert peer.connection.usable


async def test_close_notify_ends_a_reply(peer: Peer) -> None:
    """A body without a length is complete when the server sent close_notify."""
    waiter = peer.ask()
    with pytest.raises(ssl.SSLWantReadError):
        peer.tls.unwrap()
    peer.pass_on()
    assert await result_of(waiter) == (200, b"{}", "")


async def test_an_end_without_close_notify_truncates_a_reply(peer: Peer) -> None:
    """An attacker can end the TCP connection without close_notify: that does not end the body."""
    waiter = peer.ask()
    peer.tls_connection.eof_received()
    assert await result_of(waiter) == (200, b"", "cut off")


async def test_invalid_tls_closes_the_connection(peer: Peer) -> None:
    """Bytes that do not decrypt end the exchange; none of them reaches the reply."""
    waiter = peer.connection.send(b"request", 0, 1)
    data = b"\x17\x03\x03\x00\x20" + b"x" * 32
    peer.tls_connection.get_buffer(-1)[: len(data)] = data
    peer.tls_connection.buffer_updated(len(data))
    assert await waiter == "disconnected"
    assert peer.socket.closing
