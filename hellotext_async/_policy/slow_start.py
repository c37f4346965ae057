"""The rate after a throttle that came before enough was delivered to know anything by. Pure.

Rules. The rate begins low and grows by half with every delivery, until the next throttle tells, or
until it is so high that there is no limit.
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["SlowStart"]

STARTS, GROWTH = 3, 1.5
"""How often in a row it may begin, and the growth by a delivery."""
NO_LIMIT: Final = 5000.0
"""Requests a second that no limit would allow."""


class SlowStart(msgspec.Struct):
    """Whether the rate grows so, and how often that began."""

    active: bool = False
    starts: int = 0

    def begin(self) -> bool:
        """Begin it, unless that was done too often."""
        self.active = self.starts < STARTS
        self.starts += self.active
        return self.active

    def grow(self, rate: float) -> float | None:
        """The rate after one more delivery, None if there is no limit."""
        if rate * GROWTH < NO_LIMIT:
            return rate * GROWTH
        self.active, self.starts = False, 0
        return None
