"""A listening loopback socket that closes with all its connections.

Rules. A broken connection is nothing to report. Any other exception of a connection is a mistake
in the test and is raised when the listener closes.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from abc import ABC, abstractmethod
from typing import Final, Self

__all__ = ["Listener", "end", "reset"]

_NO_LINGER: Final = struct.pack("ii", 1, 0)


def reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection (RST), discarding unsent bytes."""
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()


async def end(writer: asyncio.StreamWriter) -> None:
    """Close the socket at once, whatever its state."""
    writer.transport.abort()
    try:
        await writer.wait_closed()
    except OSError:
        pass


class Listener(ABC):
    """Serves every connection in a task of its own, for use as `async with`.

    `connections` counts what was accepted, `most_open` is the largest number open at once.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self.most_open = 0
        self.port = 0
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._mistakes: list[Exception] = []

    @abstractmethod
    async def serve(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle connection `number`, counted from 1; it is closed afterwards."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:  # of tasks that were cancelled before they began
            writer.transport.abort()
        if (abort_all := getattr(self._server, "abort_clients", None)) is not None:  # asyncio's, from 3.13 on
            abort_all()  # also those that are in a handshake, for which it would wait
            await self._server.wait_closed()
        if self._mistakes:
            raise ExceptionGroup("mistakes in a script", self._mistakes)

    def stop_listening(self) -> None:
        """Accept no connection any more; those that are open go on."""
        self._server.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        # A drained writer can then be aborted without loss; with a limit of 0 asyncio's TLS would never resume.
        writer.transport.set_write_buffer_limits(1 if self._tls else 0)
        self._writers.add(writer)
        task = asyncio.create_task(self._handle(self.connections, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.most_open = max(self.most_open, len(self._tasks))

    async def _handle(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.serve(number, reader, writer)
        except OSError:
            pass
        except Exception as mistake:
            self._mistakes.append(mistake)
        finally:
            await end(writer)
            self._writers.discard(writer)
