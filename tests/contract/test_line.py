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
