"""A pacer whose record many workers share in one store: when each of them may send. Pure.

Rules. It has the methods of a `Pacer`; `next_command` gives what is to be sent to the store, one command at a time,
and `answered` takes the reply. After a throttle nothing is sent until it is reported. A permit is used only if the
store gave its position less than a tenth of a second ago. While the store does not answer (`failed`) it paces alone,
at its share of the rate at most, behind the same gate.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from .curve import FLOOR
from .pacer import EPOCH, GROUP, PROBE, STEP, WAITED, Pacer
from .schedule import Schedule
from .shared_asking import Asking
from .shared_rate import learn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SharedPacer"]

STALE: Final = 0.1
"""Seconds after which the position is asked for before a permit is used."""
AHEAD: Final = 0.02
"""Seconds before a permit is due at which its position is asked for, if it is not known."""
ALONE: Final = -EPOCH
"""The stamp of a request that was sent alone: of no epoch."""


class SharedPacer(Asking):
    """One worker's part of a rate that many share; until the store has answered it paces as `own` does.

    `workers` is how many there are; `changed` is called when there may be a command to send.
    """

    def __init__(self, own: Pacer, *, changed: Callable[[], None] = lambda: None) -> None:
        super().__init__(own, changed)
        self._own = Schedule()
        self._throttled_here = 0

    @property
    def shown_rate(self) -> float | None:
        """The rate, as it will be when what was seen is reported; None if that is not known yet."""
        seen, answer, record = self._tally.seen, self._answer, self._record
        if self._alone is not None or not seen:
            return self.rate
        if record.rate is None:
            return None if self._ceiling == inf else self._ceiling
        now, counts = seen[-1].at, answer.counts
        learned, *_ = learn(record, now, now, counts, counts, seen, probe=False, uniform=self.uniform)
        return min(learned.record.rate or inf, self._ceiling)

    # Sending.

    def ready_at(self, now: float) -> float:
        """When one more request may start, if there is one to send; inf until the store has answered."""
        own = now if self._ceiling == inf else self._own.ready_at(now, self._ceiling)
        if self._alone is not None:
            return max(own, self._alone.ready_at(now))
        if self._tally.seen:
            return inf
        rate = self._record.rate
        if rate is None:
            return own
        if self._group is not None and self._group.group:
            return max(own, now, self._group.ready_at(now, rate))
        at = self._through_gate(now)
        return max(own, self._permitted(now, rate) if at is None else at)

    def _through_gate(self, now: float) -> float | None:
        """When something may pass the gate, None if it stands open."""
        gate = self._record.gate
        opens = self._clock.here(gate.opens_at)
        if self._probe is not None:
            return max(now, opens)
        if not (gate.probing or gate.probe_due):
            return None
        if opens > now:
            return opens
        self._waits_for_probe = True
        self._changed()
        return inf

    def _permitted(self, now: float, rate: float) -> float:
        """When the first permit may be used."""
        there = self._clock.earliest(now)
        self._permits.drop_void(there, self._answer)
        self._wanting = self._permits.few
        if self._wanting:
            self._changed()
        due = self._permits.wanted_at(there, self._answer)
        if due is None:
            return inf
        at = self._clock.here(due)
        if self._record.schedule.apart:
            at = max(at, self._own.sent + 1 / rate)
        if at > now:
            if at > self._answered_at + STALE:
                self._ask_at = max(at - AHEAD, self._answered_at + STALE)
                self._changed()
            return at
        self._stale = now > self._answered_at + STALE
        if self._stale:
            self._changed()
        return inf if self._stale else at

    def sent(self, now: float) -> int:
        """A request starts; its answer is reported with the stamp returned."""
        rate = self._record.rate
        self._own.start(now, self._ceiling if self._ceiling < inf else rate or FLOOR)
        if self._alone is not None:
            return -1 - self._alone.sent(now)
        if self._probe is not None:
            stamp, self._probe = self._probe, None
            return stamp
        base = self._tally.generation * STEP
        if rate is not None and self._group is not None and self._group.group:
            return base | (GROUP if self._group.start(now, rate) else 0)
        if rate is None or not self._permits:
            return base
        return base | (WAITED if self._permits.use(self._clock.earliest(now), self._answer) else 0)

    # What came of it.

    def delivered(self, now: float, stamp: int) -> None:
        """The server accepted it, or rejected its content: it was not rate limited."""
        if self._alone is not None:
            self._alone.delivered(now, _own(stamp))
        stamp = self._of_all(stamp)
        if stamp & (PROBE | GROUP):
            self._see("delivered", now, stamp)
            return
        first = self._tally.since == inf
        self._tally.delivered(now, stamp)
        if first:
            self._changed()

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        """Rate limited: 429, or 503 with Retry-After."""
        if self._alone is not None:
            self._alone.throttled(now, _own(stamp), retry_after)
        self._throttled_here += 1
        stamp = self._of_all(stamp)
        news = stamp & (PROBE | GROUP) or stamp // STEP == self._tally.generation
        if news or retry_after is not None:
            self._see("throttled", now, stamp, retry_after)
            return
        self._tally.refused(now)
        self._changed()

    def server_error(self, now: float, stamp: int) -> None:
        """A 5xx: the limit let it pass, and it says nothing else."""
        if self._alone is not None:
            self._alone.server_error(now, _own(stamp))
        if stamp > 0 and stamp & PROBE:
            self._see("lost", now, stamp)
            return
        first = self._tally.since == inf
        self._tally.failed(now)
        if first:
            self._changed()

    def lost(self, now: float, stamp: int) -> None:
        """It proved nothing about the rate."""
        if self._alone is not None:
            self._alone.lost(now, _own(stamp))
        if stamp > 0 and stamp & PROBE:
            self._see("lost", now, stamp)

    def unused(self, now: float, stamp: int) -> None:
        """Nothing was sent after all: the next may go in its place."""
        if stamp < 0 or stamp & PROBE:
            self.lost(now, stamp)
        elif self._alone is None and not stamp & GROUP:
            self._permits.undo()

    def forget(self) -> None:
        """What was throttled was throttled for another reason: begin anew, if no other worker was throttled."""
        if self._alone is not None:
            self._alone.forget()
        elif self._record.meter.throttled <= self._throttled_here:
            self._see("forget", self._answered_at, 0)

    def _of_all(self, stamp: int) -> int:
        """The stamp as all know it: while no limit is known one is as good as another, then what was sent alone is of
        no epoch.
        """
        if stamp <= 0 and self._record.rate is None:
            return self._tally.generation * STEP
        return ALONE if stamp < 0 else stamp


def _own(stamp: int) -> int:
    """The stamp as the worker's own pacer knows it."""
    return stamp if stamp >= 0 else -1 - stamp
