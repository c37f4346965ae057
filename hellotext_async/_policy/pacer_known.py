"""What a pacer knows: parts that can be read, taken out as one record, and replaced by one. Pure."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, Literal

from .curve import FLOOR
from .pacer_record import VERSION, PacerRecord

if TYPE_CHECKING:
    from .backoff import Uniform

__all__ = ["PacerKnown"]

UNKNOWN: Final = PacerRecord()


class PacerKnown:
    """`rate` is in requests a second, None as long as nothing is known and nothing asked for."""

    rate: float | None
    last_throttle: float | None
    _limited_since: float | None
    _epoch: int
    _learned: bool
    _lowered: bool
    retry_after: bool

    def __init__(self, *, ceiling: float | None = None, uniform: Uniform) -> None:
        self.uniform = uniform
        self.ceiling = ceiling
        self._ceiling = inf if ceiling is None else ceiling
        self._adopt(UNKNOWN.shifted(0.0))
        self.rate = ceiling

    def export(self, *, shift: float = 0.0) -> PacerRecord:
        """What is known at this moment, by a clock that shows `shift` seconds more than the pacer's."""
        record = PacerRecord(
            VERSION, self.rate, self._epoch, self._learned, self._lowered, self.retry_after, self.last_throttle,
            self._limited_since, self._gate, self._curve, self._meter, self._schedule, self._slow_start,
            self._suspicion, self._distance, self._tolerance,
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
        self._distance, self._tolerance = record.distance, record.tolerance

    @property
    def shown_rate(self) -> float | None:
        """The rate, as it is shown."""
        return self.rate

    @property
    def wasted(self) -> float:
        """The share of all answered requests that were throttled."""
        return self._meter.wasted

    @property
    def kind(self) -> Literal["none", "rate", "spacing"]:
        """What the limit looks like."""
        if self._limited_since is None:
            return "none"
        return "spacing" if self._spacing else "rate"

    @property
    def tolerance(self) -> float | None:
        """How many requests the limit lets through at once, None if that is not known."""
        found = self._tolerance.estimate(self._curve.anchor)
        return None if found == inf else found

    @property
    def _spacing(self) -> bool:
        return self._tolerance.spacing(self._curve.anchor)

    def limited_for(self, now: float) -> float:
        """Seconds since a limit was met, 0 if none was."""
        return 0.0 if self._limited_since is None else now - self._limited_since

    def gate(self, now: float) -> float:
        """Seconds until the gate opens."""
        return max(0.0, self._gate.opens_at - now)

    def begin_anew(self) -> None:
        """Know nothing but the number of deliveries; what is under way belongs to an older epoch."""
        epoch, delivered = self._epoch + 1, self._meter.delivered
        self._adopt(UNKNOWN.shifted(0.0))
        self.rate = None if self._ceiling == inf else self._ceiling
        self._epoch, self._meter.delivered = epoch, delivered

    def _bounded(self, rate: float) -> float:
        return min(self._ceiling, max(FLOOR, rate))
