"""A clock that is read from afar: each reading was made at some moment between a question and its answer. Pure."""

from __future__ import annotations

from math import inf
from typing import Final

__all__ = ["FarClock"]

DRIFT: Final = 10.0
"""Seconds after which what is known of it is learned anew."""


class FarClock:
    """By how much it is ahead of the clock here: at least `least` seconds, at most `most`."""

    def __init__(self) -> None:
        self.least = self.most = 0.0
        self._since = -inf
        self._last = -inf

    def hear(self, asked: float, answered: float, there: float) -> None:
        """It showed `there` at a moment between these two of here."""
        least, most = there - answered, there - asked
        if answered - self._since > DRIFT or there < self._last:  # clocks drift, and are set
            self.least, self.most, self._since = least, most, answered
        self.least, self.most = max(self.least, least), min(self.most, most)
        self._last = there

    def earliest(self, here: float) -> float:
        """What it shows at a moment of here, at least."""
        return here + self.least

    def latest(self, here: float) -> float:
        """The same, at most."""
        return here + self.most

    def here(self, there: float) -> float:
        """When it shows that, by the clock of here: never too soon."""
        return there - self.least
