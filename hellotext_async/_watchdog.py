"""One timer for many time limits: a timer for each request or command would be too expensive."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Limit", "Watchdog"]


class Watchdog:
    """Calls `sweep` with the loop's time when the first limit is due.

    `sweep` ends all whose time is over, and returns when the next limit is due (inf: never).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sweep: Callable[[float], float]) -> None:
        self._loop = loop
        self._sweep = sweep
        self.due = inf
        self._timer: asyncio.TimerHandle | None = None

    def schedule(self, at: float) -> None:
        """Sweep at the loop's time `at` or earlier."""
        if at < self.due:
            self.stop()
            self.due = at
            self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self.due = inf
        self.schedule(self._sweep(self._loop.time()))

    def stop(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
        self.due = inf


class Limit:
    """``with limit:`` what `expire` ends with TimeoutError, for one task at a time.

    It is as `asyncio.timeout`, which costs several times as much: it is made for one use, and starts two coroutines.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._expired = False

    def __enter__(self) -> None:
        task = self._task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit is for a task")
        self._cancelling = task.cancelling()

    def expire(self) -> None:
        """End it, if anything is under way."""
        if self._task is not None and not self._expired:
            self._expired = True
            self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        task, self._task = self._task, None
        if self._expired and task is not None:
            self._expired = False
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error
