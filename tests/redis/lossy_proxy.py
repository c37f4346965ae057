"""A proxy in front of a server that drops replies: the command runs, and the client never receives the reply."""

from __future__ import annotations

import asyncio
import random

__all__ = ["LossyProxy"]


class LossyProxy:
    """Forwards everything; with probability `loss` a reply is dropped and the connection closed."""

    def __init__(self, port: int, *, seed: int = 1) -> None:
        self._to = port
        self._chance = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self.loss = 0.0
        self.dropped = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self._port}"

    async def __aenter__(self) -> LossyProxy:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to)
        forward = asyncio.ensure_future(_pump(reader, up_writer))
        try:
            while data := await up_reader.read(65536):
                if self.loss and self._chance.random() < self.loss:
                    self.dropped += 1
                    break
                writer.write(data)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            forward.cancel()
            await asyncio.wait([forward])
            for one in (writer, up_writer):
                one.close()
            self._tasks.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        pass
