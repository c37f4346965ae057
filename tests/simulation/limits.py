"""The rate limiters a server may have: pure, `admit(now)` is None or the seconds until a retry may pass."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import floor
from typing import Protocol

__all__ = ["Limit", "SlidingWindow", "Steps", "TokenBucket", "Window"]


class Limit(Protocol):
    """A server's judgement of one request."""

    def admit(self, now: float) -> float | None: ...


@dataclass
class TokenBucket:
    """`rate` tokens a second, at most `burst` of them kept."""

    rate: float
    burst: float
    tokens: float = field(init=False)
    at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def admit(self, now: float) -> float | None:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1 - 1e-9:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return None


@dataclass
class Window:
    """`count` requests in each fixed window of `period` seconds."""

    count: int
    period: float
    opened: int = field(default=-1, init=False)
    used: int = field(default=0, init=False)

    def admit(self, now: float) -> float | None:
        number = floor(now / self.period)
        if number != self.opened:
            self.opened, self.used = number, 0
        if self.used >= self.count:
            return (number + 1) * self.period - now
        self.used += 1
        return None


@dataclass
class SlidingWindow:
    """`count` requests in any `period` seconds."""

    count: int
    period: float
    taken: deque[float] = field(default_factory=deque, init=False)

    def admit(self, now: float) -> float | None:
        while self.taken and self.taken[0] <= now - self.period:
            self.taken.popleft()
        if len(self.taken) >= self.count:
            return self.taken[0] + self.period - now
        self.taken.append(now)
        return None


class Steps:
    """One limit after another: each (from when, limit)."""

    def __init__(self, *steps: tuple[float, Callable[[], Limit]]) -> None:
        self._later = deque(steps[1:])
        self._limit = steps[0][1]()

    def admit(self, now: float) -> float | None:
        while self._later and self._later[0][0] <= now:
            self._limit = self._later.popleft()[1]()
        return self._limit.admit(now)
