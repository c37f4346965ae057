"""The one table of the vendor's actions: what each is about, and so what it must be tracked with.

Source: the event sections of the API's document. An action that is not in the table is a custom
one (or newer than this version): nothing is demanded of it. ``cart.abandoned`` is about a cart or
about products; a new product variant needs the product it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ..errors import InvalidParameter

__all__ = ["ACTIONS", "Needs", "demand"]


class Needs(msgspec.Struct, frozen=True):
    """What an action is tracked with: any one of `trackables`, and all of `also`.

    `once` marks the order lifecycle, of which the API keeps one event per order and action when
    it knows the profile (the vendor's later guides).
    """

    trackables: tuple[str, ...]
    also: tuple[str, ...] = ()
    once: bool = False


_APP: Final = ("app", "app_parameters")
_ORDER: Final = Needs(("order", "order_parameters"), once=True)
_PRODUCT: Final = Needs(("product", "product_variant", "product_parameters", "product_variant_parameters"))
_REFUND: Final = Needs(("refund", "refund_parameters"))

ACTIONS: Final[dict[str, Needs]] = {
    "app.installed": Needs(_APP),
    "app.removed": Needs(_APP),
    "app.spent": Needs(_APP, also=("amount", "currency")),
    "cart.abandoned": Needs(("cart", "products")),
    "cart.added": Needs(("products",)),
    "cart.removed": Needs(("products",)),
    "coupon.redeemed": Needs(("coupon", "coupon_parameters")),
    "form.completed": Needs(("form", "form_parameters")),
    "order.cancelled": _ORDER,
    "order.confirmed": _ORDER,
    "order.delivered": _ORDER,
    "order.placed": _ORDER,
    "order.printed_label": _ORDER,
    "order.shipped": _ORDER,
    "product.purchased": _PRODUCT,
    "product.viewed": _PRODUCT,
    "refund.received": _REFUND,
    "refund.requested": _REFUND,
}

_OBJECT: Final = ("object", "object_parameters")


def demand(action: str, body: Mapping[str, object]) -> Needs | None:
    """The row of `action` if it has one; InvalidParameter for what `body` lacks."""
    needs = ACTIONS.get(action)
    if needs is None:
        return None
    first = needs.trackables[0]
    if first not in body and body.keys().isdisjoint(needs.trackables) and body.keys().isdisjoint(_OBJECT):
        raise InvalidParameter(first, f"{action} needs one of: {', '.join(needs.trackables)}")
    for name in needs.also:
        if name not in body:
            raise InvalidParameter(name, f"{action} needs it")
    if "product_variant_parameters" in body and "product" not in body:
        raise InvalidParameter("product", "a new product variant needs the product it belongs to")
    return needs
