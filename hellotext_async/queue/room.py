"""Room for events, by count and by bytes; who finds none waits in line or is told at once."""

from __future__ import annotations

import asyncio
from collections import deque

from ..errors import HellotextError

__all__ = ["Room"]


class Room:
    """How much is taken, and who waits for some."""

    def __init__(self, capacity: int, max_bytes: int) -> None:
        self.capacity = capacity
        self.max_bytes = max_bytes
        self.count = 0
        self.bytes = 0
        self._line: deque[tuple[asyncio.Future[None], int]] = deque()

    def fits(self, size: int) -> bool:
        """Whether there is room for `size` bytes now."""
        return self.count < self.capacity and self.bytes + size <= self.max_bytes

    def try_take(self, size: int) -> bool:
        """Take room for one event at once, unless there is none or somebody waits for it already."""
        if self._line or self.count >= self.capacity or self.bytes + size > self.max_bytes:
            return False
        self.count += 1
        self.bytes += size
        return True

    def force(self, size: int) -> None:
        """Take room for an event that is here whatever the bounds (it comes from a spool)."""
        self.count += 1
        self.bytes += size

    async def take(self, size: int) -> None:
        """Take room for one event when there is some, first come, first served."""
        if self.try_take(size):
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((waiter, size))
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give(size)
            else:
                self._serve()
            raise

    def give(self, size: int) -> None:
        """Give the room of one event back."""
        self.count -= 1
        self.bytes -= size
        if self._line:
            self._serve()

    def _serve(self) -> None:
        while self._line:
            waiter, size = self._line[0]
            if not waiter.done():
                if not self.fits(size):
                    return
                self.force(size)
                waiter.set_result(None)
            self._line.popleft()

    def close(self, error: HellotextError) -> None:
        """Nobody gets room any more."""
        while self._line:
            waiter, _ = self._line.popleft()
            if not waiter.done():
                waiter.set_exception(error)
