"""The one table of the vendor's actions: what each is about, and so what it must be tracked with.

Source: the event sections of the API's document. An action that is not in the table is a custom
one (or newer than this version): nothing is demanded of it. ``cart.abandoned`` is about a cart or
about products; a new product variant needs the product it belongs to.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ..errors import InvalidParameter
from .fields import Body

__all__ = ["ACTIONS", "Requirement", "require_trackables"]


class Requirement(msgspec.Struct, frozen=True):
    """What an action is tracked with: any one of `trackables`, and all of `also`.

    `once` marks the order lifecycle, of which the API keeps one event per order and action when
    it knows the profile (the vendor's later guides).
    """

    trackables: tuple[str, ...]
    also: tuple[str, ...] = ()
    once: bool = False


_APP: Final = ("app", "app_parameters")
_ORDER: Final = Requirement(("order", "order_parameters"), once=True)
_PRODUCT: Final = Requirement(("product", "product_variant", "product_parameters", "product_variant_parameters"))
_REFUND: Final = Requirement(("refund", "refund_parameters"))

ACTIONS: Final[dict[str, Requirement]] = {
    "app.installed": Requirement(_APP),
    "app.removed": Requirement(_APP),
    "app.spent": Requirement(_APP, also=("amount", "currency")),
    "cart.abandoned": Requirement(("cart", "products")),
    "cart.added": Requirement(("products",)),
    "cart.removed": Requirement(("products",)),
    "coupon.redeemed": Requirement(("coupon", "coupon_parameters")),
    "form.completed": Requirement(("form", "form_parameters")),
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


def require_trackables(body: Body) -> Requirement | None:
    """The row of the event's action, if it has one; InvalidParameter for what the event lacks."""
    row = ACTIONS.get(body.action)
    if row is None:
        return None
    for name in row.trackables:
        if getattr(body, name) is not None:
            break
    else:
        if body.object is None and body.object_parameters is None:
            raise InvalidParameter(row.trackables[0], f"{body.action} needs one of: {', '.join(row.trackables)}")
    for name in row.also:
        if getattr(body, name) is None:
            raise InvalidParameter(name, f"{body.action} needs it")
    if body.product_variant_parameters is not None and body.product is None:
        raise InvalidParameter("product", "a new product variant needs the product it belongs to")
    return row
