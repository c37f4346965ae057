"""A page of 100 profiles: the package's lenient decoding against bare structs of the same fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .contender import Entry
from .ground import Ground
from .row import Goal, Row

__all__ = ["rows"]

BARE: Final = Entry("benchmarks.bare:Decoded")
OURS: Final = Entry("benchmarks.ours:Decoded")


def rows(ground: Ground) -> Iterator[Row]:
    """The cost of one page."""
    figure = ground.race(OURS, BARE)
    yield Row("decode", "a page of 100 profiles", figure.inverse(), "x bare", Goal(1.15, 1.07, less=True))
