"""Judges an outage: five failures in a row open it, then one probe at a time, then closed again.

Rules. Failures are evidence of an absent or failing server (not sent, 5xx, uncertain); a server
that answers anything else is there, and closes it. While it is open one probe may go at a time,
at intervals that double from 1 to 30 s with jitter in their upper half. It never touches the rate.
"""

from __future__ import annotations

from math import inf
from typing import Final

from .backoff import Uniform
from .evidence import Evidence

__all__ = ["Breaker"]

THRESHOLD: Final = 5
FIRST, LONGEST = 1.0, 30.0
_FAILURES: Final[frozenset[Evidence]] = frozenset({"not_sent", "server_error", "uncertain"})


class Breaker:
    """Whether requests have failed so often that no more are sent (`open`), and when the next probe is due."""

    def __init__(self, uniform: Uniform) -> None:
        self._uniform = uniform
        self.open = False
        self.failures = 0
        self._probes = 0
        self._due = -inf
        self._probing = False

    def ready_at(self) -> float:
        """When the next request that respects the breaker may start; inf while a probe is out."""
        return inf if self._probing else self._due

    def start_probe(self) -> bool:
        """A request that waited for `ready_at` starts; True if it is the probe."""
        self._probing = self.open
        return self.open

    def record(self, evidence: Evidence, now: float, *, probe: bool) -> None:
        """What a request ended in; `probe` if `start_probe` said so of it."""
        if evidence not in _FAILURES:
            self._close()
            return
        self.failures += 1
        if probe:
            self._probing = False
        if probe or (not self.open and self.failures >= THRESHOLD):
            self._delay_probe(now)

    def cancel_probe(self, *, probe: bool) -> None:
        """A request was given up before it could prove anything."""
        if probe:
            self._probing = False

    def _close(self) -> None:
        self.failures = self._probes = 0
        self.open = self._probing = False
        self._due = -inf

    def _delay_probe(self, now: float) -> None:
        pause = min(LONGEST, FIRST * 2.0 ** min(self._probes, 10))
        self._probes += 1
        self.open = True
        self._due = now + self._uniform(pause / 2, pause)
