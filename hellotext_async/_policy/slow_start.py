"""The rate after a throttle that came before enough was delivered to know anything by. Pure.

Rules. The rate begins low and grows by half as soon as a request of the last growth is delivered, until
the next throttle, or until it is so high that there is no limit. Where the limit is one of
spacing, the rate goes back to the last that was delivered and grows again, in smaller and smaller
steps.
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["STEPS", "SlowStart"]

GROWTH: Final = (1.5, 1.15, 1.05)
"""The growth in one step, the first, the second and the third time."""
NO_LIMIT: Final = 5000.0
"""Requests a second that no limit would allow."""
STEPS: Final = 16
"""Steps are counted by so many."""


class SlowStart(msgspec.Struct):
    """Whether the rate grows so, how often that began, and the number of the last step."""

    active: bool = False
    starts: int = 0
    step: int = 0

    @property
    def growth(self) -> float:
        """The growth in one step."""
        return GROWTH[max(0, self.starts - 1)]

    def begin(self) -> bool:
        """Begin it, unless that was done too often."""
        self.active = self.starts < len(GROWTH)
        self.starts += self.active
        return self.active

    def grow(self, rate: float) -> float | None:
        """The rate after one more step, None if there is no limit."""
        self.step = (self.step + 1) % STEPS
        if rate * self.growth < NO_LIMIT:
            return rate * self.growth
        self.active, self.starts = False, 0
        return None

    def refused(self, rate: float, step: int) -> float:
        """The rate at which a request was refused that was sent in `step`, when the rate is now this."""
        return rate / self.growth ** ((self.step - step) % STEPS)
