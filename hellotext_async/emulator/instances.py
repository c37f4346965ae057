"""Instances of the business's own structures: what an event says of a new one, held against the structure.

Rules. A value stands under its property's name, or in `property_by_id` under its id. That a property is `required` or
`unique` is the vendor's guide on objects; which error refuses a value is inferred from the other families.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .collection import scalar
from .forms import is_object
from .refusal import blank, missing, refuse
from .values import is_empty

if TYPE_CHECKING:
    from .store import Store

__all__ = ["check_instance"]

Object = dict[str, Any]


def check_instance(store: Store, structure: Object, given: Object) -> None:
    """Refuse an instance without a required value, or with a unique one that another instance has."""
    for definition in structure["properties"]:
        name = scalar(definition.get("name")) or ""
        there, value = _value(definition, given)
        if _yes(definition.get("required")) and is_empty(value):
            raise blank(name) if there else missing(name)
        if _yes(definition.get("unique")) and not is_empty(value) and _taken(store, structure, definition, value):
            raise refuse("parameter_not_unique", name)


def _yes(value: object) -> bool:
    return str(value).lower() in ("true", "1")


def _value(definition: Object, given: Object) -> tuple[bool, Any]:
    """Whether there is a value, and it."""
    by_id, id, name = given.get("property_by_id"), scalar(definition.get("id")), scalar(definition.get("name"))
    if id is not None and is_object(by_id) and id in by_id:
        return True, by_id[id]
    return name in given, given.get(name or "")


def _taken(store: Store, structure: Object, definition: Object, value: Any) -> bool:
    wanted = scalar(value)
    return wanted is not None and any(
        scalar(_value(definition, instance["fields"])[1]) == wanted
        for instance in store.instances
        if store.objects.find(instance["object_type"]) is structure
    )
