"""The end of a queue that a command drives: told by a signal, or by the API, which refuses the token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from ..queue.queue import EventQueue

__all__ = ["DRAIN", "closing"]

DRAIN: Final = 10.0
"""Seconds for what is under way when the end is told."""
TICK: Final = 0.2


@asynccontextmanager
async def closing(queue: EventQueue, stop: asyncio.Event, show: Callable[[], None]) -> AsyncGenerator[None]:
    """Call `show` now and then, and close the queue when `stop` is set; a suspension sets it."""
    watch = asyncio.create_task(_watch(queue, stop, show))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def _watch(queue: EventQueue, stop: asyncio.Event, show: Callable[[], None]) -> None:
    while not stop.is_set():
        show()
        if queue.stats().suspended:
            # Nobody brings another token here, and waiting for one would be for ever.
            stop.set()
        try:
            async with asyncio.timeout(TICK):
                await stop.wait()
        except TimeoutError:
            pass
    await queue.aclose(DRAIN)
