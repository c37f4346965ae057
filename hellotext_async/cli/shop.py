"""A made-up day of a shop: visitors look, some buy, orders are shipped, a few go back.

Rules. The same number gives the same day. Every order has its own reference and each of its steps
happens once. An order's later steps name it by its reference, so they need the first one before
them: order per customer is really used.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final

__all__ = ["COUPONS", "CUSTOMERS", "day"]

Fields = dict[str, Any]

CUSTOMERS: Final = 200
COUPONS: Final = ("WELCOME10", "FREESHIP", "AUTUMN15")
AT_ONCE: Final = 150
"""Visitors in the shop at one time."""
_GOODS: Final = (
    ("soap", "Olive soap", 4.5), ("candle", "Beeswax candle", 12.0), ("towel", "Linen towel", 24.9),
    ("mate", "Mate gourd", 18.0), ("yerba", "Yerba mate, 1 kg", 9.9), ("poncho", "Wool poncho", 119.0),
    ("honey", "Wild honey", 8.2), ("mug", "Stoneware mug", 14.5), ("lamp", "Paper lamp", 45.0),
    ("quilt", "Cotton quilt", 89.9),
)  # fmt: skip


def day(profiles: Sequence[str], coupons: Sequence[str], *, ends: float, seed: int = 1) -> Iterator[Fields]:
    """Events without end, from the day before `ends` (Unix seconds) on; `profiles` and `coupons` are ids."""
    chance = random.Random(seed)
    visits = [_visit(chance, number, profiles, coupons) for number in range(AT_ONCE)]
    number, at = AT_ONCE, ends - 86_400
    while True:
        place = chance.randrange(AT_ONCE)
        event = next(visits[place], None)
        if event is None:
            visits[place] = _visit(chance, number, profiles, coupons)
            number += 1
            continue
        at = min(ends, at + chance.expovariate(1.0))
        yield {**event, "tracked_at": at}


def _visit(chance: random.Random, number: int, profiles: Sequence[str], coupons: Sequence[str]) -> Iterator[Fields]:
    subject: Fields = {"session": f"visit-{number}"}
    if chance.random() < 0.6:
        subject["profile"] = chance.choice(profiles)
    cart: list[tuple[str, str, float]] = []
    for _ in range(chance.randint(1, 6)):
        goods = chance.choice(_GOODS)
        yield {"action": "product.viewed", **subject, "product_parameters": _product(goods)}
        if chance.random() < 0.35:
            cart.append(goods)
            yield {"action": "cart.added", **subject, "products": [{"product_parameters": _product(g)} for g in cart]}
    if cart and "profile" in subject and chance.random() < 0.7:
        yield from _order(chance, f"order-{number}", subject, cart, coupons)
    elif cart:
        yield {"action": "cart.abandoned", **subject, "products": [{"product_parameters": _product(g)} for g in cart]}


def _order(
    chance: random.Random, reference: str, subject: Fields, cart: list[tuple[str, str, float]], coupons: Sequence[str]
) -> Iterator[Fields]:
    if chance.random() < 0.2:
        yield {"action": "coupon.redeemed", **subject, "coupon": chance.choice(coupons)}
    paid: Fields = {"amount": round(sum(price for _, _, price in cart), 2), "currency": "USD"}
    items = [{"product": _product(goods), "quantity": 1} for goods in cart]
    yield {"action": "order.placed", **subject, **paid, "order_parameters": {"reference": reference, "items": items}}
    if chance.random() < 0.08:
        yield {"action": "order.cancelled", **subject, "order": reference}
        return
    for step in ("confirmed", "shipped", "delivered"):
        yield {"action": f"order.{step}", **subject, "order": reference}
    if chance.random() < 0.06:
        refund = {"reference": f"refund-of-{reference}"}
        yield {"action": "refund.requested", **subject, "refund_parameters": refund}
        yield {"action": "refund.received", **subject, **paid, "refund_parameters": refund}


def _product(goods: tuple[str, str, float]) -> Fields:
    reference, name, price = goods
    return {"reference": reference, "name": name, "price": {"amount": price, "currency": "USD"}}
