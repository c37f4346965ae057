"""Rate limiters for the emulator to impose, pure: time is passed in.

`admit(now)` is None for a request that may pass, else the seconds until one may.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from email.utils import formatdate
from typing import Literal, Protocol

__all__ = ["Limiter", "RateLimit", "retry_after"]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit of `rate` requests per second.

    `kind` "bucket": a token bucket of `burst`; "window": `rate * period` in each fixed window of
    `period` seconds; "sliding": the same in every span of `period` seconds. `retry_after`: True or
    "seconds" tells whole seconds (rounded up), "date" an HTTP date, False nothing.
    """

    rate: float
    burst: float = 1
    retry_after: bool | Literal["seconds", "date"] = True
    kind: Literal["bucket", "window", "sliding"] = "bucket"
    period: float = 1.0

    def __post_init__(self) -> None:
        if not (self.rate > 0 and self.period > 0):
            raise ValueError("rate, period: expected more than 0")

    def limiter(self) -> Limiter:
        """A fresh limiter of this kind."""
        if self.kind == "bucket":
            return Bucket(self.rate, max(1.0, self.burst))
        most = max(1, round(self.rate * self.period))
        return Window(most, self.period) if self.kind == "window" else Sliding(most, self.period)


class Limiter(Protocol):
    """Decides on one request at a time."""

    def admit(self, now: float) -> float | None:
        """None if it may pass, else the seconds until one may."""
        ...


class Bucket:
    """A token bucket."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = burst, -math.inf

    def admit(self, now: float) -> float | None:
        """Take a token if there is one."""
        if self._at > -math.inf:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        return (1 - self._tokens) / self._rate


class Window:
    """A fixed window."""

    def __init__(self, most: int, period: float) -> None:
        self._most, self._period = most, period
        self._window, self._count = -1, 0

    def admit(self, now: float) -> float | None:
        """Count it if the window has room."""
        window = math.floor(now / self._period)
        if window != self._window:
            self._window, self._count = window, 0
        if self._count < self._most:
            self._count += 1
            return None
        return (window + 1) * self._period - now


class Sliding:
    """A window that ends now."""

    def __init__(self, most: int, period: float) -> None:
        self._most, self._period = most, period
        self._passed: deque[float] = deque()

    def admit(self, now: float) -> float | None:
        """Count it if the last period has room."""
        while self._passed and self._passed[0] <= now - self._period:
            self._passed.popleft()
        if len(self._passed) < self._most:
            self._passed.append(now)
            return None
        return self._passed[0] + self._period - now


def retry_after(limit: RateLimit, wait: float, wall: float) -> dict[str, str]:
    """The header that tells `wait`, if the limit tells it."""
    if limit.retry_after is False:
        return {}
    if limit.retry_after == "date":
        return {"Retry-After": formatdate(math.ceil(wall + wait), usegmt=True)}
    return {"Retry-After": str(max(1, math.ceil(wait)))}
