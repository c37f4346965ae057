"""One timer for many time limits: a timer for each request or command would be too expensive."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Watchdog"]


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
