"""What was delivered and refused, and the limit that this measures. Pure."""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

__all__ = ["LITTLE", "Meter"]

ENOUGH, MARGIN = 20, 2
"""Deliveries that make a measure; what a smaller one may have missed."""
LITTLE: Final = 5
"""Fewer deliveries before the first throttle say nothing at all."""
TENTHS, WINDOW = 30, 0.3
"""Tenths of a second that are remembered; the least window in which a rate is looked for."""


class Meter(msgspec.Struct):
    """Deliveries and throttles: all of them, and those of the span that is measured.

    `peak` is the highest rate that the last seconds before a throttle show. It remembers these seconds, by
    what had been delivered when each tenth of one began.
    """

    delivered: int = 0
    throttled: int = 0
    refused: int = 0
    measured_from: int = 0
    span: float = 0.0
    shut: float = 0.0
    peak: float = 0.0
    tenths: list[tuple[float, int]] = []
    tenth_ends: float = -inf

    @property
    def taken(self) -> int:
        """Deliveries in the span that is measured."""
        return self.delivered - self.measured_from

    @property
    def wasted(self) -> float:
        """The share of all answered requests that were throttled."""
        return self.throttled / (self.delivered + self.throttled) if self.throttled else 0.0

    @property
    def enough(self) -> bool:
        """Whether the span says what the limit is."""
        return self.taken >= ENOUGH and self.span >= 1

    def note_tenth(self, now: float) -> None:
        """Remember a delivery that was just counted, if a tenth of a second begins with it."""
        if now >= self.tenth_ends:
            self.tenths = [*self.tenths[1 - TENTHS :], (now, self.delivered - 1)]
            self.tenth_ends = now + 0.1

    def since_first(self, now: float) -> float:
        """Seconds since the first delivery of the last second."""
        return now - next((began for began, _ in self.tenths if began > now - 1), now)

    def measure_last_second(self, now: float) -> float:
        """Let the span be the last second: how long it was, at least two tenths."""
        recent = [before for began, before in self.tenths if began > now - 1]
        self.measured_from = recent[0] if recent else self.delivered
        return max(2, len(recent)) / 10

    def lately(self, now: float, tolerance: float) -> float:
        """The highest rate that a window which ends now shows, when so many may go at once."""
        spans = ((now - began, self.delivered - before - tolerance) for began, before in self.tenths)
        return max((count / span for span, count in spans if span >= WINDOW), default=0.0)

    def limit(self, peak: float, tolerance: float, lately: float) -> float:
        """The limit, by what was delivered in the span; never above `peak`, which was throttled.

        What a closed gate saved up is at most the `tolerance`. It is not less than was delivered `lately`.
        """
        enough = self.enough
        span = max(0.001, self.span)
        if not enough:
            return min(peak, max(peak / 2, lately, (self.taken + MARGIN) / span))
        limit = self.taken / span
        if 2 * tolerance < limit * self.shut:
            limit = (self.taken - tolerance) / max(0.001, self.span - self.shut)
        self.begin()
        # The mean of a cycle lies a little under its peak, and a window's limit nearer to the peak.
        return min(peak, max(lately, 1.02 * limit + 0.4 * max(0.0, peak - limit) * (limit / peak) ** 2))

    def begin(self) -> None:
        """Measure from here."""
        self.measured_from, self.span, self.shut = self.delivered, 0.0, 0.0

    def shift(self, by: float) -> None:
        """Count the time from another beginning."""
        self.tenths = [(began + by, before) for began, before in self.tenths]
        self.tenth_ends += by
