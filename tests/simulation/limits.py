"""The limiters of the simulation: the emulator's own, and limits that change while they run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from hellotext_async.emulator.limits import Limiter, RateLimit

__all__ = ["Limiter", "Steps", "bucket", "sliding", "window"]


def bucket(rate: float, burst: float | None = None) -> Limiter:
    """`rate` tokens a second, at most `burst` of them kept: by default a second's worth."""
    return RateLimit(rate, rate if burst is None else burst).limiter()


def window(count: int, period: float) -> Limiter:
    """`count` requests in each fixed window of `period` seconds."""
    return RateLimit(count / period, kind="window", period=period).limiter()


def sliding(count: int, period: float) -> Limiter:
    """`count` requests in any `period` seconds."""
    return RateLimit(count / period, kind="sliding", period=period).limiter()


class Steps:
    """One limit after another: each (from when, a maker of the limit)."""

    def __init__(self, *steps: tuple[float, Callable[[], Limiter]]) -> None:
        self._later = deque(steps[1:])
        self._limit = steps[0][1]()

    def admit(self, now: float) -> float | None:
        while self._later and self._later[0][0] <= now:
            self._limit = self._later.popleft()[1]()
        return self._limit.admit(now)
