"""A made-up but plausible day of a shop, as events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

__all__ = ["a_day"]

PRODUCT = "vxqQJ3Yg"
COUPON = "xJEOaPdk"


def a_day(events: int, profiles: list[str], *, seed: int = 7, start: int = 1_790_000_000) -> Iterator[dict[str, Any]]:
    """`events` events of visitors who look, fill carts and sometimes order; the known ones by their profile."""
    chance = random.Random(seed)
    visits = _visits(chance, profiles)
    for number in range(events):
        yield {**next(visits), "tracked_at": start + number * 86_400 // max(1, events)}


def _visits(chance: random.Random, profiles: list[str]) -> Iterator[dict[str, Any]]:
    visit = 0
    while True:
        visit += 1
        known = chance.random() < 0.4
        who = {"profile": chance.choice(profiles)} if known else {"session": f"visit{visit:06d}"}
        yield from ({**event, **who} for event in _visit(chance, visit))


def _visit(chance: random.Random, visit: int) -> Iterator[dict[str, Any]]:
    for _ in range(chance.randint(1, 5)):
        yield {"action": "product.viewed", "product": PRODUCT}
    if chance.random() > 0.35:
        return
    yield {"action": "cart.added", "products": [{"product": PRODUCT, "quantity": chance.randint(1, 3)}]}
    if chance.random() > 0.5:
        yield {"action": "cart.abandoned", "products": [{"product": PRODUCT}]}
        return
    if chance.random() < 0.2:
        yield {"action": "coupon.redeemed", "coupon": COUPON}
    order = {"order_parameters": {"reference": f"A-{visit}", "source": "shop"}}
    money = {"amount": round(chance.uniform(9, 180), 2), "currency": "USD"}
    yield {"action": "order.placed", **order, **money}
    for action in ("order.confirmed", "order.shipped", "order.delivered"):
        yield {"action": action, **order}
    if chance.random() < 0.05:
        yield {"action": "refund.requested", "refund_parameters": {"reference": f"R-{visit}", "source": "shop"}}
