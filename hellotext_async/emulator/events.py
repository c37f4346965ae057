"""Events: what each action needs, in both of the vendor's forms, and what accepting one changes."""

# What comes in is JSON of any shape.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .refusal import blank, missing, not_found, refuse
from .values import is_empty

if TYPE_CHECKING:
    from .collection import Collection
    from .store import Store

__all__ = ["NEEDS", "track"]

Body = dict[str, Any]

NEEDS: dict[str, str] = {
    "app.installed": "app", "app.removed": "app", "app.spent": "app",
    "cart.abandoned": "cart", "cart.added": "cart", "cart.removed": "cart", "cart.viewed": "",
    "checkout.started": "", "coupon.redeemed": "coupon", "form.completed": "form",
    "order.cancelled": "order", "order.confirmed": "order", "order.delivered": "order", "order.placed": "order",
    "order.printed_label": "order", "order.shipped": "order", "page.viewed": "", "product.purchased": "product",
    "product.viewed": "product", "refund.received": "refund", "refund.requested": "refund",
    "subscribed": "", "unsubscribed": "",
}  # fmt: skip

_COLLECTIONS = {
    "app": "apps", "cart": "carts", "coupon": "coupons", "form": "forms", "order": "orders", "product": "products",
    "product_variant": "variants", "refund": "refunds",
}  # fmt: skip


def track(store: Store, body: Body) -> dict[str, str]:
    """Take one event in, or refuse it."""
    action = body.get("action")
    if action is None:
        raise missing("action")
    if not isinstance(action, str) or (action not in NEEDS and store.actions.find(action) is None):
        raise not_found("action")
    profile, session = _who(store, body)
    _money(action, body)
    _moment(body)
    trackable = _trackable(store, action, body)
    if profile is not None and action.startswith("order.") and trackable is not None:
        once = (action, str(trackable))
        if once in store.lifecycle:
            return {"status": "received"}
        store.lifecycle.add(once)
    if profile is not None:
        store.profiles.touch(profile)
    store.accept({**body, "profile": profile, "session": session} | ({"trackable": trackable} if trackable else {}))
    return {"status": "received"}


def _who(store: Store, body: Body) -> tuple[str | None, str | None]:
    profile, session = body.get("profile") or None, body.get("session") or None
    if profile is None and session is None:
        raise refuse("object_invalid", "profile")
    if profile is not None:
        profile = store.profiles.get(profile, "profile")["id"]
    if session is not None:
        if not isinstance(session, str):
            raise refuse("invalid", "session")
        if profile is not None:
            store.attach(session, profile)
        elif session not in store.sessions:
            store.sessions[session] = None
        profile = store.sessions[session]
    return profile, session


def _money(action: str, body: Body) -> None:
    amount, currency = body.get("amount"), body.get("currency")
    if action == "app.spent":
        for name, value in (("amount", amount), ("currency", currency)):
            if value is None:
                raise missing(name)
    if currency is not None and amount is None:
        raise missing("amount")
    if currency is not None and not (isinstance(currency, str) and re.fullmatch(r"[A-Za-z]{3}", currency)):
        raise refuse("invalid", "currency")
    if amount is not None and not _is_number(amount):
        raise refuse("invalid", "amount")


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _moment(body: Body) -> None:
    at = body.get("tracked_at")
    if at is None or (_is_number(at) and 0 <= float(at) < 100_000_000_000):
        return
    try:
        if isinstance(at, str) and datetime.fromisoformat(at).tzinfo is not None:
            return
    except ValueError:
        pass
    raise refuse("invalid", "tracked_at")


# What it is about.


def _trackable(store: Store, action: str, body: Body) -> Any:
    kind = NEEDS.get(action, "")
    if "object" in body or "object_parameters" in body:
        return _object(store, kind, body)
    if kind == "cart":
        return _cart(store, action, body)
    if kind == "product":
        return _product(store, body)
    return _one_of(store, kind, body) if kind else None


