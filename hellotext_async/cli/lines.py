"""The lines of a file or of stdin, a chunk at a time, with memory bounded by the longest line allowed."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from queue import SimpleQueue
from typing import Any, Final

__all__ = ["LONGEST", "Chunks", "Splitter"]

CHUNK: Final = 256 * 1024
LONGEST: Final = 4 * 1024 * 1024
"""Bytes of a line; an event has at most 1 MiB as it is sent."""


class Splitter:
    """Bytes to numbered lines; a line that is too long comes out as None."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._rest = b""
        self._number = 0
        self._skipping = False

    @property
    def pending(self) -> int:
        """Bytes kept of a line whose end has not come."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes | None]]:
        """The lines that `chunk` completes."""
        *whole, rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            yield self._line(line)
        self._rest = rest
        if len(rest) > self._longest:
            self._skipping, self._rest = True, b""

    def end(self) -> Iterator[tuple[int, bytes | None]]:
        """The last line, if it has no end of its own."""
        if self._rest or self._skipping:
            yield self._line(self._rest)

    def _line(self, line: bytes) -> tuple[int, bytes | None]:
        self._number += 1
        too_long = self._skipping or len(line) > self._longest
        self._skipping = False
        return self._number, None if too_long else line


class Chunks:
    """What can be read from a file descriptor, read by a thread that an exit does not wait for.

    It reads the descriptor itself: a thread that is stuck in ``sys.stdin`` would hold its lock when
    the interpreter ends. `read` is how many bytes came so far.
    """

    def __init__(self, descriptor: int) -> None:
        self.read = 0
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._asked: SimpleQueue[asyncio.Future[bytes]] = SimpleQueue()
        threading.Thread(target=self._work, name="reader", daemon=True).start()

    async def until(self, stop: asyncio.Event) -> AsyncIterator[bytes]:
        """Chunks until the end or until `stop` is set; OSError if reading fails."""
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                chunk: asyncio.Future[bytes] = self._loop.create_future()
                self._asked.put(chunk)
                either: tuple[asyncio.Future[Any], ...] = (chunk, stopped)
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not chunk.done() or not chunk.result():
                    return
                self.read += len(chunk.result())
                yield chunk.result()
        finally:
            stopped.cancel()

    def _work(self) -> None:
        while True:
            future = self._asked.get()
            try:
                chunk, error = os.read(self._descriptor, CHUNK), None
            except OSError as caught:
                chunk, error = b"", caught
            try:
                self._loop.call_soon_threadsafe(_resolve, future, chunk, error)
            except RuntimeError:
                return  # the loop has ended


def _resolve(future: asyncio.Future[bytes], chunk: bytes, error: OSError | None) -> None:
    if error is None:
        future.set_result(chunk)
    else:
        future.set_exception(error)
