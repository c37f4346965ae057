"""A connection of the event transport, driven by the test instead of by an event loop."""

from __future__ import annotations

import asyncio

import pytest

from hellotext_async._wire.call import Reply
from hellotext_async.transport.http_connection import HttpConnection, receive_buffer


class RecordingTransport(asyncio.Transport):
    """A transport that records what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = False
        self.unsent = 0
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.closing = True


@pytest.fixture
async def socket() -> RecordingTransport:
    """The transport that the connection writes to."""
    return RecordingTransport()


@pytest.fixture
async def connection(socket: RecordingTransport) -> HttpConnection:
    """A connection whose socket is open."""
    made = HttpConnection(asyncio.get_running_loop(), 1000, lambda _: None, receive_buffer())
    made.connection_made(socket)
    return made


def receive(connection: HttpConnection, data: bytes) -> None:
    """Deliver `data` to the connection."""
    connection.get_buffer(-1)[: len(data)] = data
    connection.buffer_updated(len(data))


async def test_a_connection_that_is_closing_is_not_usable(
    connection: HttpConnection, socket: RecordingTransport
) -> None:
    """Its transport has failed, and no callback has run yet: nothing may be written to it."""
    assert connection.usable
    socket.closing = True
    assert not connection.usable


async def test_a_connection_with_unsent_bytes_is_not_usable(
    connection: HttpConnection, socket: RecordingTransport
) -> None:
    """The reply came before all of the request was sent: the rest would precede the next request."""
    waiter = connection.send(b"large", 0, 1)
    assert not connection.usable
    receive(connection, b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    end = await waiter
    assert isinstance(end, Reply)
    assert (end.status, end.header("content-length"), end.body, end.missing) == (413, ("0",), b"", "")
    socket.unsent = 1
    assert not connection.usable


@pytest.mark.parametrize(
    ("begun", "reason"), [(b"HTT", "disconnected"), (b"HTTP/1.1 20", "disconnected"), (b"?", "malformed")]
)
async def test_a_status_of_the_last_reply_is_not_the_next_one_s(
    connection: HttpConnection, begun: bytes, reason: str
) -> None:
    """An exchange that ends before a status line has a reason, whatever the previous reply was."""
    first = connection.send(b"", 0, 1)
    receive(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert isinstance(await first, Reply)
    second = connection.send(b"", 0, 1)
    receive(connection, begun)
    connection.eof_received()
    assert await second == reason


async def test_one_request_is_one_write(connection: HttpConnection, socket: RecordingTransport) -> None:
    """Head and body are sent together."""
    connection.send(b"head and body", 0, 1)
    assert socket.written == [b"head and body"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_reply_has_the_headers_of_its_own_head(connection: HttpConnection, at_once: bool) -> None:
    """Not those of the interim replies before it, and nothing of its body."""
    raw = b"HTTP/1.1 103 Early\r\nX: no\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n"
    raw += b"HTTP/1.1 422 Bad\r\nX:  a: b \r\nx: c\r\nContent-Length: 11\r\n\r\n\r\n\r\nX: body"
    waiter = connection.send(b"", 0, 1)
    for piece in [raw] if at_once else [raw[at : at + 1] for at in range(len(raw))]:
        receive(connection, piece)
    end = await waiter
    assert isinstance(end, Reply)
    assert (end.status, end.body, end.header("x")) == (422, b"\r\n\r\nX: body", ("a: b", "c"))


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_what_cannot_be_read_after_a_status_line_leaves_the_status(
    connection: HttpConnection, before: bytes
) -> None:
    """Also when an interim reply came with it."""
    waiter = connection.send(b"", 0, 1)
    receive(connection, before + b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n")
    end = await waiter
    assert isinstance(end, Reply)
    assert (end.status, end.missing) == (200, "unreadable")


@pytest.mark.parametrize(("coding", "missing"), [("gzip", "unreadable"), ("Identity", "")])
async def test_a_body_is_read_unless_it_is_coded(connection: HttpConnection, coding: str, missing: str) -> None:
    """Compressed bodies are not decoded."""
    waiter = connection.send(b"", 0, 1)
    receive(
        connection, b"HTTP/1.1 200 OK\r\ncontent-ENCODING: %b\r\nContent-Length: 2\r\n\r\n\xc3\xa9" % coding.encode()
    )
    end = await waiter
    assert isinstance(end, Reply)
    assert (end.body, end.missing) == (b"" if missing else b"\xc3\xa9", missing)


async def test_a_body_beyond_the_cap_is_abandoned(connection: HttpConnection) -> None:
    """In one piece or without an end."""
    for length in (1001, 10**9):
        waiter = connection.send(b"", 0, 1)
        receive(connection, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
        while not waiter.done():
            receive(connection, b"x" * 1001)
        end = await waiter
        assert isinstance(end, Reply)
        assert (end.status, end.body, end.missing) == (200, b"", "too large")
