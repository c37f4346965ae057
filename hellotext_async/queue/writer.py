"""One thread that writes in groups: what is asked while a group is being written is the next group.

Rules. There is no linger: a group starts as soon as the thread is idle. A group succeeds or fails
as a whole, and its requests hear of it in the loop, in order.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

__all__ = ["GroupWriter"]

T = TypeVar("T")
R = TypeVar("R")

LARGEST: Final = 1024


class GroupWriter(Generic[T, R]):
    """Calls `write` in its thread with everything that was submitted since the last time."""

    def __init__(
        self,
        write: Callable[[Sequence[T]], R],
        written: Callable[[Sequence[T], R | None, Exception | None], None],
        *,
        loop: asyncio.AbstractEventLoop,
        name: str,
        last: Callable[[], None] | None = None,
    ) -> None:
        self._write = write
        self._written = written
        self._last = last
        self._loop = loop
        self._waiting: deque[T] = deque()
        self._work = threading.Event()
        self._closing = False
        self._idle: list[asyncio.Future[None]] = []
        self._unheard = 0
        self._ended = loop.create_future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: T) -> None:
        """Have `item` written with the next group."""
        self._unheard += 1
        self._waiting.append(item)
        if not self._work.is_set():
            self._work.set()

    def withdraw(self, item: T) -> bool:
        """Take `item` back, if its group has not begun."""
        try:
            self._waiting.remove(item)
        except ValueError:
            return False
        self._unheard -= 1
        return True

    async def flush(self) -> None:
        """Return when everything submitted has been written and heard of."""
        while self._unheard:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._idle.append(waiter)
            await waiter

    async def aclose(self) -> None:
        """Write what is left and end the thread; safe to call twice."""
        self._closing = True
        self._work.set()
        await asyncio.shield(self._ended)

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            while group := self._group():
                self._do(group)
            if self._closing and not self._waiting:
                break
        if self._last is not None:
            self._last()
        self._call(self._end)

    def _group(self) -> list[T]:
        waiting = self._waiting
        return [waiting.popleft() for _ in range(min(len(waiting), LARGEST))]

    def _do(self, group: list[T]) -> None:
        try:
            result = self._write(group)
        except Exception as error:
            self._call(self._heard, group, None, error)
        else:
            self._call(self._heard, group, result, None)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            # The loop is gone, and with it everyone who could be told.
            self._closing = True
            self._work.set()

    def _heard(self, group: Sequence[T], result: R | None, error: Exception | None) -> None:
        self._unheard -= len(group)
        self._written(group, result, error)
        if not self._unheard:
            for waiter in self._idle:
                if not waiter.done():
                    waiter.set_result(None)
            self._idle.clear()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
