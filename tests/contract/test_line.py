"""A connection of the event lane, told by hand what the event loop would tell it."""

from __future__ import annotations

import asyncio

import pytest

from hellotext_async._wire.call import Reply
from hellotext_async.transport.line import Line


class Wire(asyncio.Transport):
    """A transport that only remembers."""

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
async def wire() -> Wire:
    """What the line writes to."""
    return Wire()


@pytest.fixture
async def line(wire: Wire) -> Line:
    """A line that is connected."""
    made = Line(asyncio.get_running_loop(), 1000, lambda _: None)
    made.connection_made(wire)
    return made


def hear(line: Line, data: bytes) -> None:
    """Let `data` come."""
    line.get_buffer(-1)[: len(data)] = data
    line.buffer_updated(len(data))


async def test_a_line_that_is_closing_is_not_usable(line: Line, wire: Wire) -> None:
    """Its transport has broken, and nobody was told yet: nothing may be written to it."""
    assert line.usable
    wire.closing = True
    assert not line.usable


async def test_a_line_with_unsent_bytes_is_not_usable(line: Line, wire: Wire) -> None:
    """The reply came before all of the request had left: the rest stands in the way of another."""
    waiter = line.send(b"large", 0, 1)
    assert not line.usable
    hear(line, b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    end = await waiter
    assert isinstance(end, Reply)
    assert (end.status, end.header("content-length"), end.body, end.missing) == (413, ("0",), b"", "")
    wire.unsent = 1
    assert not line.usable


@pytest.mark.parametrize(
    ("begun", "reason"), [(b"HTT", "disconnected"), (b"HTTP/1.1 20", "disconnected"), (b"?", "malformed")]
)
async def test_a_status_of_the_last_reply_is_not_the_next_one_s(line: Line, begun: bytes, reason: str) -> None:
    """Ended before a status line was read, an exchange has a reason, whatever the one before it was told."""
    first = line.send(b"", 0, 1)
    hear(line, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert isinstance(await first, Reply)
    second = line.send(b"", 0, 1)
    hear(line, begun)
    line.eof_received()
    assert await second == reason


async def test_one_request_is_one_write(line: Line, wire: Wire) -> None:
    """Head and body leave together."""
    line.send(b"head and body", 0, 1)
    assert wire.written == [b"head and body"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_reply_has_the_headers_of_its_own_head(line: Line, at_once: bool) -> None:
    """Not those of the interim replies before it, and nothing of its body."""
    said = b"HTTP/1.1 103 Early\r\nX: no\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n"
    said += b"HTTP/1.1 422 Bad\r\nX:  a: b \r\nx: c\r\nContent-Length: 11\r\n\r\n\r\n\r\nX: body"
    waiter = line.send(b"", 0, 1)
    for piece in [said] if at_once else [said[at : at + 1] for at in range(len(said))]:
        hear(line, piece)
    end = await waiter
    assert isinstance(end, Reply)
    assert (end.status, end.body, end.header("x")) == (422, b"\r\n\r\nX: body", ("a: b", "c"))


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_what_cannot_be_read_after_a_status_line_leaves_the_status(line: Line, before: bytes) -> None:
    """Also when an interim reply came with it."""
    waiter = line.send(b"", 0, 1)
    hear(line, before + b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n")
    end = await waiter
    assert isinstance(end, Reply)
    assert (end.status, end.missing) == (200, "unreadable")


@pytest.mark.parametrize(("coding", "missing"), [("gzip", "unreadable"), ("Identity", "")])
async def test_a_body_is_read_unless_it_is_coded(line: Line, coding: str, missing: str) -> None:
    """No coding is undone."""
    waiter = line.send(b"", 0, 1)
    hear(line, b"HTTP/1.1 200 OK\r\ncontent-ENCODING: %b\r\nContent-Length: 2\r\n\r\n\xc3\xa9" % coding.encode())
    end = await waiter
    assert isinstance(end, Reply)
    assert (end.body, end.missing) == (b"" if missing else b"\xc3\xa9", missing)


async def test_a_body_beyond_the_cap_is_left(line: Line) -> None:
    """Come in one piece or with no end in sight."""
    for length in (1001, 10**9):
        waiter = line.send(b"", 0, 1)
        hear(line, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
        while not waiter.done():
            hear(line, b"x" * 1001)
        end = await waiter
        assert isinstance(end, Reply)
        assert (end.status, end.body, end.missing) == (200, b"", "too large")
