"""``track()`` against the least that it could be: build, encode, append."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .contender import Entry
from .ground import Ground
from .row import Goal, Row

__all__ = ["TRACK", "rows"]

BARE: Final = Entry("benchmarks.bare:Track")
TRACK: Final = Entry("benchmarks.ours:Track")


def rows(ground: Ground) -> Iterator[Row]:
    """The cost of one call."""
    figure = ground.race(TRACK, BARE)
    yield Row("track", "track()", figure.inverse(), "x bare", Goal(5, 3, less=True))
