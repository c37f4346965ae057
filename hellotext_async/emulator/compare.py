"""Compare an event as a test writes it with one as it came over the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeGuard
from uuid import UUID

from .actions import TRACKABLES
from .forms import is_array, is_object

__all__ = ["differences", "same"]

Object = dict[str, Any]
_ABSENT = object()


def differences(event: Object, fields: Mapping[str, Any]) -> list[str]:
    """What differs, one line a field: ``amount is 9.9, not 89.9``."""
    found = ((name, wanted, _field(event, name)) for name, wanted in fields.items())
    return [_describe(name, wanted, value) for name, wanted, value in found if not same(wanted, value)]


def _field(event: Object, name: str) -> Any:
    """A field, also where the vendor's newer form has it: ``object`` for ``order``."""
    if name in event:
        return event[name]
    kind = TRACKABLES.get(event.get("action", ""))
    newer = {kind: "object", f"{kind}_parameters": "object_parameters"}.get(name, name) if kind else name
    return event.get(newer, _ABSENT)


def same(wanted: Any, found: Any) -> bool:
    """Whether `found` is what `wanted` is sent as; a mapping may have more than what is wanted."""
    if found is _ABSENT:
        return wanted is None
    if _is_mapping(wanted):
        return is_object(found) and all(same(value, found.get(key, _ABSENT)) for key, value in wanted.items())
    if _is_sequence(wanted):
        return is_array(found) and len(found) == len(wanted) and all(map(same, wanted, found))
    return bool(wanted == found) or _sent_as(wanted, found)


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def _sent_as(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, datetime):
        return _moment(found) == wanted.timestamp()
    if isinstance(wanted, Decimal):
        return isinstance(found, (int, float)) and float(wanted) == float(found)
    if isinstance(wanted, Enum):
        return same(wanted.value, found)
    return isinstance(wanted, (date, UUID)) and str(wanted) == found


def _moment(found: Any) -> float | None:
    try:
        return datetime.fromisoformat(found).timestamp() if isinstance(found, str) else float(found)
    except (TypeError, ValueError):
        return None


def _describe(name: str, wanted: Any, found: Any) -> str:
    if found is _ABSENT:
        return f"{name} is missing, not {wanted!r}"
    if _is_mapping(wanted) and is_object(found):
        return "; ".join(f"{name}.{line}" for line in differences(found, wanted))
    return f"{name} is {found!r}, not {wanted!r}"
