"""Rules of products, their variants and orders: what is made, computed or dropped with them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .collection import scalar
from .forms import is_object
from .refusal import missing, refuse
from .trackables import product_or_variant
from .values import finite

if TYPE_CHECKING:
    from .store import Store

__all__ = ["add_variant", "drop_variants", "fill_order", "make_variants", "remove_variant"]

Object = dict[str, Any]
_KEPT = ("name", "reference", "sku", "price", "metadata")


def make_variants(store: Store, fields: Object, item: Object | None) -> None:
    """Those given take the place of those there; none given on a change leaves them."""
    if "variants" not in fields:
        return
    if item is not None:
        drop_variants(store, item)
    given: list[Object] = fields["variants"]
    fields["variants"] = [store.new(store.variants, **{name: variant.get(name) for name in _KEPT}) for variant in given]


def drop_variants(store: Store, product: Object) -> None:
    """A product goes, or gets others."""
    for variant in product["variants"]:
        if store.variants.find(variant.get("id")) is not None:
            store.variants.remove(variant["id"])


def add_variant(store: Store, product: str, body: Object) -> Object:
    """One more variant of a product."""
    parent = store.products.get(product)
    if "name" not in body:
        raise missing("name")
    variant = store.new(store.variants, **{name: body.get(name) for name in _KEPT})
    parent["variants"].append(variant)
    return variant


def remove_variant(store: Store, variant: Object) -> None:
    """It leaves its product."""
    for product in store.products:
        product["variants"] = [one for one in product["variants"] if one.get("id") != variant["id"]]


def fill_order(store: Store, fields: Object, item: Object | None) -> None:
    """Lines name products that are there, and have a price each; the total is computed unless it is given.

    A change of an order leaves its lines: they have routes of their own, which are not emulated.
    """
    if item is not None:
        fields.pop("items", None)
        return
    fields["items"] = lines = [_line(store, line) for line in fields.get("items", ())]
    if fields.get("total") is None:
        fields["total"] = _total(lines)


def _line(store: Store, line: Object) -> Object:
    if "product" not in line:
        raise missing("items[product]")
    quantity = line.get("quantity", 1)
    if not finite(quantity) or float(quantity) < 1 or float(quantity) % 1:
        raise refuse("invalid", "items[quantity]")
    product = product_or_variant(store, line["product"], "items[product]")()
    found = store.products.find(product) or store.variants.get(product)
    price = line.get("price") or found.get("price")
    return {"id": store.ids.identifier(), "product": product, "quantity": int(float(quantity)), "price": price}


def _total(lines: list[Object]) -> Object | None:
    """The sum, where all lines have a price of one currency."""
    prices = [line["price"] for line in lines if is_object(line["price"])]
    currencies = {scalar(price.get("currency")) for price in prices}
    if not lines or len(prices) < len(lines) or len(currencies) != 1:
        return None
    total = sum(Decimal(str(line["price"]["amount"])) * line["quantity"] for line in lines)
    return {"amount": float(total), "currency": currencies.pop()}
