"""One accepted connection of the scripted server: reads HTTP requests step by step and writes what a script says.

Rules. Nothing is read before a step needs it, apart from what the stream's own buffer takes.
Whatever ends the connection, on either side, raises ConnectionError.
"""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn

from .listener import reset
from .seen import History, Seen

__all__ = ["Connection", "Gone"]

_PIECE: Final = 64 * 1024


class Gone(ConnectionError):
    """The connection cannot be used any more."""


class Connection:
    """The server's end of one connection, and the request it is at."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, history: History
    ) -> None:
        self.number = number
        self.seen = Seen(0, number, 0.0)
        self.history = history
        self._reader = reader
        self._writer = writer
        self._unread = bytearray()
        self._head_read = False

    def begin(self, number: int) -> None:
        """Take what comes next as request `number`."""
        self.seen = Seen(number, self.number, asyncio.get_running_loop().time())
        self._head_read = False

    async def more(self) -> None:
        """Wait until at least one byte is there that belongs to no request read so far."""
        if not self._unread:
            await self._fill()

    async def _fill(self) -> None:
        piece = await self._reader.read(_PIECE)
        if not piece:
            raise Gone("the peer has ended its side")
        self._unread += piece

    async def read_headers(self) -> None:
        """Read the request line and the headers, once."""
        if self._head_read:
            return
        head = await self._until(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        self.seen.method, self.seen.target, _ = line.split(" ", 2)
        pairs = (field.partition(":") for field in fields)
        self.seen.headers = tuple((name, value.strip()) for name, _, value in pairs)
        self._head_read = True
        self.history.note(self.seen)

    async def read_body(self) -> None:
        """Read the rest of the request, once."""
        await self.read_headers()
        if self.seen.complete:
            return
        if "chunked" in (self.seen.header("transfer-encoding") or ""):
            await self._read_chunks()
        else:
            await self._take(int(self.seen.header("content-length") or 0))
        self.seen.complete = True

    async def _read_chunks(self) -> None:
        while size := int((await self._until(b"\r\n")).split(b";")[0], 16):
            await self._take(size)
            await self._until(b"\r\n")
        while await self._until(b"\r\n"):
            pass

    async def _until(self, mark: bytes) -> bytes:
        while (end := self._unread.find(mark)) < 0:
            await self._fill()
        found = bytes(self._unread[:end])
        del self._unread[: end + len(mark)]
        return found

    async def _take(self, size: int) -> None:
        """Move `size` bytes into the body as they come, so that a body cut short shows what came."""
        while size:
            await self.more()
            piece = bytes(self._unread[:size])
            del self._unread[: len(piece)]
            self.seen.body += piece
            size -= len(piece)

    async def write(self, data: bytes) -> None:
        """Hand `data` to the network, as fast as the peer takes it."""
        if self._writer.is_closing():
            raise Gone("the connection is closed")
        self._writer.write(data)
        await self._writer.drain()

    async def until_gone(self) -> NoReturn:
        """Throw away what comes until the peer ends its side."""
        while await self._reader.read(_PIECE):
            pass
        raise Gone("the peer has ended its side")

    async def finish(self) -> NoReturn:
        """End our side in good order (FIN), then wait for the peer to end its own."""
        if self._writer.can_write_eof():
            self._writer.write_eof()
            await self.until_gone()
        self._writer.close()  # TLS has no half-closed state
        await self._writer.wait_closed()
        raise Gone("the connection is closed")

    def reset(self) -> NoReturn:
        """Break it off (RST), unsent bytes and all."""
        reset(self._writer)
        raise Gone("the connection is broken off")
