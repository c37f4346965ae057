"""The uniform families, each a row of a table: what it takes, what is required, what must be unique."""

# What comes in is JSON of any shape.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .collection import Collection
from .refusal import blank, missing, refuse
from .values import CREATABLE, is_empty

if TYPE_CHECKING:
    from .store import Store

__all__ = ["FAMILIES", "Family", "create", "remove", "update"]

Object = dict[str, Any]
Check = Callable[["Store", str, Any], Any]


def _text(_: Store, name: str, value: Any) -> Any:
    if value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool)):
        return value
    raise refuse("invalid", name)


def _bool(_: Store, name: str, value: Any) -> bool:
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    if isinstance(value, bool):
        return value
    raise refuse("invalid", name)


def _any(_: Store, name: str, value: Any) -> Any:
    return value


def _url(_: Store, name: str, value: Any) -> Any:
    if is_empty(value) or (isinstance(value, str) and re.match(r"https?://", value)):
        return value
    raise refuse("invalid", name)


def _description(_: Store, name: str, value: Any) -> Any:
    if value is None or (isinstance(value, str) and len(value) <= 140):
        return value
    raise refuse("invalid", name)


def _kind(_: Store, name: str, value: Any) -> Any:
    if value in CREATABLE:
        return value
    raise refuse("invalid", name)


def _property_name(_: Store, name: str, value: Any) -> Any:
    if value is None or (isinstance(value, str) and not re.match(r"\d", value) and not set("{}") & set(value)):
        return value
    raise refuse("invalid", name)


def _profile(store: Store, name: str, value: Any) -> Any:
    return None if value is None else store.profiles.get(value, name)["id"] if not _is_old(store, value) else value


def _is_old(store: Store, value: Any) -> bool:
    """The document's own example names a property's id as its profile."""
    return store.properties.find(value) is not None


def _position(store: Store, name: str, value: Any) -> int | None:
    if is_empty(value):
        return None
    if str(value).isdecimal():
        return int(value)
    raise refuse("invalid", name)


@dataclass(frozen=True)
class Family:
    """One family: its collection in the store, its fields with their checks and what they are by default."""

    collection: str
    fields: dict[str, Check]
    required: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)
    by_name: bool = False

    def of(self, store: Store) -> Collection:
        """Its collection."""
        found: Collection = getattr(store, self.collection)
        return found


_REFERRED: dict[str, Check] = {"reference": _text, "source": _text, "metadata": _any}
_ORDER: dict[str, Check] = {
    **_REFERRED,
    "name": _text, "delivery": _text, "payment_method": _text, "sales_channel": _text, "items": _any, "total": _any,
}  # fmt: skip
_PRODUCT: dict[str, Check] = {
    **_REFERRED, "name": _text, "sku": _text, "brand": _text, "url": _url, "image_url": _url, "price": _any,
    "categories": _any, "collection": _any, "tags": _any, "variants": _any,
}  # fmt: skip

FAMILIES: dict[str, Family] = {
    "/v1/properties": Family(
        "properties",
        {"kind": _kind, "name": _property_name, "profile": _profile, "unique": _bool, "position": _position},
        required=("kind",),
        defaults={"name": None, "position": None, "profile": None, "unique": False},
    ),
    "/v1/lists": Family("lists", {"name": _text}, required=("name",), by_name=True),
    "/v1/coupons": Family(
        "coupons",
        {"code": _text, "description": _description, "destination_url": _url, "reference": _text},
        required=("code",),
        unique=("code",),
        defaults={"description": None, "destination_url": None, "reference": None},
    ),
    "/v1/attribution/actions": Family(
        "actions",
        {"name": _text, "title": _text, "goal": _bool, "passive": _bool},
        required=("name",),
        unique=("name",),
        defaults={"goal": False, "passive": True, "title": None},
    ),
    "/v1/attribution/apps": Family(
        "apps",
        {"name": _text, "image_url": _url, "metadata": _any},
        required=("name",),
        defaults={"image_url": None, "metadata": {}},
    ),
    "/v1/attribution/carts": Family(
        "carts", {**_REFERRED, "items": _any}, defaults={"reference": None, "source": None, "items": []}
    ),
    "/v1/attribution/orders": Family("orders", _ORDER, defaults={"reference": None, "source": None, "items": []}),
    "/v1/attribution/products": Family(
        "products", _PRODUCT, required=("name",), defaults={"reference": None, "sku": None, "variants": []}
    ),
    "/v1/objects": Family(
        "objects", {"title": _text, "name": _text, "properties": _any}, required=("name",), unique=("name",)
    ),
}


def create(store: Store, family: Family, body: Object) -> Object:
    """A new object of the family."""
    for name in family.required:
        if name not in body:
            raise missing(name)
    fields = _fields(store, family, body)
    if family.collection == "properties":
        _complete_property(store, fields)
    if family.collection == "actions":
        _not_built_in(fields["name"])
    defaults = {
        name: value.copy() if isinstance(value, (dict, list)) else value for name, value in family.defaults.items()
    }
    head = {name: value for name, value in {**defaults, **fields}.items() if value is not None or name in defaults}
    return store.new(family.of(store), **head)


def update(store: Store, family: Family, key: str, body: Object) -> Object:
    """Change what is given of an object."""
    item = family.of(store).get(key)
    fields = _fields(store, family, body, but=item["id"])
    if "position" in fields and fields["position"] is None:
        fields["position"] = _bottom(store, item["kind"], but=item["id"])
    item.update(fields)
    return item


def remove(store: Store, family: Family, key: str) -> Object:
    """Delete an object, and what hangs on it."""
    item = family.of(store).remove(key)
    if family.collection == "properties":
        store.profiles.drop_property(item)
    if family.collection == "actions":
        store.forget_action(item["name"])
    if family.collection == "lists":
        for profile in store.profiles:
            profile["lists"] = [id for id in profile["lists"] if id != item["id"]]
    return {"id": item["id"], "type": item["type"], "deleted": True}


def _fields(store: Store, family: Family, body: Object, *, but: str | None = None) -> Object:
    found = {name: check(store, name, body[name]) for name, check in family.fields.items() if name in body}
    for name in family.required:
        if name in found and is_empty(found[name]):
            raise blank(name)
    for name in family.unique:
        if name in found and family.of(store).taken(name, found[name], but=but):
            raise refuse("parameter_not_unique", name)
    return found


def _complete_property(store: Store, fields: Object) -> None:
    if fields["kind"] in ("address", "email", "phone") and not fields.get("profile"):
        raise missing("profile")
    fields["position"] = _bottom(store, fields["kind"])


def _bottom(store: Store, kind: str, *, but: str | None = None) -> int:
    places = [p["position"] or 0 for p in store.properties if p["kind"] == kind and p["id"] != but]
    return max(places, default=0) + 1


def _not_built_in(name: Any) -> None:
    from .events import NEEDS

    if name in NEEDS:
        raise refuse("parameter_not_unique", "name")
