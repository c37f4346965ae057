"""The gate that a throttle closes, and the one probe that goes when it opens. Pure."""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

from .backoff import Uniform

__all__ = ["Gate"]

LONGEST_WAIT: Final = 3600.0
SHORT_PAUSE, PAUSE, REQUESTS = 0.045, 0.2, 5
"""Seconds that a gate is closed, at most, without Retry-After: the first where the limit is one of spacing, else the
time of so many requests, between the two; longer at a low rate and after failed probes."""


class Gate(msgspec.Struct):
    """Until when nothing may be sent, and whether a probe is due or under way.

    `shut` is how many seconds nothing could be sent since the rate was last set anew.
    """

    opens_at: float = -inf
    probe_due: bool = False
    probing: bool = False
    probed_at: float = 0.0
    failed_probes: int = 0
    shut: float = 0.0

    def close(
        self, now: float, rate: float, anchor: float, retry_after: float | None, uniform: Uniform, *, spacing: bool
    ) -> None:
        """Close it for the Retry-After, or for a short time that doubles with each failed probe.

        `spacing` says that the limit is one of spacing.
        """
        longest = min(30.0, max(1.0, 50 / anchor))
        first = max(SHORT_PAUSE, 1 / rate, 0.0 if spacing else min(PAUSE, REQUESTS / rate))
        pause = uniform(0.5, 1.0) * min(longest, first * 2.0 ** min(self.failed_probes, 20))
        if retry_after is not None:
            asked = min(LONGEST_WAIT, max(0.0, retry_after)) * uniform(1.0, 1.05)
            pause = max(asked, pause) if self.failed_probes else asked
        opens_at = max(self.opens_at, now + pause)
        self.shut += opens_at - max(self.opens_at, now)
        self.opens_at = opens_at
        self.probe_due = True

    @property
    def open(self) -> bool:
        """Whether it was not closed since the last probe."""
        return not (self.probe_due or self.probing)

    def begin_probe(self, now: float) -> None:
        """The request that goes first starts."""
        self.probe_due, self.probing, self.probed_at = False, True, now

    def end_probe(self, now: float) -> None:
        """It was answered, or lost; nothing if none is known to be under way any more."""
        if self.probing:
            self.probing = False
            self.shut += max(0.0, now - self.probed_at)

    def take_shut(self) -> float:
        """How long nothing could be sent, counted from now on anew."""
        shut, self.shut = self.shut, 0.0
        return shut

    def shift(self, by: float) -> None:
        """Count the time from another beginning."""
        self.opens_at += by
        self.probed_at += by
