"""The times by which a spool forgets ids: the wall clock's, but a jump of it makes none forgotten too early. Pure.

Rules. What wall and steady clock say of the time between two moments should agree. Where they do not, an id ends at
the later of the two and is old at the earlier. Once that has been so for a window the wall clock is believed: what
ended before is older than the window by then, and what ends from then on is to be comparable after a restart.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["IdClock", "IdTimes"]

SLACK: Final = 60.0
"""Seconds by which the clocks may disagree: a wall clock is corrected all the time."""


class IdTimes(NamedTuple):
    """Unix seconds: what an id that ends now is noted with, and by which its age is judged."""

    ended: float
    now: float


class IdClock:
    """Reads a wall clock beside one that does not jump."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._ahead: float | None = None
        self._apart_since: float | None = None

    def at(self, wall: float, steady: float) -> IdTimes:
        """The times when the wall clock says `wall`, and the other, whose beginning does not matter, `steady`."""
        ahead = wall - steady
        if self._ahead is None or abs(ahead - self._ahead) <= SLACK:
            self._ahead, self._apart_since = ahead, None
        elif self._apart_since is None:
            self._apart_since = steady
        elif steady - self._apart_since > self._window:
            self._ahead, self._apart_since = ahead, None
        expected = steady + self._ahead
        return IdTimes(max(wall, expected), min(wall, expected))
