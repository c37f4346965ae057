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
TOGETHER: Final = 0.2
"""The part of 1/rate within which a group is sent together."""


class Schedule(msgspec.Struct):
    """When one more is due, and whether the last one had to wait for it.

    A limit of spacing allows no catching up: then `apart` is set, and the next is due 1/rate after the last
    was sent. `group` is how many are still to go together, `began` when the first of them went. `spare` is
    how many may go in the place of others that did not count.
    """

    due: float = -inf
    waited: bool = False
    apart: bool = False
    group: int = 0
    began: float = inf
    sent: float = -inf
    spare: int = 0

    def ready_at(self, now: float, rate: float) -> float:
        """When the next may start."""
        if self.spare and not self.group:
            return now
        at = self.due
        if self.group and self.began < inf:
            at = self.began
        elif self.apart:
            at = max(at, self.sent + 1 / rate)
        if at > now:
            self.waited = True
        return at

    def start(self, now: float, rate: float) -> bool:
        """A request starts; whether it is one of a group that goes together."""
        if self.spare and not self.group:
            self.spare -= 1
            self.sent = now
            return False
        if now > (max(self.due, self.sent + 1 / rate) if self.apart else self.due) + CATCH_UP:
            self.waited = False
        due = max(self.due, now - (TICKS if self.waited and rate <= FAST else CATCH_UP))
        self.sent = now
        self.due = now if self.apart and not self.group else due + 1 / rate
        if not self.group:
            return False
        self.began = min(self.began, now)
        together = now - self.began <= TOGETHER / rate
        self.group = self.group - 1 if together else 0
        return together

    def undo(self) -> None:
        """The last one was not sent after all: another may go in its place."""
        self.spare += not self.apart

    def reopen(self, now: float, rate: float, *, apart: bool, group: int) -> None:
        """The probe is through. Nothing is owed for the time that the gate was closed; the next `group` go together."""
        self.apart, self.group, self.began, self.spare = apart, group, inf, 0
        self.due = max(now, self.sent + 1 / rate if group else min(self.due, self.sent + 1 / rate))

    def shift(self, by: float) -> None:
        """Count the time from another beginning."""
        self.due += by
        self.sent += by
        self.began += by
