"""The pure arithmetic that learns the API's unpublished rate limit from its 429s.

Rules.
1. Before the first throttle nothing is paced, save to the user's ceiling. From then on requests
   are due one every 1/r seconds; after a late wake-up what is due is sent: at most 10 ms worth of it where
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
   throttle, or until it is so high that there is no limit.
5. From the *dip*, a tenth below w, r climbs to w on a cubic that is flat there: it spends most of
   a cycle near the limit. It reaches w after K seconds, then rises ever faster, to find a limit
   that was raised. What the gate has held back already the dip need not: after a long one it is
   less, unless the throttle came early or too little was measured to know w. If w itself has
   risen by a fifth, the limit was raised and is not found yet: the next cycle begins at K.
6. K makes a cycle long enough for what it wastes, requests and closed gates. It follows slowly:
   processes that share a limit come to equal shares only while their K are nearly equal. When cycles
   differ widely in length, others share the limit: if a throttle costs little, w is then a tenth below the
   r that was throttled, and r rises evenly, by the same amount at every r above 40/s.
7. The curve's clock runs with the deliveries that had to wait for their time. Deliveries that had
   not take back what was probed beyond w: an idle client neither runs away nor forgets.
8. A limit without burst (see `tolerance`) refuses what comes too soon after the one before. There a request
   is due 1/r after the last one was sent, nothing is caught up, and w is not measured. A throttle without
   Retry-After closes no gate there: the rate falls by a fiftieth and rises evenly. With a
   Retry-After w falls by a fiftieth when a throttle comes soon after the last, and rises by a hundredth else.
9. Other failures move nothing; a 5xx counts as let through where w is measured. r is at least 0.5/s, unless the
   user's ceiling is less.
"""

from __future__ import annotations

from math import inf
from typing import Final

from .curve import FLOOR
from .meter import LITTLE
from .pacer_known import PacerKnown
from .slow_start import STEPS

__all__ = ["Pacer"]

PROBE, WAITED, GROUP, STEP, EPOCH = 1, 2, 4, 8, 8 * STEPS
"""A stamp is the epoch (times EPOCH), the step of the slow start (times STEP) and three flags."""
STRAY: Final = 4
"""A throttle in the first moments may be a stray one if at least so many were delivered for each refused."""


