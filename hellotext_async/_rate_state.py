"""What the client knows of the API's rate limit, for its users to read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

__all__ = ["RateState"]


class RateState(msgspec.Struct, frozen=True):
    """What the client knows of the API's rate limit.

    `rate` in requests per second (None before the first throttle), `in_flight_limit`, `gate` in
    seconds until something may be sent again, `wasted` the share of those judged that were
    throttled (2xx, 4xx and throttles; lost ones and 5xx say nothing), `last_throttle` when (UTC).
    `kind` says what the limit looks like: "none" before the first throttle, "rate", or "spacing" when
    requests are refused again and again soon after one that passed, below the rate: a limit without
    burst. `tolerance` is how many requests such a limit lets through at once (None where that is not
    known), `limited_for` the seconds since a limit was met, `retry_after` whether the last throttle
    had a Retry-After. `away_since` is when requests began to fail for another reason, so that the queue
    waits for the server (UTC), None while it answers.
    """

    rate: float | None
    in_flight_limit: int
    gate: float
    wasted: float
    last_throttle: datetime | None
    away_since: datetime | None = None
    kind: Literal["none", "rate", "spacing"] = "none"
    tolerance: float | None = None
    limited_for: float = 0.0
    retry_after: bool = False

    def seconds_for(self, events: int) -> float | None:
        """Seconds that so many queued events will take at this rate, if nothing else is sent; None without a rate."""
        return None if self.rate is None else self.gate + events / self.rate
