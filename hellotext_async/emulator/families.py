"""The uniform families, each a row of a table: what it takes, what is required, what must be unique."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import checks
from .actions import TRACKABLES
from .checks import Check
from .collection import Collection
from .commerce import drop_variants, fill_order, make_variants, remove_variant
from .draft import NAMED
from .forms import nested
from .messages import check_template
from .refusal import blank, missing, refuse
from .values import is_empty

if TYPE_CHECKING:
    from .store import Store

__all__ = ["FAMILIES", "VARIANTS", "Family", "create", "remove", "update"]

Object = dict[str, Any]


def _nothing(_: Store, __: Object, ___: Object | None) -> None:
    """Does nothing: the default hook."""


@dataclass(frozen=True)
class Family:
    """One family: its collection in the store, its fields with their checks and what they are by default.

    With `partial` false a change sets what it leaves out to its default. `deleted` is the status of
    a delete. `before` sees the fields last, before they are kept, with the object that they change (None: a
    new one); `after` sees an object that was deleted.
    """

    collection: str
    fields: dict[str, Check]
    required: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    defaults: Object = field(default_factory=dict[str, Any])
    before: Callable[[Store, Object, Object | None], None] = _nothing
    after: Callable[[Store, Object], None] = lambda _, __: None
    partial: bool = True
    deleted: int = 200

    def of(self, store: Store) -> Collection:
        """Its collection."""
        found: Collection = getattr(store, self.collection)
        return found


def create(store: Store, family: Family, body: Object) -> Object:
    """A new object of the family."""
    body = nested(body)
    for name in family.required:
        if name not in body:
            raise missing(name)
    fields = _fields(store, family, body, None)
    return store.new(family.of(store), **copy.deepcopy(family.defaults) | fields)


def update(store: Store, family: Family, key: str, body: Object) -> Object:
    """Change what is given of an object."""
    item = family.of(store).get(key)
    fields = _fields(store, family, nested(body), item)
    if not family.partial:
        fields = copy.deepcopy(family.defaults) | {"body": None} | fields
    return family.of(store).change(item, **fields)


def remove(store: Store, family: Family, key: str) -> Object:
    """Delete an object, and what hangs on it."""
    item = family.of(store).remove(key)
    family.after(store, item)
    return {"id": item["id"], "type": item["type"], "deleted": True}


def _fields(store: Store, family: Family, body: Object, item: Object | None) -> Object:
    found = {name: check(store, name, body[name]) for name, check in family.fields.items() if name in body}
    for name in family.required:
        if name in found and is_empty(found[name]):
            raise blank(name)
    for name in family.unique:
        if name in found and family.of(store).taken(name, found[name], but=None if item is None else item["id"]):
            raise refuse("parameter_not_unique", name)
    family.before(store, found, item)
    return found


# What is special about some.


def _place_property(store: Store, fields: Object, item: Object | None) -> None:
    if item is None and fields["kind"] in NAMED and not fields.get("profile"):
        raise missing("profile")
    if item is not None:
        fields.pop("kind", None)
    if item is None or ("position" in fields and fields["position"] is None):
        fields["position"] = store.properties.bottom((item or fields)["kind"])


def _name_action(store: Store, fields: Object, item: Object | None) -> None:
    if fields.get("name") in TRACKABLES:
        raise refuse("parameter_not_unique", "name")
    if item is not None and "name" in fields:
        store.rename_action(item["name"], fields["name"])


def _name_object(_: Store, fields: Object, item: Object | None) -> None:
    if item is not None:
        fields.pop("name", None)  # the route does not rename


def _take_off_list(store: Store, item: Object) -> None:
    for profile in store.profiles:
        profile["lists"] = [id for id in profile["lists"] if id != item["id"]]


_REFERRED: dict[str, Check] = {"reference": checks.text, "source": checks.text, "metadata": checks.anything}
_ORDER: dict[str, Check] = {
    **_REFERRED, "name": checks.text, "delivery": checks.text, "payment_method": checks.text,
    "sales_channel": checks.text, "items": checks.objects, "total": checks.anything,
}  # fmt: skip
_PRODUCT: dict[str, Check] = {
    **_REFERRED, "name": checks.text, "sku": checks.text, "brand": checks.text, "url": checks.url,
    "image_url": checks.url, "price": checks.money, "categories": checks.anything, "collection": checks.anything,
    "tags": checks.anything, "variants": checks.objects,
}  # fmt: skip

FAMILIES: dict[str, Family] = {
    "/v1/properties": Family(
        "properties",
        {
            "kind": checks.kind, "name": checks.property_name, "profile": checks.owner, "unique": checks.yes_or_no,
            "position": checks.position,
        },
        required=("kind",),
        defaults={"name": None, "position": None, "profile": None, "unique": False},
        before=_place_property,
        after=lambda store, item: store.profiles.drop_property(item),
    ),
    "/v1/lists": Family("lists", {"name": checks.text}, required=("name",), after=_take_off_list),
    "/v1/coupons": Family(
        "coupons",
        {"code": checks.text, "description": checks.short, "destination_url": checks.url, "reference": checks.text},
        required=("code",),
        unique=("code",),
        defaults={"description": None, "destination_url": None, "reference": None},
    ),
    "/v1/attribution/actions": Family(
        "actions",
        {"name": checks.text, "title": checks.text, "goal": checks.yes_or_no, "passive": checks.yes_or_no},
        required=("name",),
        unique=("name",),
        defaults={"goal": False, "passive": True, "title": None},
        before=_name_action,
        after=lambda store, item: store.forget_action(item["name"]),
    ),
    "/v1/attribution/apps": Family(
        "apps",
        {"name": checks.text, "image_url": checks.url, "metadata": checks.anything},
        required=("name",),
        defaults={"image_url": None, "metadata": {}},
    ),
    "/v1/attribution/carts": Family(
        "carts", {**_REFERRED, "items": checks.objects}, defaults={"reference": None, "source": None, "items": []}
    ),
    "/v1/attribution/orders": Family(
        "orders", _ORDER, defaults={"reference": None, "source": None, "items": []}, before=fill_order
    ),
    "/v1/attribution/products": Family(
        "products",
        _PRODUCT,
        required=("name",),
        defaults={"reference": None, "source": None, "sku": None, "variants": []},
        before=make_variants,
        after=drop_variants,
    ),
    "/v1/objects": Family(
        "objects",
        {"title": checks.text, "name": checks.text, "properties": checks.objects},
        required=("name",),
        unique=("name",),
        defaults={"title": None, "properties": []},
        before=_name_object,
    ),
    "/v1/templates": Family(
        "templates",
        {
            "name": checks.text, "technology": checks.one_of("sms", "whatsapp", "any"), "body": checks.text,
            "category": checks.one_of("marketing", "utility"), "header": checks.anything, "footer": checks.short,
            "buttons": checks.objects,
        },
        required=("name", "body"),
        unique=("name",),
        defaults={"technology": "any", "category": "marketing", "header": None, "footer": None, "buttons": []},
        before=check_template,
        partial=False,
        deleted=202,
    ),
}  # fmt: skip

VARIANTS = Family(
    "variants",
    {**_REFERRED, "name": checks.text, "sku": checks.text, "price": checks.money},
    after=remove_variant,
)
"""Variants are made through their product, and changed through a route of their own."""
