"""What a worker has to report of its answered requests: counts, and what changes the rate at once. Pure."""

from __future__ import annotations

from math import inf

from .pacer import STEP, WAITED
from .shared_rate import Counts, Seen

__all__ = ["Tally"]


class Tally:
    """Answers that are not reported yet: `seen` one by one, the others counted `since` a moment.

    Counts belong to a `generation` of the record: those of another are a count of their own.
    """

    def __init__(self) -> None:
        self.generation = 0
        self.seen: list[Seen] = []
        self.since: float = inf
        self.in_command = 0
        """How many of those seen are in a record whose command is not answered yet."""
        self._waited = self._idle = self._other = self._refused = 0

    def delivered(self, now: float, stamp: int) -> None:
        """Count a delivery."""
        self.since = min(self.since, now)
        if stamp // STEP != self.generation:
            self._other += 1
        elif stamp & WAITED:
            self._waited += 1
        else:
            self._idle += 1

    def failed(self, now: float) -> None:
        """Count a 5xx, which the limit let pass."""
        self.since = min(self.since, now)
        self._other += 1

    def refused(self, now: float) -> None:
        """Count a throttle that says nothing new."""
        self.since = min(self.since, now)
        self._refused += 1

    def take(self) -> Counts:
        """The counts, which are reported now."""
        counts = Counts(self._waited, self._idle, self._other, self._refused)
        self._waited = self._idle = self._other = self._refused = 0
        self.since = inf
        return counts

    def acknowledge(self) -> None:
        """What was in the command is in the shared record."""
        del self.seen[: self.in_command]
        self.in_command = 0

    def set_generation(self, generation: int) -> bool:
        """The record is of this generation now; whether it was of another before."""
        if generation == self.generation:
            return False
        self.generation = generation
        self._other += self._waited + self._idle
        self._waited = self._idle = 0
        return True
