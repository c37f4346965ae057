"""The queue over a spool against the queue in memory: the cost of surviving a crash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .contender import Entry
from .events import BULK, QUEUE, SHOP
from .ground import Ground
from .row import Goal, Row

__all__ = ["rows"]

SHARE: Final = Goal(0.65, 0.75)
RACES: Final = (
    ("queue over a spool", Entry("benchmarks.ours:Spooled"), QUEUE),
    ("queue over a spool, deliver() with its outcomes", Entry("benchmarks.ours:SpooledBulk"), BULK),
    ("queue over a spool, the shop's mix", Entry("benchmarks.ours:SpooledShop"), SHOP),
)


def rows(ground: Ground) -> Iterator[Row]:
    """Put with `track`, and with `deliver`."""
    figures = ground.races([(entry, against) for _, entry, against in RACES], counted=True)
    for (name, _, _), figure in zip(RACES, figures, strict=True):
        yield Row("spool", name, figure, "x memory", SHARE)