def _one_of(store: Store, kind: str, body: Body) -> Any:
    known, new = body.get(kind), body.get(f"{kind}_parameters")
    if known is not None and new is not None:
        raise refuse("ambiguous_parameter", kind)
    if known is not None:
        return _existing(store, kind, known, kind)
    if new is None:
        raise refuse("object_invalid", kind)
    return _found_or_made(store, kind, new, f"{kind}_parameters")


def _existing(store: Store, kind: str, key: Any, parameter: str) -> Any:
    if is_empty(key):
        raise blank(parameter)
    collection: Collection = getattr(store, _COLLECTIONS[kind])
    return collection.get(key, parameter)["id"]


def _found_or_made(store: Store, kind: str, given: Any, parameter: str) -> Any:
    if not isinstance(given, dict):
        raise refuse("invalid", parameter)
    if not given:
        raise blank(parameter)
    collection: Collection = getattr(store, _COLLECTIONS[kind])
    if given.get("reference") is not None:
        for item in collection:
            if (item.get("reference"), item.get("source")) == (given["reference"], given.get("source")):
                return item["id"]
    fields = {name: value for name, value in given.items() if name not in ("id", "type", "created_at")}
    return store.new(collection, **fields)["id"]


def _product(store: Store, body: Body) -> Any:
    given = [n for n in ("product_variant", "product_variant_parameters", "product", "product_parameters") if n in body]
    if not given:
        raise refuse("object_invalid", "product")
    if "product_variant_parameters" in given:
        if "product" not in given:
            raise missing("product")
        _existing(store, "product", body["product"], "product")
        return _found_or_made(store, "product_variant", body["product_variant_parameters"], given[0])
    if "product_variant" in given:
        return _existing(store, "product_variant", body["product_variant"], "product_variant")
    return _one_of(store, "product", body)


def _cart(store: Store, action: str, body: Body) -> Any:
    products = body.get("products")
    if products is None and (action != "cart.abandoned" or body.get("cart") is None):
        raise missing("products")
    if products is not None and (not isinstance(products, list) or not products):
        raise blank("products")
    cart = None if body.get("cart") is None else _existing(store, "cart", body["cart"], "cart")
    items = [_item(store, entry) for entry in products or ()]
    if cart is None:
        return store.new(store.carts, reference=None, source=None, items=items)["id"]
    if items:
        store.carts.get(cart)["items"] = items
    return cart


def _item(store: Store, entry: Any) -> dict[str, Any]:
    if isinstance(entry, str):
        entry = {"product": entry}
    if not isinstance(entry, dict):
        raise refuse("invalid", "products")
    given = {"product": entry["reference"]} if "product" not in entry and "reference" in entry else entry
    if "product_variant_parameters" in entry and "product" not in entry:
        product = _found_or_made(store, "product_variant", entry["product_variant_parameters"], "products")
    elif isinstance(given.get("product"), dict):
        product = _found_or_made(store, "product", given["product"], "products")
    else:
        product = _product(store, given)
    quantity = entry.get("quantity", 1)
    if not _is_number(quantity) or float(quantity) < 0:
        raise refuse("invalid", "quantity")
    return {"product": product, "quantity": quantity}


def _object(store: Store, kind: str, body: Body) -> Any:
    known, new = body.get("object"), body.get("object_parameters")
    if known is not None and new is not None:
        raise refuse("ambiguous_parameter", "object")
    if known is not None:
        if kind == "product" and store.products.find(known) is None:
            return _existing(store, "product_variant", known, "object")
        return _existing(store, kind, known, "object") if kind else str(known)
    if not isinstance(new, dict):
        raise refuse("invalid" if new is not None else "object_invalid", "object_parameters")
    if kind == "cart":
        items = new.get("items")
        if not isinstance(items, list) or not items:
            raise missing("items")
        made = {**new, "items": [_item(store, entry) for entry in items]}
        return _found_or_made(store, "cart", made, "object_parameters")
    return _found_or_made(store, kind, new, "object_parameters") if kind else None
