"""The method: small slices of A between two slices of B, CPU time per unit, medians and quartiles of the ratios.

The speed of a machine changes within seconds, so that only a ratio of neighbours is meaningful. The
change favours one contender or the other for ten seconds: the pairs of a race
are spread over several heats, between which the others run.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict
from types import TracebackType
from typing import Final, NamedTuple, Self

from .contender import Entry, Place, Slice
from .line_process import LineProcess

__all__ = ["PAIRS", "Pair", "Ratio", "Worker", "heat", "ratio", "summed"]

PAIRS: Final = 15
SLICE: Final = 0.08
"""CPU seconds that a slice should take."""

STEADY: Final = 1.2
"""A pair counts if the other's two slices differ by less than this."""

PATIENCE: Final = 3
"""How many times as many pairs are tried; if too few were steady, all count."""


class Ratio(NamedTuple):
    """How many times as many units per CPU second as the other: median and quartiles of so many pairs.

    `each` are the CPU microseconds of one unit here, `per_second` its units per second by the
    clock, `wall` the ratio by the clock; they are as good as the machine was quiet.
    """

    median: float
    low: float
    high: float
    pairs: int
    each: float = 0.0
    per_second: float = 0.0
    wall: float = 0.0

    def inverse(self) -> Ratio:
        """How many times as much one unit costs as one of the other."""
        return self._replace(median=1 / self.median, low=1 / self.high, high=1 / self.low)


def ratio(values: list[float]) -> Ratio:
    """The middle of the values and their spread."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Ratio(median, low, high, len(values))


class Pair(NamedTuple):
    """A slice between two of the other."""

    before: Slice
    own: Slice
    after: Slice

    @property
    def steady(self) -> bool:
        """Whether the other contender's figures show that the machine kept its speed."""
        return 1 / STEADY < self.before.each / self.after.each < STEADY

    @property
    def cpu(self) -> float:
        """The ratio by CPU time."""
        return (self.before.each + self.after.each) / 2 / self.own.each

    @property
    def wall(self) -> float:
        """The ratio by the clock."""
        return (self.before.lasted + self.after.lasted) / 2 / self.own.lasted


class Worker:
    """The handle of a contender's process."""

    def __init__(self, entry: Entry, place: Place) -> None:
        self._process = LineProcess("worker", json.dumps(asdict(entry)), json.dumps(place))
        self._most = entry.most
        self.units = 0
        self.sent = 0

    def slice(self) -> Slice:
        """Run one slice."""
        return self._run(self.units)

    def warm(self) -> None:
        """Run a part of a slice that does not count: connections may have been lost while it rested."""
        if not self.units:
            self._calibrate()
        self._run(-(-self.units // 4))

    def _calibrate(self) -> None:
        units = min(64, self._most)
        for _ in range(4):
            units = max(1, min(self._most, 8 * units, int(SLICE / self._run(units).each)))
        self.units = units

    def _run(self, units: int) -> Slice:
        answer = self._process.ask(str(units))
        self.sent += units
        return Slice(*json.loads(answer))

    def close(self) -> None:
        """Let it close its contender; raise if that failed."""
        self._process.close("close")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._process.kill()


def heat(one: Worker, other: Worker, pairs: int) -> list[Pair]:
    """So many pairs at one time: the steady ones, or all if there were too few."""
    one.warm()
    other.warm()
    before = other.slice()
    found: list[Pair] = []
    for _ in range(PATIENCE * pairs):
        pair = Pair(before, one.slice(), other.slice())
        before = pair.after
        found.append(pair)
        steady = [pair for pair in found if pair.steady]
        if len(steady) == pairs:
            return steady
    return found


def summed(pairs: list[Pair]) -> Ratio:
    """The ratio over these pairs."""
    return ratio([pair.cpu for pair in pairs])._replace(
        each=statistics.median(pair.own.each for pair in pairs) * 1e6,
        per_second=statistics.median(1 / pair.own.lasted for pair in pairs),
        wall=statistics.median(pair.wall for pair in pairs),
    )
