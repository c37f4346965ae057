"""The built-in actions, and the kind of trackable that each needs ("" for none)."""

from __future__ import annotations

__all__ = ["TRACKABLES"]

TRACKABLES: dict[str, str] = {
    "app.installed": "app", "app.removed": "app", "app.spent": "app",
    "cart.abandoned": "cart", "cart.added": "cart", "cart.removed": "cart", "cart.viewed": "",
    "checkout.started": "", "coupon.redeemed": "coupon", "form.completed": "form",
    "order.cancelled": "order", "order.confirmed": "order", "order.delivered": "order", "order.placed": "order",
    "order.printed_label": "order", "order.shipped": "order", "page.viewed": "", "product.purchased": "product",
    "product.viewed": "product", "refund.received": "refund", "refund.requested": "refund",
    "subscribed": "", "unsubscribed": "",
}  # fmt: skip
