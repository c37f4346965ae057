"""One event, one request: this package and others against T, by the CPU of an event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from .contender import Entry
from .ground import Ground, T, present
from .row import Goal, Row, Unit

__all__ = ["BULK", "HTTPX", "QUEUE", "SHOP", "SHOP_BULK", "rows"]

NAIVE: Final = Entry("benchmarks.raw:Naive")
HTTPX: Final = Entry("benchmarks.httpx_clients:Clients")
QUEUE: Final = Entry("benchmarks.ours:Queue")
POOL: Final = QUEUE.with_(transport="pool")
AWAITED: Final = Entry("benchmarks.ours:Awaited")
BULK: Final = Entry("benchmarks.ours:Bulk")
SHOP: Final = Entry("benchmarks.ours:Shop")
SHOP_BULK: Final = Entry("benchmarks.ours:ShopBulk")
T_OF_SHOP: Final = T.with_(mix="shop")
"""T with the same bytes as the shop's mix has."""
CALLS: Final = Entry("benchmarks.ours:Calls")
FAST: Final[dict[str, Any]] = {"loop": "uvloop"}
SAFE: Final[dict[str, Any]] = {"secure": True}


class Race(NamedTuple):
    """The contender, its opponent, and the modules that they need."""

    name: str
    entry: Entry
    goal: Goal | None = None
    against: Entry | None = None
    unit: Unit = "x T"
    needs: tuple[str, ...] = ()


RACES: Final = (
    Race("T against itself (control)", T),
    Race("T, TLS", T.with_(**SAFE), needs=("trustme",)),
    Race("T, uvloop", T.with_(**FAST), needs=("uvloop",)),
    Race("naive aiohttp", NAIVE),
    Race("httpx, 8 clients of 8 connections", HTTPX, needs=("httpx",)),
    Race("queue", QUEUE, Goal(2.5, 4)),
    Race("queue, TLS", QUEUE.with_(**SAFE), Goal(2, 2.5), needs=("trustme",)),
    Race("queue, uvloop", QUEUE.with_(**FAST), Goal(3.5, 5), needs=("uvloop",)),
    Race("queue, uvloop and TLS", QUEUE.with_(**FAST, **SAFE), needs=("uvloop", "trustme")),
    Race("queue over the aiohttp pool", POOL, Goal(0.75, 0.85)),
    Race("queue, every receipt awaited", AWAITED),
    Race("queue, deliver() with its outcomes", BULK),
    Race("the shop's mix: queue", SHOP, Goal(2.5, 3.5), T_OF_SHOP),
    Race("the shop's mix: queue, uvloop", SHOP.with_(**FAST), None, T_OF_SHOP, needs=("uvloop",)),
    Race("the shop's mix: deliver() with its outcomes", SHOP_BULK, None, T_OF_SHOP),
    Race("calls: events.track() from 64 tasks", CALLS),
    Race("queue against httpx", QUEUE, Goal(15, 25), HTTPX, "x httpx", needs=("httpx",)),
)


def rows(ground: Ground) -> Iterator[Row]:
    """Every race that can be run here."""
    races = [race for race in RACES if present(*race.needs)]
    figures = ground.races([(race.entry, race.against) for race in races], counted=True)
    for race, figure in zip(races, figures, strict=True):
        yield Row("events", race.name, figure, race.unit, race.goal)
