"""An event's trackable, in both of the vendor's forms: an existing object, or one to be created.

Rules. All checks come before any change: a `Plan` never refuses, so a refused event leaves nothing
behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .actions import TRACKABLES
from .collection import scalar
from .forms import is_array, is_object
from .instances import check_instance
from .refusal import blank, missing, refuse
from .values import finite, is_empty

if TYPE_CHECKING:
    from .collection import Collection
    from .store import Store

__all__ = ["Plan", "product_or_variant", "resolve"]

Object = dict[str, Any]
Plan = Callable[[], str]
"""Finds or creates the object and returns its id."""
Items = list[tuple[Plan, Any]]

_COLLECTIONS = {
    "app": "apps", "cart": "carts", "coupon": "coupons", "form": "forms", "order": "orders", "product": "products",
    "product_variant": "variants", "refund": "refunds",
}  # fmt: skip
_NAMES = {
    **{kind: (kind, f"{kind}_parameters") for kind in _COLLECTIONS},
    "cart": ("cart", "products"),
    "product": ("product", "product_parameters", "product_variant", "product_variant_parameters"),
}


def resolve(store: Store, action: str, body: Object) -> Plan | None:
    """The plan for the trackable of `action`, or None if it has none."""
    kind = TRACKABLES.get(action, "")
    if "object" in body or "object_parameters" in body:
        if any(name in body for name in _NAMES.get(kind, ())):
            raise refuse("ambiguous_parameter", "object")
        return _object(store, kind, action, body) if kind else _custom(store, body)
    if kind == "cart":
        return _cart(store, action, body)
    if kind == "product":
        return _product(store, body)
    return _one_of(store, kind, body) if kind else None


def _of(store: Store, kind: str) -> Collection:
    found: Collection = getattr(store, _COLLECTIONS[kind])
    return found


def _choice(body: Object, known: str, new: str) -> str:
    """Which of two alternatives is given; exactly one has to be."""
    given = [name for name in (known, new) if not is_empty(body.get(name))]
    if len(given) == 1:
        return given[0]
    if given:
        raise refuse("ambiguous_parameter", known)
    empty = next((name for name in (known, new) if name in body), None)
    raise refuse("object_invalid", known) if empty is None else blank(empty)


def _one_of(store: Store, kind: str, body: Object) -> Plan:
    name = _choice(body, kind, f"{kind}_parameters")
    return _known(store, kind, body[name], name) if name == kind else _made(store, kind, body[name], name)


def _known(store: Store, kind: str, key: Any, parameter: str) -> Plan:
    id: str = _of(store, kind).get(key, parameter)["id"]
    return lambda: id


def _made(store: Store, kind: str, given: Any, parameter: str) -> Plan:
    """By reference and source, else by SKU; created if there is none."""
    if not is_object(given):
        raise refuse("invalid", parameter)
    for name in ("reference", "source", "sku"):
        if given.get(name) is not None and scalar(given[name]) is None:
            raise refuse("invalid", name)
    if "items" in given and not is_array(given["items"]):
        raise refuse("invalid", "items")
    fields = {name: value for name, value in given.items() if name not in ("id", "type", "created_at")}
    collection = _of(store, kind)
    return lambda: (_find_existing(collection, given) or store.new(collection, **fields))["id"]


def _find_existing(collection: Collection, given: Object) -> Object | None:
    reference, sku = given.get("reference"), given.get("sku")
    if reference is not None:
        same = collection.having("reference", reference)
        return next((item for item in same if item.get("source") == given.get("source")), None)
    return None if sku is None or collection.type not in ("product", "product_variant") else collection.find(sku)


# Products and their variants.


def _product(store: Store, body: Object) -> Plan:
    if "product_variant_parameters" in body and "product_variant" not in body:
        if "product" not in body:
            raise missing("product")
        given = {**_fields(body, "product_variant_parameters"), "product": body["product"]}
        return _variant(store, given, "product_variant_parameters")
    if "product_variant_parameters" in body or "product_variant" in body:
        return _one_of(store, "product_variant", body)
    return _one_of(store, "product", body)


def product_or_variant(store: Store, value: Any, parameter: str) -> Plan:
    """A product or a variant: its id, reference or SKU, or an object of its fields, which may hold its parent."""
    if is_empty(value):
        raise blank(parameter)
    if not is_object(value):
        kind = "product" if store.products.find(value) is not None else "product_variant"
        return _known(store, kind, value, parameter)
    if scalar(value.get("id")) is not None and store.products.find(value["id"]) is not None:
        return _known(store, "product", value["id"], parameter)
    if is_empty(value.get("product")):
        return _made(store, "product", value, parameter)
    return _variant(store, value, parameter)


def _variant(store: Store, given: Object, parameter: str) -> Plan:
    """A variant described by its fields, `product` among them."""
    parent = product_or_variant(store, given["product"], parameter)
    variant = _made(store, "product_variant", {**given, "product": None}, parameter)

    def make() -> str:
        product, id = parent(), variant()
        store.variants.change(store.variants.get(id), product=product)
        return id

    return make


# Carts.


def _cart(store: Store, action: str, body: Object) -> Plan:
    cart = None if is_empty(body.get("cart")) else _known(store, "cart", body["cart"], "cart")
    if "products" not in body and (action != "cart.abandoned" or cart is None):
        raise missing("products")
    items = _items(store, body["products"], "products") if "products" in body else []
    return _filled(store, action, cart or (lambda: store.new(store.carts, reference=None, source=None)["id"]), items)


def _items(store: Store, given: Any, parameter: str) -> Items:
    if is_empty(given):
        raise blank(parameter)
    if not is_array(given):
        raise refuse("invalid", parameter)
    return [_item(store, entry, parameter) for entry in given]


def _item(store: Store, entry: Any, parameter: str) -> tuple[Plan, Any]:
    if not is_object(entry):
        return product_or_variant(store, entry, parameter), 1
    quantity = entry.get("quantity", 1)
    if not finite(quantity) or float(quantity) < 0:
        raise refuse("invalid", "quantity")
    return _entry(store, entry, parameter), quantity


def _entry(store: Store, entry: Object, parameter: str) -> Plan:
    if "product_variant_parameters" in entry:
        given = _fields(entry, "product_variant_parameters")
        if "product" in entry:
            return _variant(store, {**given, "product": entry["product"]}, parameter)
        return _made(store, "product_variant", given, parameter)
    if "product_parameters" in entry:
        return _made(store, "product", _fields(entry, "product_parameters"), parameter)
    for name in ("product", "product_variant"):
        if name in entry:
            return product_or_variant(store, entry[name], name)
    if "name" in entry:  # the product itself, as the vendor's older plugin sends it
        return product_or_variant(store, entry, parameter)
    key = next((entry[name] for name in ("id", "reference", "sku") if entry.get(name) is not None), None)
    if key is None:
        raise refuse("object_invalid", parameter)
    return product_or_variant(store, key, parameter)


def _fields(entry: Object, name: str) -> Object:
    found = entry[name]
    if is_empty(found):
        raise blank(name)
    if not is_object(found):
        raise refuse("invalid", name)
    return found


def _filled(store: Store, action: str, cart: Plan, items: Items) -> Plan:
    """The quantities are those that the cart has afterwards; what is removed is out of it."""

    def fill() -> str:
        found = store.carts.get(cart())
        given = [{"product": product(), "quantity": quantity} for product, quantity in items]
        named = [item["product"] for item in given]
        others = [item for item in found.get("items") or () if item.get("product") not in named]
        store.carts.change(found, items=others if action == "cart.removed" else others + given)
        id: str = found["id"]
        return id

    return fill


# The newer form.


def _object(store: Store, kind: str, action: str, body: Object) -> Plan:
    name = _choice(body, "object", "object_parameters")
    given = body[name]
    if kind == "product":
        return product_or_variant(store, given, name)
    if name == "object":
        return _known(store, kind, given, name)
    if kind != "cart":
        return _made(store, kind, given, name)
    if not is_object(given) or "items" not in given:
        raise missing("items")
    items = _items(store, given["items"], "items")
    return _filled(
        store, action, _made(store, "cart", {"reference": None, "source": None, **given, "items": []}, name), items
    )


def _custom(store: Store, body: Object) -> Plan:
    """An object of the business's own: any id passes, for no route shows them; parameters always make a new one."""
    name = _choice(body, "object", "object_parameters")
    given, type = body[name], body.get("object_type")
    structure = None if type is None else store.objects.get(type, "object_type")
    if name == "object":
        if scalar(given) is None:
            raise refuse("invalid", name)
        return lambda: str(given)
    if not is_object(given):
        raise refuse("invalid", name)
    if structure is not None:
        check_instance(store, structure, given)
    return lambda: store.new(store.instances, object_type=type, fields=given)["id"]
