"""The cubic curve on which the rate climbs to its anchor, stays near it, and probes beyond. Pure.

Rules. From the *dip*, a tenth below the anchor w, the rate climbs to w on a cubic that is flat there. It
reaches w after K seconds, then rises ever faster. K makes a cycle long enough for what it wastes. The
clock runs with the deliveries that had to wait for their time; the others take back what was probed.
Where the limit is one of spacing without Retry-After, the rate rises evenly instead, by so little
that a throttle comes after a hundred requests or more; after K seconds it probes there too.
Of processes that share a limit one is throttled by chance, so the lengths of its cycles differ widely; those
of one that is alone hardly do. Where others share it, w is the dip and not what was delivered, and the rate
rises evenly: by chance a small share would stay small where growth is a share of the rate.
"""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

__all__ = ["FLOOR", "Curve"]

FLOOR: Final = 0.5
DIP, LEAST_DIP, PROBING, ADDED = 0.1, 0.03, 7.0, 0.02
"""How far below w it begins, how steep it is beyond, what it gains beside the cubic in K; as shares of w."""
RAISED, EARLY = 1.2, 0.4
"""By how much w has risen with a limit that was raised; the part of K within which a throttle is early."""
FIRST, SHORTEST, LONGEST = 3.0, 10.0, 70.0
PER_REFUSAL, PER_GATE, FREE, FOLLOW = 100, 80.0, 0.3, 0.25
"""K: that of a cycle that begins with a guess, its bounds, requests for each refused one, seconds for each one of a
gate beyond so many, how fast it follows."""
LONGEST_APART, EVEN, LEAST_SENT = 25.0, 15.0, 50
"""K where the limit is one of spacing: at most, that of an even rise, and in requests at least (then of both)."""
RISE, RARE = 0.03, 0.0004
"""How fast an even rise is: requests a second, each second, times the root of w, and at most times w squared."""
OFTEN, MORE, FADING = 0.21, 0.2, 0.06
"""How many cycles, of late, as a share, took less than half the time of the one before where others share the limit; by
how much each such one raises that share, and each other one lowers it."""
SHORT, FEW, FAST = 0.5, 0.2, 15.0
"""A throttle costs little if the gate was shut for at most so many seconds, at most this share was refused, and the
rate is at least so many a second."""
GROWTH, FASTEST, QUIET = 0.024, 0.95, 25.0
"""How fast the rate rises where others share the limit: requests a second, each second, as a share of w, and at most;
the seconds, at least, after which it probes."""


class Curve(msgspec.Struct):
    """The anchor, the rate at which the last throttle came (`peak`), and how far the curve has come."""

    anchor: float = inf
    peak: float = inf
    clock: float = 0.0
    began: float = 0.0
    last_answer: float = 0.0
    k: float = SHORTEST
    dip: float = DIP
    rise: float = 0.0
    length: float = 0.0
    short: float = 0.0

    @property
    def passed(self) -> float:
        """Seconds of this cycle, as its clock runs."""
        return self.clock - self.began

    @property
    def part(self) -> float:
        """The same as a part of K."""
        return self.passed / self.k

    def run(self, now: float, rate: float, *, waited: bool, bounded: bool) -> float:
        """Let the clock run to this answer, or back to the anchor if nothing waits; the rate from now on.

        A clock that is `bounded` stands: the rate can rise no further.
        """
        passed = max(0.0, now - self.last_answer)
        self.last_answer = now
        if waited:
            self.clock += 0.0 if bounded else min(passed, 0.1 + 2 / rate)
        elif self.clock > self.k:
            self.clock = max(self.k, self.clock - passed)
        x = self.clock / self.k - 1
        if self.rise:
            return self.anchor * (1 + PROBING * max(0.0, x) ** 3) + self.rise * self.passed
        steep = PROBING if x > 0 else self.dip
        return self.anchor * (1 + steep * x**3 + ADDED * (x + 1))

    def lowered(self) -> float:
        """The rate after a throttle at `peak`."""
        return (1 - DIP) * self.peak

    def follow(self, refused: int, shut: float) -> None:
        """Let K follow what the last cycle wasted: requests, and seconds behind a gate."""
        wanted = max(PER_REFUSAL * refused / self.anchor, PER_GATE * (shut - FREE))
        self.k = max(SHORTEST, self.k + FOLLOW * (min(LONGEST, max(SHORTEST, wanted)) - self.k))

    @property
    def early(self) -> bool:
        """Whether a throttle now would be early."""
        return self.passed < EARLY * self.k

    def compare(self, refused: int, taken: int, shut: float) -> bool:
        """Compare a cycle that ends, with so many `refused` and `taken`, with the one before.

        True if it seems that others share the limit, and the throttle cost little.
        """
        length = self.passed + shut
        cheap = self.peak >= FAST and shut <= SHORT and refused <= FEW * (taken + refused)
        self.short += MORE * (1 - self.short) if cheap and length < self.length / 2 else -FADING * self.short
        self.length = length if self.part < 1 else 0.0  # a probe beyond w leaves a burst used up: the next is short
        return cheap and self.short > OFTEN

    def restart_shared(self) -> None:
        """Begin a cycle at the dip, and rise evenly: others share the limit."""
        self.anchor = (1 - DIP) * self.peak
        self.rise = min(GROWTH * self.anchor, FASTEST)
        self.clock = self.began = min(0.0, self.k - QUIET)

    def guess(self) -> None:
        """The anchor to come is hardly more than a guess: soon look beyond it."""
        self.k = FIRST

    def restart(self, anchor: float, shut: float, *, enough: bool, before: float) -> None:
        """Begin a cycle towards `anchor`, at a dip that is less where the gate has held back already."""
        # Over K seconds the cubic holds back a quarter of its dip.
        self.dip = DIP if self.early or not enough else max(LEAST_DIP, DIP - 4 * shut / self.k)
        self.anchor, self.rise = anchor, 0.0
        self.clock = self.began = self.k if enough and anchor > RAISED * before else 0.0

    def restart_near(self, anchor: float, *, even: bool, settled: bool) -> None:
        """Begin a cycle at a rate that hardly differs from `anchor`, and rise evenly if `even`.

        An anchor that is not `settled` is hardly more than a guess: soon look beyond it.
        """
        self.anchor, self.dip = anchor, LEAST_DIP
        self.rise = min(RISE * anchor**0.5, RARE * anchor**2) if even else 0.0
        if even or not settled:
            self.k = max(EVEN if settled else SHORTEST, LEAST_SENT / anchor)
        self.k = min(self.k, LONGEST_APART)
        self.clock = self.began = 0.0

    def shift(self, by: float) -> None:
        """Count the time from another beginning."""
        self.last_answer += by
