"""One timer for the time limits of many exchanges: a timer of its own for each would cost more than it guards."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Watchdog"]


class Watchdog:
    """Calls `look` with the time when the first limit is due; `look` ends what is over and says what is due next."""

    def __init__(self, loop: asyncio.AbstractEventLoop, look: Callable[[float], float]) -> None:
        self._loop = loop
        self._look = look
        self.due = inf
        self._timer: asyncio.TimerHandle | None = None

    def by(self, at: float) -> None:
        """Look at the loop's time `at` or earlier."""
        if at < self.due:
            self.stop()
            self.due = at
            self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self.due = inf
        self.by(self._look(self._loop.time()))

    def stop(self) -> None:
        """Forget what is due."""
        if self._timer is not None:
            self._timer.cancel()
        self.due = inf
