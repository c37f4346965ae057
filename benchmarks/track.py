"""``track()`` against the least that it could be: build, encode, append."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from .contender import Entry, Idle, Place
from .ground import Ground
from .load import event, sessions
from .row import Goal, Row

__all__ = ["BARE", "TRACK", "Bare", "rows"]

BARE: Final = Entry("benchmarks.track:Bare")
TRACK: Final = Entry("benchmarks.ours:Track")


class Bare(Idle):
    """A dictionary, its JSON, and a place in a deque: nothing checked, nothing remembered."""

    def __init__(self, place: Place) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._kept: deque[bytes] = deque()
        self._sessions = sessions(1000)

    async def run(self, units: int) -> None:
        """Keep so many events."""
        append, encode = self._kept.append, self._encode
        for _ in range(units):
            append(encode(event(next(self._sessions), int(time.time()))))

    async def rest(self) -> None:
        """Forget them."""
        self._kept.clear()


def rows(ground: Ground) -> Iterator[Row]:
    """The cost of one call."""
    figure = ground.race(TRACK, BARE)
    yield Row("track", "track()", figure.inverse(), "x bare", Goal(5, 3, less=True))
