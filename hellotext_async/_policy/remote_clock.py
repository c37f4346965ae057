"""The clock of another machine: each reading was taken at some moment between a request and its reply. Pure."""

from __future__ import annotations

from math import inf
from typing import Final

__all__ = ["RemoteClock"]

DRIFT: Final = 10.0
"""Seconds after which the bounds are learned anew."""


class RemoteClock:
    """By how many seconds it is ahead of the local clock: at least `least`, at most `most`."""

    def __init__(self) -> None:
        self.least = self.most = 0.0
        self._since = -inf
        self._last = -inf

    def add_reading(self, asked: float, answered: float, there: float) -> None:
        """It showed `there` at a moment between `asked` and `answered` of the local clock."""
        least, most = there - answered, there - asked
        if answered - self._since > DRIFT or there < self._last:  # clocks drift, and are set
            self.least, self.most, self._since = least, most, answered
        self.least, self.most = max(self.least, least), min(self.most, most)
        self._last = there

    def earliest(self, here: float) -> float:
        """What it shows at least at a local time."""
        return here + self.least

    def latest(self, here: float) -> float:
        """What it shows at most."""
        return here + self.most

    def here(self, there: float) -> float:
        """The latest local time at which it shows `there`."""
        return there - self.least
