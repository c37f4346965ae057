"""Whether a limit looks like one of spacing: without burst, it refuses what comes too soon after the one before. Pure.

Rules. A limit of numbers refuses when its tokens are used up, some way into a cycle. One of spacing
refuses by chance, as the jitter of timers and networks has it: also soon after the gate reopened,
at a rate that was right before. A few of those within a short row of throttles are the sign.
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["Distance", "Suspicion"]

SOON: Final = 0.2
"""The part of a cycle within which a throttle is soon."""
SETTLED: Final = 0.2
"""By how much, as a share, the limit's guess may move between two throttles of a settled rate."""
SIGNS, FADING, LEAST, FIRST = 1.55, 0.92, 20, 4
"""How many signs are enough, what is left of them after another throttle, the deliveries and the throttles before
which nothing is certain."""


STEP, MOST = 0.02, 0.5
"""The share by which the rate is lowered for a throttle, at first and at most."""
GAIN, FEW, SELDOM, WORTH = 0.01, 6, 25, 30
"""The share by which it is raised after one that cost little; fewer deliveries since the one before than chance would
leave; the deliveries, and the seconds for each one behind the gate, after which one costs little."""


class Distance(msgspec.Struct):
    """How much further apart requests go after a throttle."""

    step: float = STEP

    @property
    def settled(self) -> bool:
        """Whether the last throttle came after more deliveries than chance would leave."""
        return self.step <= STEP

    def widen(self, peak: float, anchor: float, delivered: int, *, passed: float, shut: float) -> float:
        """The anchor after a throttle at the rate `peak`, `passed` seconds into a cycle with so many `delivered`.

        It cost the `shut` seconds behind the gate: what comes seldom costs little. One that closed no gate is
        always answered by a lower rate, for the curve rises anyway.
        """
        self.step = min(MOST, 2 * self.step) if delivered < FEW else STEP
        if not shut or delivered < SELDOM or passed < WORTH * shut:
            return peak * (1 - self.step)
        return max(peak, anchor) * (1 + GAIN)


class Suspicion(msgspec.Struct):
    """Counts throttles that a limit of numbers would hardly make."""

    anchor: float = 0.0
    signs: float = 0.0
    seen: int = 0

    @property
    def spacing(self) -> bool:
        """Whether it looks like a limit of spacing."""
        return self.signs >= SIGNS

    def throttled(self, part: float, anchor: float, delivered: int) -> None:
        """A throttle after `part` of a cycle, with so many `delivered`, towards the rate `anchor`."""
        if delivered < LEAST:
            return
        settled = abs(anchor - self.anchor) < SETTLED * anchor and self.seen >= FIRST
        self.anchor = anchor
        self.seen += 1
        self.signs = self.signs + 1 if settled and part < SOON else FADING * self.signs

    def clear(self) -> None:
        """Two went together: it is none."""
        self.signs = 0.0
