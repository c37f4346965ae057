"""What the parts of a queue wait on: their tasks, batches of work, waiters for a change, and turns of the loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import islice
from typing import Any, Final, Generic, TypeVar

__all__ = ["TURN", "Batch", "Conditions", "Flag", "Tasks", "in_turns", "shielded", "wake"]

T = TypeVar("T")

TURN: Final = 256
"""Events that are dealt with before other callbacks of the loop have their turn: a millisecond or two."""
MOST: Final = 1000
"""Items of one batch, for the same reason."""


class Tasks:
    """The tasks of one queue; the first that ends unexpectedly is the queue's failure."""

    def __init__(self, on_failure: Callable[[BaseException | None], None], on_stopped: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._on_stopped = on_stopped
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopping = False

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run it as one of the queue's own."""
        task = asyncio.get_running_loop().create_task(work, name="hellotext event queue")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task not in self._tasks:
            return
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if not self.stopping and (task.cancelled() or error is not None):
            self._on_failure(error)
        elif self.stopping and not self._tasks:
            self._on_stopped()

    async def stop(self, some: Iterable[asyncio.Task[None]]) -> None:
        """End some of them, as it should be."""
        some = list(some)
        self._tasks.difference_update(some)
        for task in some:
            task.cancel()
        if some:
            await asyncio.wait(some)

    def cancel(self) -> None:
        """End them all; that is no failure any more."""
        self.stopping = True
        for task in list(self._tasks):
            task.cancel()
        if not self._tasks:
            self._on_stopped()

    def forget(self) -> None:
        """Their loop is over: they stand still for ever, and cannot be ended."""
        self.stopping = True
        self._tasks.clear()
        self._on_stopped()


class Batch(Generic[T]):
    """Work for one consumer, which takes many items at once."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._consumer: asyncio.Future[None] | None = None

    def put(self, item: T) -> None:
        """More to do."""
        self._items.append(item)
        if self._consumer is not None:
            wake(self._consumer)
            self._consumer = None

    async def take(self) -> list[T]:
        """The next, when there are some."""
        while not self._items:
            self._consumer = asyncio.get_running_loop().create_future()
            await self._consumer
        items = self.drain()
        self._items = items[MOST:]
        return items[:MOST] if self._items else items

    def __iter__(self) -> Iterator[T]:
        """What there is by now, without taking it."""
        return iter(self._items)

    def drain(self) -> list[T]:
        """All that there is by now."""
        items, self._items = self._items, []
        return items


class Flag:
    """Like `asyncio.Event`, for one waiter; it can also be set when the loop is closed."""

    def __init__(self) -> None:
        self._set = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wake the waiter, or let the next one pass at once."""
        self._set = True
        if self._waiter is not None:
            wake(self._waiter)
            self._waiter = None

    async def taken(self) -> None:
        """Return when it is set, and unset it."""
        while not self._set:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._set = False


class Conditions:
    """Tasks that wait, each until its condition holds."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._soon = False

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when `holds` is true; it is asked at each `check`."""
        if holds():
            return
        waiter = asyncio.get_running_loop().create_future()
        item = holds, waiter
        self.waiting.append(item)
        try:
            await waiter
        finally:
            if item in self.waiting:
                self.waiting.remove(item)

    def check_soon(self) -> None:
        """Something has changed, as it does for every event: it is looked at once for all of this turn."""
        if self.waiting and not self._soon:
            loop = self.waiting[0][1].get_loop()
            if not loop.is_closed():
                self._soon = True
                loop.call_soon(self.check)

    def check(self) -> None:
        """Something has changed."""
        self._soon = False
        for item in [item for item in self.waiting if item[0]()] if self.waiting else ():
            self.waiting.remove(item)
            wake(item[1])


async def in_turns(steps: Iterator[object]) -> None:
    """Take all steps, with a turn of the loop between some; a cancellation does not end it."""
    while len(list(islice(steps, TURN))) == TURN:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)


def shielded() -> AbstractContextManager[object]:
    """No cancel scope of anyio's ends what is awaited inside.

    Without anyio in the program there is none; importing half of anyio here would hold the loop.
    """
    anyio = sys.modules.get("anyio")
    return nullcontext() if anyio is None else anyio.CancelScope(shield=True)


def wake(waiter: asyncio.Future[None]) -> None:
    """Let it go on, unless it has gone, or its loop is closed."""
    if not waiter.done() and not waiter.get_loop().is_closed():
        waiter.set_result(None)
