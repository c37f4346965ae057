"""The pure arithmetic that learns the API's unpublished rate limit from its 429s.

Rules.
1. Before the first throttle nothing is paced (unless the user set a ceiling). What was delivered in
   the second before the first throttle is the first guess of the limit, the *anchor*.
2. From then on sends are due on a schedule, one every 1/r seconds. Who wakes up late may send what
   is due, at most 10 ms worth of it; older credit is lost.
3. A throttle lowers r to 0.85 of what was really delivered, once an *epoch*: answers to requests
   that were sent before the last decrease do not lower it again.
4. It also closes a *gate*: for the Retry-After, else for a short time that doubles. Nothing passes
   a closed gate; after it one *probe* goes, and the rest once the probe is through.
5. Between throttles r grows on a cubic curve: fast back to the anchor, slowly past it, faster the
   longer nothing happens, with a small constant part that makes separate processes equal.
6. The length K of that curve adapts so that about one request in a hundred is wasted. Gates that
   make up much of the time (a window limiter) lower the anchor to the long-run average.
7. Only throttles and deliveries move r. It never falls below 0.5/s.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Final

from .backoff import Uniform

__all__ = ["Pacer"]

FLOOR: Final = 0.5
BETA: Final = 0.85
CATCH_UP: Final = 0.01
SHORTEST, LONGEST, FIRST_CYCLE = 4.0, 30.0, 8.0
WASTE: Final = 0.01
BUCKETS: Final = 10
PROBE: Final = 1 << 62


class Pacer:
    """When the next request may start, by what became of the earlier ones."""

    def __init__(self, *, ceiling: float | None = None, uniform: Uniform) -> None:
        self._ceiling = inf if ceiling is None else ceiling
        self._uniform = uniform
        self._rate: float | None = ceiling
        self._learned = False
        self._anchor = inf
        self._cycle = FIRST_CYCLE
        self._due = -inf
        self._gate = -inf
        self._half_open = False
        self._probing = False
        self._failed_probes = 0
        self._epoch = 0
        self._opened_at = 0.0
        self._closed_at = 0.0
        self._delivered_since = 0
        self._recent = [0] * BUCKETS
        self._bucket = 0
        self._sent = 0
        self._sent_at = self._began = 0.0
        self._gap = 0.0
        self._busy = 0.0
        self._throttled = 0
        self._waste = WASTE
        self._cycle_sent = 0
        self._cycle_throttled = 0
        self.last_throttle: float | None = None

    @property
    def rate(self) -> float | None:
        """Requests a second, None as long as nothing is known and nothing asked for."""
        return self._rate

    @property
    def wasted(self) -> float:
        """The share of requests that were throttled."""
        return self._throttled / self._sent if self._sent else 0.0

    def gate(self, now: float) -> float:
        """Seconds until the gate opens."""
        return max(0.0, self._gate - now)

    def ready_at(self, now: float) -> float:
        """When one more request may start; inf while a probe is out."""
        if self._rate is None:
            return now
        if self._probing:
            return inf
        return max(self._gate, self._due)

    def sent(self, now: float) -> int:
        """A request starts; its answer is reported with the stamp returned."""
        self._sent += 1
        if self._sent == 1:
            self._began = now
        if self._rate is None:
            return self._epoch
        self._cycle_sent += 1
        self._tick(now)
        rate = self._grown()
        latest = now - max(0.0, rate * CATCH_UP - 1) / rate
        self._due = max(self._due, latest) + 1 / rate
        if self._half_open:
            self._half_open, self._probing = False, True
            return self._epoch | PROBE
        return self._epoch

    def _tick(self, now: float) -> None:
        """Busy time: it passes only while requests go out at half the rate or more, so that neither an idle
        queue nor an outage makes the rate grow.
        """
        passed, self._sent_at = max(0.0, now - self._sent_at), now
        rate = self._rate or FLOOR
        self._gap += (min(passed, 60.0) - self._gap) / 10
        if self._gap * rate < 2:
            self._busy += min(passed, 2 / rate)

    def _grown(self) -> float:
        if not self._learned:
            return self._rate or inf
        w, k, t = self._anchor, self._cycle, self._busy
        x = (t - k) / k
        s = w if x < 0 else max(w, 20.0)
        a = min(0.3, 0.015 * w) if w >= 5 else 0.005 * w
        rate = w + (1 - BETA) * s * x**3 + a * t
        if t > 1.5 * k:
            rate *= 1.15 ** min(t - 1.5 * k, 60.0)
        self._rate = min(self._ceiling, max(FLOOR, rate))
        return self._rate

    def delivered(self, now: float, stamp: int) -> None:
        """The server took it (or refused it for what it says, not for its number)."""
        if not self._learned:
            self._count(now)
        self._delivered_since += 1
        if stamp & PROBE and self._probing:
            self._probing = False
            self._failed_probes = 0
            self._open(now)

    def _count(self, now: float) -> None:
        bucket = int(now * BUCKETS)
        if bucket != self._bucket:
            for passed in range(self._bucket + 1, min(bucket, self._bucket + BUCKETS) + 1):
                self._recent[passed % BUCKETS] = 0
            self._bucket = bucket
        self._recent[bucket % BUCKETS] += 1

    def _open(self, now: float) -> None:
        blocked, span = now - self._closed_at, now - self._opened_at
        if blocked >= 2 and span > 0:
            self._anchor = min(self._anchor, max(FLOOR, self._delivered_since / span))
        self._opened_at = self._sent_at = now
        self._delivered_since = 0
        self._busy = self._gap = 0.0
        self._due = now

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        """429, or 503 with Retry-After: refused for its number."""
        self._throttled += 1
        self._cycle_throttled += 1
        self.last_throttle = now
        probe = bool(stamp & PROBE) and self._probing
        if probe:
            self._probing = False
            self._failed_probes += 1
        if probe or stamp & ~PROBE == self._epoch:
            self._decrease(now, probe=probe)
            self._close(now, retry_after)
        elif retry_after is not None and not self._half_open_since(now):
            self._close(now, retry_after)

    def _half_open_since(self, now: float) -> bool:
        return self._gate <= now

    def _decrease(self, now: float, *, probe: bool) -> None:
        self._epoch += 1
        if not self._learned:
            self._learned = True
            # Counted in tenths of a second; who began less than a second ago has sent for that long only.
            span = min(1.0, max(0.2, now - self._began))
            self._anchor = min(self._ceiling, max(FLOOR, sum(self._recent) / span))
        elif not probe:
            self._lower(now)
        self._rate = max(FLOOR, BETA * self._anchor)
        if not probe:
            self._closed_at = now

    def _lower(self, now: float) -> None:
        rate = self._grown()
        span = self._busy
        goodput = self._delivered_since / span if span >= max(1.0, min(20.0, 20 / rate)) else rate
        self._anchor = max(FLOOR, min(rate, goodput))
        if span < 0.8 * self._cycle and goodput < 0.7 * rate:
            self._anchor = max(FLOOR, self._anchor * 0.8)
        self._adapt()

    def _adapt(self) -> None:
        waste = self._cycle_throttled / max(1, self._cycle_sent)
        self._cycle *= min(2.0, max(0.5, sqrt(waste / WASTE)))
        self._cycle = min(max(LONGEST, 150 / self._anchor), max(SHORTEST, self._cycle))
        self._cycle_sent = self._cycle_throttled = 0

    def _close(self, now: float, retry_after: float | None) -> None:
        rate = self._rate or FLOOR
        if retry_after is None:
            cap = min(30.0, max(1.0, 50 / self._anchor))
            pause = self._uniform(0.5, 1.0) * min(cap, max(1 / rate, 0.1) * 2.0 ** min(self._failed_probes, 20))
        else:
            pause = min(3600.0, max(0.0, retry_after)) * self._uniform(1.0, 1.05)
        self._gate = max(self._gate, now + pause)
        self._half_open = True

    def lost(self, now: float, stamp: int) -> None:
        """Nothing was learned about the rate: 5xx, no answer, cancelled, never sent."""
        if stamp & PROBE and self._probing:
            self._probing = False
            self._half_open = True
            self._gate = max(self._gate, now)
