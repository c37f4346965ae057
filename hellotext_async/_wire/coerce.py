"""Drop the parts of a value that do not fit its type.

Rules. The recursion follows the type, so its depth is bounded by the type and not by the value. A
field that does not fit is left out (and gets its default), an element of a list is dropped. A
required field that is missing or does not fit is a CoercionError of the whole. A whole number where
text is expected (an id, a reference) is taken as text.
"""

from __future__ import annotations

from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from .kinds import convert
from .shapes import is_array, is_object

__all__ = ["CoercionError", "can_coerce", "coerce"]

T = TypeVar("T")


class CoercionError(Exception):
    """A required part of the value does not fit its type."""


def coerce(value: Any, kind: type[T]) -> T:
    """`value` (decoded JSON) as `kind`, without the parts that do not fit; or CoercionError."""
    try:
        return convert(_pruned(value, kind), kind, strict=False)
    except (msgspec.ValidationError, RecursionError):
        raise CoercionError from None


def can_coerce(value: Any, kind: type[Any]) -> bool:
    """Whether `coerce` would return rather than raise."""
    try:
        coerce(value, kind)
    except CoercionError:
        return False
    return True


def _pruned(value: Any, kind: Any) -> Any:
    try:
        convert(value, kind, strict=False)
    except msgspec.ValidationError:
        pass
    else:
        return value
    for option in _options(kind):
        if option is str and type(value) is int:
            return str(value)
        if is_object(value) and isinstance(option, type) and issubclass(option, msgspec.Struct):
            return _fields(value, option)
        if is_array(value) and get_origin(option) is list:
            return _elements(value, get_args(option)[0])
    raise CoercionError


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _fields(value: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in value:
            try:
                kept[field.encode_name] = _pruned(value[field.encode_name], field.type)
            except CoercionError:
                if field.required:
                    raise
        elif field.required:
            raise CoercionError
    return kept


def _elements(values: list[Any], kind: Any) -> list[Any]:
    kept: list[Any] = []
    for value in values:
        try:
            kept.append(_pruned(value, kind))
        except CoercionError:
            continue
    return kept
