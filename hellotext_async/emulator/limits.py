"""Rate limiters for the emulator to impose, pure: time is passed in.

`admit(now)` is None for a request that may pass, else the seconds until one may.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from email.utils import formatdate
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol, cast

__all__ = ["Limiter", "Many", "RateLimit", "retry_after"]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit of `rate` requests per second.

    `kind` "bucket": a token bucket of `burst` (1 unless given: then two requests must be `1 / rate`
    seconds apart); "gcra": the same limit, kept as a theoretical arrival time; "leaky": nginx's
    ``limit_req`` with ``burst=burst - 1 nodelay``; "window": `rate * period` in each fixed window of
    `period` seconds; "sliding": the same in every span of `period` seconds. `match` limits those
    requests alone ("POST /v1/attribution/events"; ``*`` stands for anything), and `per` gives each
    "subject" (an event's profile, else its session) or "route" (method and path) a limit of its own.
    `retry_after`: True or "seconds" sends whole seconds (rounded up), "date" an HTTP date, False no header.
    """

    rate: float
    burst: float = 1
    retry_after: bool | Literal["seconds", "date"] = True
    kind: Literal["bucket", "gcra", "leaky", "window", "sliding"] = "bucket"
    period: float = 1.0
    match: str = "*"
    per: Literal["subject", "route"] | None = None

    def __post_init__(self) -> None:
        for name in ("rate", "period", "burst"):
            value: object = getattr(self, name)
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise ValueError(f"{name}: expected a number")
        if not (self.rate > 0 and self.period > 0):
            raise ValueError("rate, period: expected more than 0")
        if not self.burst >= 0:
            raise ValueError("burst: expected 0 or more")
        if not isinstance(self.match, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError("match: expected text, a method and a path")
        if self.retry_after not in (True, False, "seconds", "date"):
            raise ValueError("retry_after: expected True, False, 'seconds' or 'date'")
        if self.kind not in ("bucket", "gcra", "leaky", "window", "sliding"):
            raise ValueError("kind: expected 'bucket', 'gcra', 'leaky', 'window' or 'sliding'")
        if self.per not in (None, "subject", "route"):
            raise ValueError("per: expected None, 'subject' or 'route'")

    def concerns(self, request: str) -> bool:
        """Whether it limits this request, given as method and path."""
        return self.match == "*" or fnmatchcase(request, self.match)

    def key(self, request: str, body: Any) -> str:
        """Which of its limits a request counts for."""
        if self.per == "route":
            return request
        if self.per == "subject" and isinstance(body, dict):
            event = cast("dict[str, Any]", body)
            return str(event.get("profile") or event.get("session") or "")
        return ""

    def limiter(self) -> Limiter:
        """A fresh limiter of this kind."""
        if self.kind == "bucket":
            return Bucket(self.rate, max(1.0, self.burst))
        if self.kind == "gcra":
            return Gcra(self.rate, max(1.0, self.burst))
        if self.kind == "leaky":
            return Leaky(self.rate, max(0.0, self.burst - 1))
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


class Gcra:
    """The generic cell rate algorithm: one time is all that is kept."""

    def __init__(self, rate: float, burst: float) -> None:
        self._interval, self._tolerance = 1 / rate, (burst - 1) / rate
        self._arrival = -math.inf

    def admit(self, now: float) -> float | None:
        """Move the theoretical arrival time on, unless the request comes too early for it."""
        early = self._arrival - now - self._tolerance
        if early > 1e-9:
            return early
        self._arrival = max(self._arrival, now) + self._interval
        return None


class Leaky:
    """nginx's `limit_req`: an excess in thousandths of a request that leaks away by the millisecond."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst * 1000
        self._excess, self._at = 0.0, -math.inf

    def admit(self, now: float) -> float | None:
        """Count it unless the excess passes the burst; a refused one changes nothing."""
        tick = math.floor(now * 1000)
        passed = math.inf if self._at == -math.inf else tick - math.floor(self._at * 1000)
        excess = 0.0 if passed == math.inf else max(0.0, self._excess - self._rate * passed + 1000)
        if excess > self._burst:
            return (tick + math.ceil((excess - self._burst) / self._rate)) / 1000 - now
        self._excess, self._at = excess, now
        return None


class Many:
    """A limiter for each subject or route."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._limiters: dict[str, Limiter] = {}

    def admit(self, now: float, key: str) -> float | None:
        """None if a request of this key may pass, else the seconds until one may."""
        limiter = self._limiters.get(key)
        if limiter is None:
            limiter = self._limiters[key] = self._limit.limiter()
        return limiter.admit(now)


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
    """The Retry-After header for `wait`, if the limit sends one."""
    if limit.retry_after is False:
        return {}
    if limit.retry_after == "date":
        return {"Retry-After": formatdate(math.ceil(wall + wait), usegmt=True)}
    return {"Retry-After": str(max(1, math.ceil(wait)))}
