"""The pure arithmetic that learns the API's unpublished rate limit from its 429s.

Rules.
1. Before the first throttle nothing is paced, save to the user's ceiling. From then on requests
   are due one every 1/r seconds; who wakes up late sends what is due: at most 10 ms worth of it where
   timers could not do otherwise, 2 ms else.
2. A throttle begins a new *epoch*: it lowers r, once, and closes the *gate*. Answers to requests of
   an older epoch are counted and their Retry-After is obeyed, but they lower nothing.
3. Nothing passes a closed gate. It stays closed for the Retry-After (and up to 5 % longer, never
   shorter); without one, or after a throttled probe, for a short time that doubles. Then one
   *probe* goes alone, and the rest once it is through.
4. When the gate reopens, the *anchor* w, the guess of the limit, is set anew: close to what was
   delivered per second since the last time it reopened, and never above the r that was throttled.
   A token bucket is as empty at one throttle as at the next, and a window as full, so over a whole
   *cycle* this is the limit itself. While too little is measured, w is at most halved. The first
   anchor is what was delivered per second in the second before the first throttle. If that is too
   little to know anything by, r begins there and grows by half with every delivery, until the next
   throttle tells, or until it is so high that there is no limit.
5. From the *dip*, a tenth below w, r climbs to w on a cubic that is flat there: it spends most of
   a cycle near the limit. It reaches w after K seconds, then rises ever faster, to find a limit
   that was raised. What the gate has held back already the dip need not: after a long one it is
   less, unless the throttle came early or too little was measured to know w. If w itself has
   risen by a fifth, the limit was raised and is not found yet: the next cycle begins at K.
6. K makes a cycle long enough for what it wastes, requests and closed gates. It follows slowly:
   processes that share a limit come to equal shares only while their K are nearly equal.
7. The curve's clock runs with the deliveries that had to wait for their time. Deliveries that had
   not take back what was probed beyond w: an idle client neither runs away nor forgets.
8. Other failures move nothing. r is at least 0.5/s, unless the user's ceiling is less.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final, Literal

from .backoff import Uniform
from .spacing import Suspicion

__all__ = ["Pacer"]

FLOOR: Final = 0.5
CATCH_UP: Final = 0.01
FAST: Final = 400.0
TICKS: Final = 0.002
"""Seconds that a late request may catch up: `CATCH_UP` above the rate `FAST`, which timers of 1 ms cannot keep, else
the ticks of a timer, for a limit without burst refuses what comes too close to the one before."""
LONGEST_WAIT: Final = 3600.0
PAUSE: Final = 0.2
"""Seconds that a gate is closed, at most, when nothing is told; longer at a low rate and after failed probes."""
DIP, LEAST_DIP, PROBING, ADDED = 0.1, 0.03, 7.0, 0.02
"""The curve: how far below w it begins, how steep it is beyond, what it gains beside the cubic in K; as shares of w."""
ENOUGH, MARGIN = 20, 2
LITTLE, STARTS, GROWTH, NO_LIMIT = 5, 3, 1.5, 5000.0
"""The slow start: after fewer deliveries, how often in a row, the growth by a delivery, when there is no limit."""
"""Deliveries that make a measure; what a smaller one may have missed."""
RAISED, EARLY = 1.2, 0.4
"""By how much w has risen with a limit that was raised; the part of K within which a throttle is early."""
SHORTEST, LONGEST = 10.0, 70.0
PER_REFUSAL, PER_GATE, FREE, FOLLOW = 100, 80.0, 0.3, 0.25
"""K: its bounds, requests for each refused one, seconds for each one of a gate beyond so many, how fast it follows."""
PROBE, WAITED, EPOCH = 1, 2, 4
"""A stamp is the epoch (times EPOCH) and two flags."""


class Pacer:
    """When the next request may start, by what became of the earlier ones.

    `rate` is in requests a second, None as long as nothing is known and nothing asked for.
    """

    def __init__(self, *, ceiling: float | None = None, uniform: Uniform) -> None:
        self._uniform = uniform
        self._ceiling = inf if ceiling is None else ceiling
        self.rate = ceiling
        self._due = self._gate = -inf
        self._waited = self._half_open = self._probing = False
        self._probed_at = 0.0
        self._failed_probes = 0
        self._epoch = 0
        self._learned = self._lowered = self._starting = False
        self._starts = 0
        self._suspicion = Suspicion()
        self._spacing = False
        self._anchor = self._peak = inf
        self._clock = self._began = self._heard = 0.0
        self._k, self._dip = SHORTEST, DIP
        self._delivered = self._measured_from = self._refused = 0
        self._span = self._shut = 0.0
        self._recent = _LastSecond()
        self._throttled = 0
        self.last_throttle: float | None = None
        self._limited_since: float | None = None

    @property
    def wasted(self) -> float:
        """The share of all answered requests that were throttled."""
        return self._throttled / (self._delivered + self._throttled) if self._throttled else 0.0

    @property
    def kind(self) -> Literal["none", "rate", "spacing"]:
        """What the limit looks like."""
        if self._limited_since is None:
            return "none"
        return "spacing" if self._spacing else "rate"

    def limited_for(self, now: float) -> float:
        """Seconds since a limit was met, 0 if none was."""
        return 0.0 if self._limited_since is None else now - self._limited_since

    @property
    def _taken(self) -> int:
        """Deliveries in the span that is measured."""
        return self._delivered - self._measured_from

    def gate(self, now: float) -> float:
        """Seconds until the gate opens."""
        return max(0.0, self._gate - now)

    def ready_at(self, now: float) -> float:
        """When one more request may start, for somebody who wants to send it; inf while a probe is out."""
        if self.rate is None:
            return now
        if self._probing:
            return inf
        at = max(self._gate, self._due)
        if at > now:
            self._waited = True
        return at

    def sent(self, now: float) -> int:
        """A request starts; its answer is reported with the stamp returned."""
        rate = self.rate
        if rate is None:
            return 0
        if now > self._due + CATCH_UP:
            self._waited = False
        self._due = max(self._due, now - (TICKS if self._waited and rate <= FAST else CATCH_UP)) + 1 / rate
        if self._half_open:
            self._half_open, self._probing, self._probed_at = False, True, now
            return self._epoch * EPOCH | PROBE
        return self._epoch * EPOCH | (WAITED if self._waited else 0)

    def delivered(self, now: float, stamp: int) -> None:
        """The server took it, or refused it for what it says and not for its number."""
        self._delivered += 1
        if stamp & PROBE:
            self._end_probe(now)
            self._failed_probes = 0
            if not self._half_open:
                self._reopen(now)
        elif not self._learned:
            if now >= self._recent.ends:
                self._recent.begin(now, self._delivered - 1)
            if self._starting and stamp // EPOCH == self._epoch:
                self._grow()
        elif stamp // EPOCH == self._epoch and not (self._half_open or self._probing):
            self._advance(now, waited=bool(stamp & WAITED))

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        """429, or 503 with Retry-After: refused for its number."""
        self._throttled += 1
        self._refused += 1
        self.last_throttle = now
        if self._limited_since is None:
            self._limited_since = now
        if stamp & PROBE:
            self._end_probe(now)
            self._failed_probes += 1
        elif stamp // EPOCH == self._epoch:
            self._epoch += 1
            part = (self._clock - self._began) / self._k
            if self._learned:
                self._spacing = self._suspicion.throttled(part, self._anchor, self._taken)
            self._lower(now)
        elif retry_after is None:
            return
        self._close(now, retry_after)

    def lost(self, now: float, stamp: int) -> None:
        """It proved nothing about the rate: 5xx, no answer, cancelled, never sent. After a lost probe goes another."""
        if stamp & PROBE:
            self._end_probe(now)
            self._half_open = True

    def forget(self) -> None:
        """What was throttled was throttled for another reason: begin anew, without a limit."""
        if self._throttled == 0 or self.rate is None:
            return
        epoch, delivered = self._epoch + 1, self._delivered
        self.__init__(ceiling=None if self._ceiling == inf else self._ceiling, uniform=self._uniform)  # type: ignore[misc]
        self._epoch, self._delivered = epoch, delivered

    def _end_probe(self, now: float) -> None:
        self._probing = False
        self._shut += max(0.0, now - self._probed_at)

    def _advance(self, now: float, *, waited: bool) -> None:
        """Let the curve's clock run to this answer, or back to the anchor if nobody waits."""
        rate = self.rate or FLOOR
        passed = max(0.0, now - self._heard)
        self._heard = now
        if waited:
            self._clock += min(passed, 0.1 + 2 / rate) if rate < self._ceiling else 0.0
        elif self._clock > self._k:
            self._clock = max(self._k, self._clock - passed)
        x = self._clock / self._k - 1
        steep = PROBING if x > 0 else self._dip
        self.rate = self._bounded(self._anchor * (1 + steep * x**3 + ADDED * (x + 1)))

    def _grow(self) -> None:
        rate = (self.rate or FLOOR) * GROWTH
        self.rate = self._bounded(rate)
        if rate >= NO_LIMIT:
            self._starting, self._starts = False, 0
            self.rate = None if self._ceiling == inf else self._ceiling
            self._limited_since = None

    def _bounded(self, rate: float) -> float:
        return min(self._ceiling, max(FLOOR, rate))

    def _lower(self, now: float) -> None:
        if self._learned:
            self._advance(now, waited=True)
            self._peak = self.rate or FLOOR
        else:
            self._measured_from, self._clock = self._recent.began(now, self._delivered)
            self._anchor = self._peak = self._bounded(self._taken / self._clock)
        self._lowered = True
        self.rate = self._bounded((1 - DIP) * self._peak)

    def _close(self, now: float, retry_after: float | None) -> None:
        longest = min(30.0, max(1.0, 50 / self._anchor))
        first = max(PAUSE, 1 / (self.rate or FLOOR))
        pause = self._uniform(0.5, 1.0) * min(longest, first * 2.0 ** min(self._failed_probes, 20))
        if retry_after is not None:
            asked = min(LONGEST_WAIT, max(0.0, retry_after)) * self._uniform(1.0, 1.05)
            pause = max(asked, pause) if self._failed_probes else asked
        gate = max(self._gate, now + pause)
        self._shut += gate - max(self._gate, now)
        self._gate = gate
        self._half_open = True

    def _reopen(self, now: float) -> None:
        shut, self._shut = self._shut, 0.0
        self._due = max(self._due, now)
        self._heard = now
        self._span += shut
        if not self._lowered:
            return
        self._lowered = False
        if not self._learned and self._taken < LITTLE and self._starts < STARTS:
            self._starting = True
            self._starts += 1
            return
        self._starting = False
        self._span += self._clock - self._began
        before = self._anchor
        if self._learned:
            self._follow(shut)
        else:
            self._learned, before = True, inf
            self._peak = self._bounded(self._taken / self._clock)
        enough = self._taken >= ENOUGH and self._span >= 1
        # Over K seconds the cubic holds back a quarter of its dip.
        early = self._clock - self._began < EARLY * self._k
        self._dip = DIP if early or not enough else max(LEAST_DIP, DIP - 4 * shut / self._k)
        self._anchor = self._bounded(self._measured(enough=enough))
        self._refused = 0
        self._clock = self._began = self._k if enough and self._anchor > RAISED * before else 0.0
        self._advance(now, waited=True)

    def _measured(self, *, enough: bool) -> float:
        """The limit, by what was delivered since the gate last reopened."""
        peak, span = self._peak, max(0.001, self._span)
        if not enough:
            return min(peak, max(peak / 2, (self._taken + MARGIN) / span))
        limit = self._taken / span
        self._measured_from, self._span = self._delivered, 0.0
        # The mean of a cycle lies a little under its peak, and a window's limit nearer to the peak.
        return min(peak, 1.02 * limit + 0.4 * max(0.0, peak - limit) * (limit / peak) ** 2)

    def _follow(self, shut: float) -> None:
        wanted = max(PER_REFUSAL * self._refused / self._anchor, PER_GATE * (shut - FREE))
        self._k += FOLLOW * (min(LONGEST, max(SHORTEST, wanted)) - self._k)


class _LastSecond:
    """Deliveries in the last second, by what had been delivered when each tenth of it began."""

    def __init__(self) -> None:
        self._tenths: deque[tuple[float, int]] = deque(maxlen=10)
        self.ends = -inf

    def begin(self, now: float, before: int) -> None:
        """A tenth begins with a delivery."""
        self._tenths.append((now, before))
        self.ends = now + 0.1

    def began(self, now: float, delivered: int) -> tuple[int, float]:
        """How many were delivered before it, and how long it was: at least two tenths."""
        recent = [before for began, before in self._tenths if began > now - 1]
        return (recent[0] if recent else delivered), max(2, len(recent)) / 10
