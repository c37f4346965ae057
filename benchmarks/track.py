"""``track()`` against its lower bound: build, encode, append."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .contender import Entry
from .ground import Ground
from .row import Goal, Row

__all__ = ["TRACK", "rows"]

BARE: Final = Entry("benchmarks.bare:Track")
TRACK: Final = Entry("benchmarks.ours:Track")


SHOP: Final = Entry("benchmarks.ours:ShopTrack")


def rows(ground: Ground) -> Iterator[Row]:
    """The cost of one call, with the plain event and with the shop's mix."""
    plain, shop = ground.races([(TRACK, BARE), (SHOP, BARE.with_(mix="shop"))])
    yield Row("track", "track()", plain.inverse(), "x bare", Goal(5, 2.8, less=True))
    yield Row("track", "track() of the shop's mix", shop.inverse(), "x bare", Goal(4, 2.5, less=True))
