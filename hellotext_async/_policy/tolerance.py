"""How many requests the limit lets through at once, and the test that finds out. Pure.

Rules. When the first throttle comes at once, what was delivered before it is the *tolerance*, but for what
the rate allows in that time. One of less than two makes it a limit of *spacing*: it refuses what
comes too soon after the one before. A small one is put to the test: when the gate has reopened, a
*group* of twice as many goes together. If all are delivered, that is the tolerance, and the next
throttle brings the next test. If not, the next test comes after more throttles each time. A limit
of which nothing is known is tested with two when throttles come as a limit of spacing makes them.
"""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

__all__ = ["Tolerance"]

PAIR: Final = 2
"""The least that may go together where a limit is one of numbers."""
LARGE, SECONDS = 16, 0.25
"""A tolerance that needs no test, and no exact number; the same in seconds of the rate."""
AT_ONCE: Final = 0.5
"""Seconds from the first delivery to the first throttle in which nothing but the tolerance is delivered."""
SURE, SETTLED = 3, 4
"""How many times a group must have been saved up for its test to mean anything, and after how many throttles."""
PATIENCE: Final = 4
"""Throttles until the next test after one that failed; twice as many after the next."""


class Tolerance(msgspec.Struct):
    """What the first throttle showed, and the results of the tests."""

    taken: float = inf
    elapsed: float = inf
    throttles: int = 0
    test_at: int = 1
    patience: int = PATIENCE
    group: int = 0
    passed: int = 0
    failed: bool = False
    tested: bool = False

    @property
    def at_once(self) -> bool:
        """Whether the first throttle came at once, so that it says little of the rate."""
        return self.elapsed < AT_ONCE

    @property
    def small(self) -> bool:
        """Whether so few were delivered before it that it says nothing of the rate."""
        return self.at_once and self.taken < LARGE

    def first_throttle(self, taken: int) -> None:
        """So many were delivered before the first throttle, and in the `elapsed` seconds."""
        self.taken = max(1, taken) if self.at_once and taken < LARGE else inf

    def estimate(self, rate: float) -> float:
        """How many may go at once, at this `rate` of the limit; inf if that is not known."""
        return self.taken if self.taken == inf else max(1.0, self.taken - rate * self.elapsed)

    def spacing(self, rate: float) -> bool:
        """Whether no two may."""
        return self.estimate(rate) < PAIR

    def test(self, rate: float, saved: float, *, suspected: bool) -> int:
        """How many are to go together after this throttle: none, or a group.

        At this `rate` of the limit so many would be `saved` by now.
        """
        self.throttles += 1
        self.passed, self.group, self.failed = 0, 0, False
        known = self.estimate(rate)
        if known >= LARGE:
            self.group = PAIR if suspected else 0
        elif self.throttles >= self.test_at:
            if known < PAIR or not self.tested:
                self.group = PAIR
            elif known < SECONDS * rate:
                self.group = 2 * int(known)
        if known >= PAIR and (saved < SURE * self.group or self.throttles < SETTLED):
            self.group = 0
        return self.group

    def delivered(self) -> bool:
        """One of the group was delivered; whether all are."""
        self.passed += 1
        if self.failed:
            self.taken = self.passed
        if self.passed != self.group:
            return False
        if self.taken < inf:
            self.taken = max(self.taken, self.group) if self.group < LARGE else inf
        self.elapsed, self.test_at, self.tested = 0.0, self.throttles + 1, True
        return True

    def refused(self) -> None:
        """One of the group was refused: as many as are delivered may go at once."""
        self.taken, self.elapsed = max(1, self.passed), 0.0
        self.failed = self.tested = True
        self.test_at, self.patience = self.throttles + self.patience, 2 * self.patience
