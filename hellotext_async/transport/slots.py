"""Places that exchanges hold: asyncio's Semaphore spends a microsecond on each, to learn that nothing waits."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Slots"]


class Slots:
    """`free` places; there are none while an exchange waits, first come, first served."""

    def __init__(self, free: int) -> None:
        self.free = free
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        """Return with a place, at once if one is free."""
        if self.free:
            self.free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            if not waiter.cancelled():  # it was given the place in the same moment
                self.release()
            raise

    def release(self) -> None:
        """Give a place back, to the first waiter for one."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.free += 1
