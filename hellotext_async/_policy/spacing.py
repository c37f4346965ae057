"""Whether a limit looks like one of spacing: without burst, it refuses what comes too soon after the one before. Pure.

Rules. A limit of numbers refuses when its tokens are used up, some way into a cycle. One of spacing
refuses by chance, as the jitter of timers and networks has it: also soon after the gate reopened,
at a rate that was right before. A few of those within a short row of throttles are the sign.
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["Suspicion"]

SOON: Final = 0.2
"""The part of a cycle within which a throttle is soon."""
SETTLED: Final = 0.2
"""By how much, as a share, the limit's guess may move between two throttles of a settled rate."""
SIGNS, FADING, LEAST, FIRST = 1.55, 0.92, 20, 4
"""How many signs are enough, what is left of them after another throttle, the deliveries and the throttles before
which nothing can be told."""


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
