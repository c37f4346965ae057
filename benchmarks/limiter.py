"""What rate awareness costs an event while there is no limit: the queue beside itself without a limiter."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

from hellotext_async.limiter import Permit

from .contender import Entry
from .events import QUEUE
from .ground import Ground
from .ours import Queue
from .row import Goal, Row

__all__ = ["Unlimited", "rows"]

UNLIMITED: Final = Entry("benchmarks.limiter:Unlimited")


class _NoLimiter:
    """Admits everything and learns nothing."""

    def __init__(self) -> None:
        self.breaker = SimpleNamespace(open=False)
        self._permit = Permit(0)

    def try_acquire(self, priority: str) -> Permit:
        """Always the same permit."""
        return self._permit

    def delivered(self, permit: Permit) -> None:
        """Do nothing."""


class Unlimited(Queue):
    """The queue with its engine's limiter taken out."""

    async def open(self) -> None:
        """Open the queue, then take it out."""
        await super().open()
        engine: Any = self._client._core.for_events(None)
        engine.limiter = _NoLimiter()


def rows(ground: Ground) -> Iterator[Row]:
    """The cost of an event against its cost without."""
    figure = ground.race(QUEUE, UNLIMITED).inverse()
    yield Row("limiter", "an event, rate awareness and all", figure, "x without", Goal(1.05, less=True))
