"""What a worker knows of a rate that many share, as it is shown, and the pacer it becomes when it is alone. Pure."""

from __future__ import annotations

from math import inf
from typing import Literal

import msgspec

from .curve import FLOOR
from .pacer import Pacer
from .pacer_record import PacerRecord
from .remote_clock import RemoteClock
from .schedule import Schedule
from .shared_tally import Tally

__all__ = ["Known"]


class Known:
    """The record that all share, by the store's clock; while the store does not answer, the worker's own pacer.

    `workers` is how many share it.
    """

    def __init__(self, own: Pacer) -> None:
        self.workers = 1
        self.uniform, self.ceiling = own.uniform, own.ceiling
        self._ceiling = inf if own.ceiling is None else own.ceiling
        self._alone: Pacer | None = own
        self._record = PacerRecord()
        self._clock = RemoteClock()
        self._tally = Tally()

    def _pacer(self) -> Pacer:
        """A pacer by the local clock that knows the same."""
        if self._alone is not None:
            return self._alone
        pacer = Pacer(uniform=self.uniform)
        pacer.restore(self._record, shift=-self._clock.least)
        return pacer

    @property
    def rate(self) -> float | None:
        """Requests a second of all who share it, but not more than this one's ceiling."""
        if self._alone is not None:
            return self._alone.rate
        rate = self._record.rate
        if rate is None and self._tally.seen:
            rate = FLOOR  # until it is reported, a throttle says only that there is a limit
        if rate is None:
            return None if self._ceiling == inf else self._ceiling
        return min(rate, self._ceiling)

    @property
    def wasted(self) -> float:
        """The share of all answered requests, of all, that were throttled."""
        return self._pacer().wasted

    @property
    def kind(self) -> Literal["none", "rate", "spacing"]:
        """What the limit looks like."""
        return self._pacer().kind

    @property
    def tolerance(self) -> float | None:
        """How many requests the limit lets through at once, None if that is not known."""
        return self._pacer().tolerance

    @property
    def retry_after(self) -> bool:
        """Whether the last throttle said how long to wait."""
        return self._pacer().retry_after

    @property
    def last_throttle(self) -> float | None:
        """When that was."""
        return self._pacer().last_throttle

    @property
    def alone(self) -> bool:
        """Whether the store does not answer."""
        return self._alone is not None

    def limited_for(self, now: float) -> float:
        """Seconds since a limit was met, 0 if none was."""
        return self._pacer().limited_for(now)

    def gate(self, now: float) -> float:
        """Seconds until the gate opens."""
        return self._pacer().gate(now)

    def _apart(self, now: float) -> Pacer:
        """A pacer of its own for this worker's share of the rate at most, behind the same gate."""
        record = self._record
        share = inf if record.rate is None else record.rate / max(1, self.workers)
        ceiling = min(self._ceiling, share)
        gate = msgspec.structs.replace(record.gate)
        if gate.probing:
            gate.probing, gate.probe_due = False, True
        schedule = Schedule(due=self._clock.latest(now), apart=record.schedule.apart)
        pacer = Pacer(ceiling=None if ceiling == inf else ceiling, uniform=self.uniform)
        pacer.restore(msgspec.structs.replace(record, gate=gate, schedule=schedule), shift=-self._clock.least)
        return pacer
