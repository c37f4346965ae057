"""One thread that writes in groups: what is asked while a group is being written is the next group.

Rules. There is no linger: no clock is waited for. A group is handed to the thread a few turns of
the loop after it became idle, so that what the loop is in the middle of is in the group. A group
belongs to the loop until it is handed over and again when it is written: nothing is locked. It
succeeds or fails as a whole, and the loop hears of it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

__all__ = ["GroupWriter"]

T = TypeVar("T")
R = TypeVar("R")

TURNS: Final = 4
"""Of the loop, before a group is taken; an idle loop makes them in microseconds."""


class GroupWriter(Generic[T, R]):
    """Once for each `kick` calls `take` in the loop, `write` in its thread, and `written` in the loop again."""

    def __init__(
        self,
        take: Callable[[], T],
        write: Callable[[T], R],
        written: Callable[[T, R | None, Exception | None], None],
        *,
        loop: asyncio.AbstractEventLoop,
        name: str,
        last: Callable[[], None] | None = None,
    ) -> None:
        self._take = take
        self._write = write
        self._written = written
        self._last = last
        self._loop = loop
        self._waiting = False
        self._busy = False
        self._closing = False
        self._idle: list[asyncio.Future[None]] = []
        self._groups: SimpleQueue[T | None] = SimpleQueue()
        self._ended = loop.create_future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    # In the loop.

    def kick(self) -> None:
        """There is a group to take."""
        self._waiting = True
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._turn, TURNS)

    def _turn(self, left: int) -> None:
        if left > 1:
            self._loop.call_soon(self._turn, left - 1)
        else:
            self._next()

    def _next(self) -> None:
        if self._waiting:
            self._waiting = False
            self._groups.put(self._take())
            return
        self._busy = False
        for waiter in self._idle:
            if not waiter.done():
                waiter.set_result(None)
        self._idle.clear()
        if self._closing:
            self._groups.put(None)

    def _heard(self, group: T, result: R | None, error: Exception | None) -> None:
        try:
            self._written(group, result, error)
        finally:
            self._loop.call_soon(self._turn, TURNS)

    async def flush(self) -> None:
        """Return when there is nothing to take, and all that was taken is written and heard of."""
        while self._busy:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._idle.append(waiter)
            await waiter

    async def aclose(self) -> None:
        """Write what is left and end the thread; safe to call twice."""
        if not self._closing:
            self._closing = True
            if not self._busy:
                self._groups.put(None)
        await asyncio.shield(self._ended)

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    # In the thread.

    def _run(self) -> None:
        while (group := self._groups.get()) is not None:
            if not self._do(group):
                break
        if self._last is not None:
            self._last()
        self._call(self._end)

    def _do(self, group: T) -> bool:
        try:
            result = self._write(group)
        except Exception as error:
            return self._call(self._heard, group, None, error)
        return self._call(self._heard, group, result, None)

    def _call(self, function: Callable[..., None], *arguments: object) -> bool:
        """False if the loop is gone, and with it everyone who could be told."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            return False
        return True
