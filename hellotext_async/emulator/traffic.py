"""Answers per second over the last minutes, pure: time is passed in."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

__all__ = ["Second", "Traffic"]

KEPT = 120
"""Seconds that are kept."""


@dataclass(slots=True)
class Second:
    """How many requests were answered in one second: with 2xx, with 429, with anything else."""

    at: int
    accepted: int = 0
    throttled: int = 0
    failed: int = 0


class Traffic:
    """The last seconds in which anything was answered; `at` counts them in whole `time.monotonic` seconds."""

    def __init__(self) -> None:
        self._seconds: deque[Second] = deque(maxlen=KEPT)

    def count(self, status: int, now: float) -> None:
        """An answer was given."""
        at = math.floor(now)
        if not self._seconds or self._seconds[-1].at != at:
            self._seconds.append(Second(at))
        second = self._seconds[-1]
        if 200 <= status < 300:
            second.accepted += 1
        elif status == 429:
            second.throttled += 1
        else:
            second.failed += 1

    def since(self, at: int) -> list[Second]:
        """The seconds from `at` on in which anything was answered."""
        return [second for second in list(self._seconds) if second.at >= at]
