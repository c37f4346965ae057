"""The record of the rate that simulated workers share: what ``rate.lua`` does, in virtual time.

`tests/redis/test_rate.py` runs the same commands through both and compares the answers.
"""

from __future__ import annotations

from math import ceil

from hellotext_async._policy.shared_rate import Answer, Command, Counts, encode

__all__ = ["Place"]


class Place:
    """The rate of one fleet; `now` is its own clock, in seconds."""

    def __init__(self) -> None:
        self.version = 0
        self.record: bytes | None = None
        self.learned_at = self.since = self.position = self.slack = 0.0
        self.speed = -1.0
        self.generation = self.issued = 0
        self.counts = self.folded = Counts()
        self.commands = self.taken = 0

    def run(self, now: float, command: Command) -> Answer:
        """Execute a command."""
        self.commands += 1
        self.since = min(self.since, now)
        position = self.position + (now - self.since) * max(0.0, self.speed)
        counts = command.counts
        if command.generation != self.generation:
            counts = Counts(0, 0, counts.other + counts.waited + counts.idle, counts.refused)
        self.counts = Counts(*(one + more for one, more in zip(self.counts, counts, strict=True)))
        learned, taken = command.learned, False
        if learned is not None and command.version == self.version:
            taken = True
            self.taken += 1
            self.version = max(self.version + 1, round(now * 1e6))
            self.learned_at = self.since = now
            self.record, self.speed, self.slack = encode(learned.record), learned.speed, learned.slack
            self.generation, self.folded = learned.generation, learned.folded
            position = self.position = position - learned.back
        first = granted = 0
        if command.wanted and self.speed > 0:
            first, granted = max(self.issued, ceil(position - self.slack)), command.wanted
            self.issued = first + granted
        record = None if taken or command.version == self.version else self.record
        return Answer(
            now, self.version, record, self.learned_at, self.speed, position, first, granted, taken, self.counts, self.folded
        )  # fmt: skip
