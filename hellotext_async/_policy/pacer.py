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

from math import inf
from typing import Final, Literal

from .backoff import Uniform
from .curve import FLOOR
from .meter import LITTLE
from .pacer_record import VERSION, PacerRecord

__all__ = ["Pacer"]

PROBE, WAITED, EPOCH = 1, 2, 4
"""A stamp is the epoch (times EPOCH) and two flags."""
UNKNOWN: Final = PacerRecord()


class Pacer:
    """When the next request may start, by what became of the earlier ones.

    `rate` is in requests a second, None as long as nothing is known and nothing asked for.
    """

    def __init__(self, *, ceiling: float | None = None, uniform: Uniform) -> None:
        self._uniform = uniform
        self._ceiling = inf if ceiling is None else ceiling
        self._adopt(UNKNOWN.shifted(0.0))
        self.rate = ceiling

    def export(self, *, shift: float = 0.0) -> PacerRecord:
        """What is known at this moment, by a clock that shows `shift` seconds more than the pacer's."""
        record = PacerRecord(
            VERSION, self.rate, self._epoch, self._learned, self._lowered, self.retry_after, self.last_throttle,
            self._limited_since, self._gate, self._curve, self._meter, self._schedule, self._slow_start,
            self._suspicion,
        )  # fmt: skip
        return record.shifted(shift)

    def restore(self, record: PacerRecord, *, shift: float = 0.0) -> None:
        """Know what `record` says and nothing else; the pacer's clock shows `shift` seconds more than the record's.

        Stamps of the pacer that it came from are valid here. ValueError if it is of another version.
        """
        if record.version != VERSION:
            raise ValueError(f"record: expected version {VERSION}, got {record.version}")
        self._adopt(record.shifted(shift))
        self.rate = self._ceiling if self.rate is None and self._ceiling < inf else self.rate
        if self.rate is not None:
            self.rate = self._bounded(self.rate)

    def _adopt(self, record: PacerRecord) -> None:
        self.rate = record.rate
        self._epoch, self._learned, self._lowered = record.epoch, record.learned, record.lowered
        self.retry_after, self.last_throttle = record.retry_after, record.last_throttle
        self._limited_since = record.limited_since
        self._gate, self._curve, self._meter = record.gate, record.curve, record.meter
        self._schedule, self._slow_start, self._suspicion = record.schedule, record.slow_start, record.suspicion

    @property
    def wasted(self) -> float:
        """The share of all answered requests that were throttled."""
        return self._meter.wasted

    @property
    def kind(self) -> Literal["none", "rate", "spacing"]:
        """What the limit looks like."""
        if self._limited_since is None:
            return "none"
        return "spacing" if self._suspicion.spacing else "rate"

    def limited_for(self, now: float) -> float:
        """Seconds since a limit was met, 0 if none was."""
        return 0.0 if self._limited_since is None else now - self._limited_since

    def gate(self, now: float) -> float:
        """Seconds until the gate opens."""
        return max(0.0, self._gate.opens_at - now)

    def ready_at(self, now: float) -> float:
        """When one more request may start, for somebody who wants to send it; inf while a probe is out."""
        if self.rate is None:
            return now
        if self._gate.probing:
            return inf
        at = max(self._gate.opens_at, self._schedule.due)
        if at > now:
            self._schedule.waited = True
        return at

    def sent(self, now: float) -> int:
        """A request starts; its answer is reported with the stamp returned."""
        rate = self.rate
        if rate is None:
            return 0
        self._schedule.start(now, rate)
        if self._gate.probe_due:
            self._gate.begin_probe(now)
            return self._epoch * EPOCH | PROBE
        return self._epoch * EPOCH | (WAITED if self._schedule.waited else 0)

    def delivered(self, now: float, stamp: int) -> None:
        """The server took it, or refused it for what it says and not for its number."""
        gate = self._gate
        self._meter.delivered += 1
        if stamp & PROBE:
            gate.end_probe(now)
            gate.failed_probes = 0
            if not gate.probe_due:
                self._reopen(now)
        elif not self._learned:
            self._meter.note_tenth(now)
            if self._slow_start.active and stamp // EPOCH == self._epoch:
                self._grow()
        elif stamp // EPOCH == self._epoch and not (gate.probe_due or gate.probing):
            self._advance(now, waited=bool(stamp & WAITED))

    def delivered_elsewhere(self, count: int) -> None:
        """So many were delivered by others that send under the same rate."""
        self._meter.delivered += count

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        """429, or 503 with Retry-After: refused for its number."""
        self._meter.throttled += 1
        self._meter.refused += 1
        self.last_throttle = now
        self.retry_after = retry_after is not None
        if self._limited_since is None:
            self._limited_since = now
        if stamp & PROBE:
            self._gate.end_probe(now)
            self._gate.failed_probes += 1
        elif stamp // EPOCH == self._epoch:
            self._epoch += 1
            if self._learned:
                self._suspicion.throttled(self._curve.part, self._curve.anchor, self._meter.taken)
            self._lower(now)
        elif retry_after is None:
            return
        self._gate.close(now, self.rate or FLOOR, self._curve.anchor, retry_after, self._uniform)

    def lost(self, now: float, stamp: int) -> None:
        """It proved nothing about the rate: 5xx, no answer, cancelled, never sent. After a lost probe goes another."""
        if stamp & PROBE:
            self._gate.end_probe(now)
            self._gate.probe_due = True

    def forget(self) -> None:
        """What was throttled was throttled for another reason: begin anew, without a limit."""
        if self._meter.throttled == 0 or self.rate is None:
            return
        epoch, delivered = self._epoch + 1, self._meter.delivered
        self._adopt(UNKNOWN.shifted(0.0))
        self.rate = None if self._ceiling == inf else self._ceiling
        self._epoch, self._meter.delivered = epoch, delivered

    def _advance(self, now: float, *, waited: bool) -> None:
        rate = self.rate or FLOOR
        self.rate = self._bounded(self._curve.run(now, rate, waited=waited, bounded=rate >= self._ceiling))

    def _grow(self) -> None:
        rate = self._slow_start.grow(self.rate or FLOOR)
        if rate is not None:
            self.rate = self._bounded(rate)
            return
        self.rate = None if self._ceiling == inf else self._ceiling
        self._limited_since = None

    def _bounded(self, rate: float) -> float:
        return min(self._ceiling, max(FLOOR, rate))

    def _lower(self, now: float) -> None:
        curve = self._curve
        if self._learned:
            self._advance(now, waited=True)
            curve.peak = self.rate or FLOOR
        else:
            curve.clock = self._meter.measure_last_second(now)
            curve.anchor = curve.peak = self._bounded(self._meter.taken / curve.clock)
        self._lowered = True
        self.rate = self._bounded(curve.lowered())

    def _reopen(self, now: float) -> None:
        curve, meter = self._curve, self._meter
        shut = self._gate.take_shut()
        self._schedule.reopen(now)
        curve.heard = now
        meter.span += shut
        if not self._lowered:
            return
        self._lowered = False
        if not self._learned and meter.taken < LITTLE and self._slow_start.begin():
            return
        self._slow_start.active = False
        meter.span += curve.passed
        before = curve.anchor
        if self._learned:
            curve.follow(meter.refused, shut)
        else:
            self._learned, before = True, inf
            curve.peak = self._bounded(meter.taken / curve.clock)
        enough = meter.enough
        curve.restart(self._bounded(meter.limit(curve.peak)), shut, enough=enough, before=before)
        meter.refused = 0
        self._advance(now, waited=True)
