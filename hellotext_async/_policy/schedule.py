"""When the next paced request is due, and what a late one may catch up. Pure."""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

__all__ = ["Schedule"]

CATCH_UP: Final = 0.01
FAST: Final = 400.0
TICKS: Final = 0.002
"""Seconds that a late request may catch up: `CATCH_UP` above the rate `FAST`, which timers of 1 ms cannot keep, else
the ticks of a timer, for a limit without burst refuses what comes too close to the one before."""


class Schedule(msgspec.Struct):
    """When one more is due, and whether somebody had to wait for it."""

    due: float = -inf
    waited: bool = False

    def start(self, now: float, rate: float) -> None:
        """A request starts: the next is due 1/rate after this one was, or should have been."""
        if now > self.due + CATCH_UP:
            self.waited = False
        self.due = max(self.due, now - (TICKS if self.waited and rate <= FAST else CATCH_UP)) + 1 / rate

    def reopen(self, now: float) -> None:
        """Nothing is owed for the time that the gate was closed."""
        self.due = max(self.due, now)

    def shift(self, by: float) -> None:
        """Count the time from another beginning."""
        self.due += by
