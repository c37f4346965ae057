"""From the document's form of an event to the vendor's newer one (``object``, ``object_parameters``)."""

from __future__ import annotations

from typing import Any, Final

from ..errors import InvalidParameter

__all__ = ["as_object"]

_NAMED: Final = ("app", "coupon", "form", "order", "refund", "product_variant", "product")


def as_object(body: dict[str, Any]) -> dict[str, Any]:
    """`body` with its trackable as the newer form says it; one that is in that form already stays as it is."""
    if "object" in body or "object_parameters" in body:
        return body
    out = {key: value for key, value in body.items() if not _is_trackable(key)}
    found = _cart(body) if "cart" in body or "products" in body else _named(body)
    return out | found


def _is_trackable(key: str) -> bool:
    return key in ("cart", "products") or key.removesuffix("_parameters") in _NAMED


def _cart(body: dict[str, Any]) -> dict[str, Any]:
    if "products" not in body:
        return {"object": body["cart"]}
    if "cart" in body:
        raise InvalidParameter("cart", "the object form has no way to name a cart together with products")
    return {"object_parameters": {"items": [_item(entry) for entry in body["products"]]}}


def _item(entry: dict[str, Any]) -> dict[str, Any]:
    item = {key: value for key, value in entry.items() if key == "quantity"}
    named = _named(entry)
    return {"product": named.get("object", named.get("object_parameters")), **item}


def _named(body: dict[str, Any]) -> dict[str, Any]:
    if "product_variant_parameters" in body:
        parent = {"product": body["product"]} if "product" in body else {}
        return {"object_parameters": {**body["product_variant_parameters"], **parent}}
    for name in _NAMED:
        if name in body:
            return {"object": body[name]}
        if f"{name}_parameters" in body:
            return {"object_parameters": body[f"{name}_parameters"]}
    return {}
