"""A TCP proxy between a client and a server, with faults that can be switched while it runs.

Rules. Each direction has its own faults, read anew for every piece of data, so a switch reaches
open connections too. Without a fault the proxy forwards bytes and ends as they come.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlsplit

from .listener import Listener, end, reset

__all__ = ["FaultProxy", "Faults"]

_PIECE: Final = 16 * 1024
_SLICES_PER_SECOND: Final = 50


@dataclass(slots=True)
class Faults:
    """The faults of one direction.

    `latency`: seconds added to every piece, without holding up the next. `reset_peer`: the next
    piece breaks the connection off on both sides. `blackhole`: bytes vanish, and so does the end.
    `slice_size`, `slice_pause`: pieces are cut to this size and sent this many seconds apart.
    `limit_data`: after so many bytes of one connection both sides are ended. `slow_close`: seconds
    before an end is passed on. `bandwidth`: bytes per second and connection.
    """

    latency: float = 0.0
    reset_peer: bool = False
    blackhole: bool = False
    slice_size: int = 0
    slice_pause: float = 0.0
    limit_data: int | None = None
    slow_close: float = 0.0
    bandwidth: float = 0.0

    def set(self, **settings: float | bool | None) -> None:
        """Change these faults and leave the others."""
        for name, value in settings.items():
            setattr(self, name, value)

    def clear(self) -> None:
        """Remove all faults of this direction."""
        self.set(**asdict(Faults()))


class FaultProxy(Listener):
    """Forwards to `target` (a URL), for use as `async with`.

    `up` are the faults of the direction to the server, `down` those of the way back. With `tls` the client's side
    is encrypted.
    """

    def __init__(self, target: str, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        parts = urlsplit(target)
        self._scheme = parts.scheme
        self._target = (parts.hostname, parts.port)
        self.up = Faults()
        self.down = Faults()
        self._open: set[asyncio.StreamWriter] = set()

    def set(self, **settings: float | bool | None) -> None:
        """Change these faults in both directions."""
        self.up.set(**settings)
        self.down.set(**settings)

    def clear(self) -> None:
        """Remove all faults, in both directions."""
        self.up.clear()
        self.down.clear()

    def reset(self) -> None:
        """Reset every open connection now, on both sides."""
        for writer in self._open:
            reset(writer)

    @property
    def url(self) -> str:
        """The target's address, through the proxy."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    async def serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward both directions until both have ended or one has been reset."""
        far_reader, far = await asyncio.open_connection(*self._target)
        far.transport.set_write_buffer_limits(0)
        self._open |= {writer, far}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_Direction(self.up, reader, far, writer).carry())
                both.create_task(_Direction(self.down, far_reader, writer, far).carry())
        except* OSError:
            pass
        finally:
            self._open -= {writer, far}
            await end(far)


class _Direction:
    """One direction of one connection: data gets the time at which it is due, and is written then."""

    def __init__(
        self,
        faults: Faults,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
    ) -> None:
        self._faults = faults
        self._reader = reader
        self._writer = writer
        self._back = back
        self._carried = 0
        self._due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

    async def carry(self) -> None:
        """Forward everything until the end, then the end."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take())
            both.create_task(self._give())

    async def _take(self) -> None:
        piece = b"."
        while piece:
            piece = await self._reader.read(_PIECE)
            await self._due.put((asyncio.get_running_loop().time() + self._faults.latency, piece))

    async def _give(self) -> None:
        while True:
            due, piece = await self._due.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            if self._faults.blackhole:
                continue
            if not piece:
                return await self._end()
            await self._forward(piece)

    async def _forward(self, piece: bytes) -> None:
        while piece:
            if self._faults.reset_peer:
                reset(self._writer)
                reset(self._back)
                raise ConnectionResetError("broken off here")
            size = self._size(len(piece))
            self._writer.write(piece[:size])
            await self._writer.drain()
            self._carried += size
            piece = piece[size:]
            await asyncio.sleep(self._pause(size, last=not piece))

    def _size(self, offered: int) -> int:
        """How much may pass at once; nothing more once the limit is reached."""
        faults = self._faults
        sizes = [offered]
        if faults.slice_size:
            sizes.append(faults.slice_size)
        if faults.bandwidth:
            sizes.append(max(1, int(faults.bandwidth / _SLICES_PER_SECOND)))
        if faults.limit_data is not None:
            sizes.append(faults.limit_data - self._carried)
        if min(sizes) <= 0:
            raise ConnectionAbortedError("the limit is reached")
        return min(sizes)

    def _pause(self, size: int, *, last: bool) -> float:
        faults = self._faults
        pause = size / faults.bandwidth if faults.bandwidth else 0.0
        return pause + (faults.slice_pause if faults.slice_size and not last else 0.0)

    async def _end(self) -> None:
        await asyncio.sleep(self._faults.slow_close)
        if self._writer.transport.is_closing():
            raise ConnectionAbortedError("the other direction has closed it")
        self._writer.write_eof()