class Pacer(PacerKnown):
    """When the next request may start, by what became of the earlier ones."""

    def ready_at(self, now: float) -> float:
        """When one more request may start; inf while a probe is under way."""
        if self.rate is None:
            return now
        if self._gate.probing:
            return inf
        return max(self._gate.opens_at, self._schedule.ready_at(now, self.rate))

    def sent(self, now: float) -> int:
        """A request starts; its answer is reported with the stamp returned."""
        rate = self.rate
        if rate is None:
            return 0
        group = GROUP if self._schedule.start(now, rate) else 0
        stamp = self._epoch * EPOCH + self._slow_start.step * STEP + group
        if self._gate.probe_due:
            self._gate.begin_probe(now)
            return stamp | PROBE
        return stamp | (WAITED if self._schedule.waited else 0)

    def delivered(self, now: float, stamp: int) -> None:
        """It was delivered, or rejected for what it holds: it was not rate limited."""
        gate = self._gate
        self._meter.delivered += 1
        if stamp & GROUP and self._tolerance.delivered():
            self._suspicion.clear()
            self._schedule.apart = False
        if stamp & PROBE and gate.probing:
            gate.end_probe(now)
            gate.failed_probes = 0
            if not gate.probe_due:
                self._reopen(now)
            return
        self._meter.note_tenth(now)
        if not self._learned:
            slow = self._slow_start
            if slow.active and stamp // EPOCH == self._epoch and stamp // STEP % STEPS == slow.step:
                self._grow()
        elif stamp // EPOCH == self._epoch and gate.open:
            self._advance(now, waited=bool(stamp & WAITED))

    def delivered_elsewhere(self, count: int) -> None:
        """So many were delivered by others that send under the same rate."""
        self._meter.delivered += count

    def refused_elsewhere(self, count: int) -> None:
        """So many of theirs were throttled that were sent before the rate was last lowered."""
        self._meter.throttled += count
        self._meter.refused += count

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        """429, or 503 with Retry-After: rate limited."""
        self._meter.throttled += 1
        self._meter.refused += 1
        self.last_throttle = now
        self.retry_after = retry_after is not None
        if self._limited_since is None:
            self._limited_since = now
        if stamp & PROBE and self._gate.probing:
            self._gate.end_probe(now)
            self._gate.failed_probes += 1
        elif self.rate is None or stamp // EPOCH == self._epoch:  # without a rate stamps are of no epoch
            self._epoch += 1
            if stamp & GROUP:
                self._tolerance.refused()
            else:
                self._lower(now, stamp // STEP % STEPS)
                if retry_after is None and self._spacing and self._learned and self._meter.taken and self._gate.open:
                    self._reopen(now)  # what was refused came too soon; the next may go when it is due
                    return
        elif retry_after is None:
            return
        self._gate.close(now, self.rate or FLOOR, self._curve.anchor, retry_after, self.uniform, spacing=self._spacing)

    def server_error(self, now: float, stamp: int) -> None:
        """A 5xx: the limit let it pass, which counts where the limit is measured, and nowhere else."""
        self._meter.delivered += 1
        self._meter.note_tenth(now)
        self.lost(now, stamp)

    def lost(self, now: float, stamp: int) -> None:
        """It proved nothing about the rate: no answer, cancelled, never sent. After a lost probe goes another."""
        if stamp & PROBE and self._gate.probing:
            self._gate.end_probe(now)
            self._gate.probe_due = True

    def unused(self, now: float, stamp: int) -> None:
        """Nothing was sent after all, or nothing that counts: another may go in its place."""
        self.lost(now, stamp)
        if self.rate is not None and stamp // EPOCH == self._epoch and not stamp & (PROBE | GROUP):
            self._schedule.undo()

    def forget(self) -> None:
        """What was throttled was throttled for another reason: begin anew, without a limit."""
        if self._meter.throttled and self.rate is not None:
            self.begin_anew()

    def _advance(self, now: float, *, waited: bool) -> None:
        rate = self.rate or FLOOR
        self.rate = self._bounded(self._curve.run(now, rate, waited=waited, bounded=rate >= self._ceiling))

    def _grow(self) -> None:
        rate = self._slow_start.grow(self.rate or FLOOR)
        if rate is not None:
            self.rate = self._bounded(rate)
            return
        throttled, last, retry_after = self._meter.throttled, self.last_throttle, self.retry_after
        self.begin_anew()
        self._meter.throttled, self.last_throttle, self.retry_after = throttled, last, retry_after

    def _lower(self, now: float, step: int) -> None:
        curve, meter, slow = self._curve, self._meter, self._slow_start
        self._lowered = True
        if self._learned:
            self._suspicion.throttled(curve.part, curve.anchor, meter.taken)
            self._advance(now, waited=True)
            curve.peak = self.rate or FLOOR
            meter.peak = meter.lately(now, self._tolerance.estimate(curve.anchor))
        elif slow.active and self._spacing:
            curve.peak = slow.refused(self.rate or FLOOR, step)
            curve.anchor = self.rate = self._bounded(curve.peak / slow.growth)
            return
        else:
            curve.clock = meter.measure_last_second(now)
            if self._tolerance.elapsed == inf:
                self._tolerance.elapsed = meter.since_first(now)
            curve.anchor = curve.peak = self._bounded(meter.taken / curve.clock)
        self.rate = self._bounded(curve.lowered())

    def _reopen(self, now: float) -> None:
        shut = self._gate.take_shut()
        lowered, self._lowered = self._lowered, False
        self._curve.last_answer = now
        self._meter.span += shut
        self._meter.shut += shut
        if lowered:
            self._begin_cycle(now, shut)
        group = 0
        if lowered:
            rate = self._curve.anchor
            group = self._tolerance.test(rate, rate * shut, suspected=self._suspicion.spacing)
        self._schedule.reopen(now, self.rate or FLOOR, apart=self._spacing, group=group)

    def _begin_cycle(self, now: float, shut: float) -> None:
        """Set the anchor anew, or begin a slow start if it is not known where."""
        curve, meter, slow = self._curve, self._meter, self._slow_start
        if not self._learned and not slow.starts:
            self._tolerance.first_throttle(meter.taken - 1)
        if not self._learned and self._knows_little() and slow.begin():
            if slow.starts == 1:
                self.rate = self._bounded(max(self.rate or FLOOR, meter.taken / curve.clock))
            return
        slow.active = False
        before = curve.anchor
        if self._learned:
            meter.span += curve.passed
            curve.follow(meter.refused, shut)
        elif not self._spacing:
            meter.span += curve.passed
            curve.peak = self._bounded(meter.taken / curve.clock)
            if self._tolerance.small:
                curve.guess()
        if self._spacing:
            if self._learned:
                before = self._distance.widen(curve.peak, before, meter.taken, passed=curve.passed, shut=shut)
            curve.restart_near(self._bounded(before), even=not shut, settled=self._distance.settled)
            meter.begin()
        elif self._learned and curve.compare(meter.refused, meter.taken, shut):
            curve.restart_shared()
            meter.begin()
        else:
            before = before if self._learned else inf
            enough = meter.enough
            anchor = self._bounded(meter.limit(curve.peak, self._tolerance.estimate(before), meter.peak))
            curve.restart(anchor, shut, enough=enough, before=before)
        self._learned = True
        meter.refused = 0
        self._advance(now, waited=True)

    def _knows_little(self) -> bool:
        """Whether what was delivered before the first throttles says nothing, or they may have been stray ones."""
        meter, slow = self._meter, self._slow_start
        stray = not slow.starts and STRAY * meter.refused <= meter.taken and self._tolerance.at_once
        return meter.taken < LITTLE or stray or self._spacing
