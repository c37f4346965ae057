"""Closes the queue of a command: at a signal, or when the API refuses the token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from ..queue.queue import EventQueue
from .signals import Stop

__all__ = ["DRAIN", "closing", "first_of", "unless"]

DRAIN: Final = 10.0
"""Seconds for what is under way at the first signal."""
TICK: Final = 0.2


@asynccontextmanager
async def closing(queue: EventQueue, stop: Stop, show: Callable[[], None]) -> AsyncGenerator[None]:
    """Call `show` now and then, and close the queue when `stop` is set; a suspension sets it."""
    watch = asyncio.create_task(_watch(queue, stop, show))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def _watch(queue: EventQueue, stop: Stop, show: Callable[[], None]) -> None:
    while not stop.is_set():
        show()
        if queue.stats().suspended:
            # No other token can come in here: waiting for one would never end.
            stop.set()
        try:
            async with asyncio.timeout(TICK):
                await stop.wait()
        except TimeoutError:
            pass
    await _close(queue, stop)


async def _close(queue: EventQueue, stop: Stop) -> None:
    """Drain; at the second signal, no longer."""
    await first_of(queue.aclose(DRAIN), stop.now.wait())
    if stop.now.is_set():
        await queue.aclose(0)


async def unless(event: asyncio.Event, coroutine: Coroutine[Any, Any, object]) -> None:
    """Run it to its end, or until the event is set: then it is cancelled. Raises what it raises."""
    task = asyncio.ensure_future(coroutine)
    await first_of(task, event.wait())
    if not task.cancelled():
        task.result()


async def first_of(*coroutines: Awaitable[object]) -> None:
    """Run these until one has ended, and cancel the others."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
