"""A line of the report: what was measured, the figure, and its goals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from .paired import Ratio

__all__ = ["Goal", "Row", "Unit"]

Unit = Literal[
    "x T",
    "x httpx",
    "x bare",
    "x memory",
    "x peer",
    "x its dependencies",
    "x the smallest",
    "x fewer",
    "x asyncio's TLS",
    "x without",
    "x redis-py",
    "ms",
    "µs",
    "B",
    "/s",
]


class Goal(NamedTuple):
    """The figure that must be reached, and the one that should be; `less` when less is better."""

    floor: float
    aim: float | None = None
    less: bool = False

    def reached(self, figure: float) -> bool:
        """Whether the floor is reached."""
        return figure <= self.floor if self.less else figure >= self.floor

    def judged(self, figure: float) -> Literal["aim", "floor", "missed"]:
        """How close it came."""
        aim = self.floor if self.aim is None else self.aim
        if Goal(aim, less=self.less).reached(figure):
            return "aim"
        return "floor" if self.reached(figure) else "missed"


@dataclass(frozen=True)
class Row:
    """One figure; `x T` and its like are ratios of speed, or of cost."""

    group: str
    name: str
    figure: Ratio
    unit: Unit = "x T"
    goal: Goal | None = None

    @property
    def judged(self) -> str:
        """How close it came; empty without a goal."""
        return "" if self.goal is None else self.goal.judged(self.figure.median)

    @property
    def missed(self) -> bool:
        """Whether a floor was missed."""
        return self.judged == "missed"
