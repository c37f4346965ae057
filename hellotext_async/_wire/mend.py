"""A value that does not fit its type, without what the type cannot hold.

Rules. Guided by the type, so the work is bounded by it and not by the value. A field that cannot
be held is left out (its default takes its place), an element of a list is dropped; what is
required and missing makes the whole a Misfit. A whole number where text is expected (an id, a
reference) is taken as text.
"""

from __future__ import annotations

from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from .kinds import convert
from .shapes import is_array, is_object

__all__ = ["Misfit", "fits", "mended"]

T = TypeVar("T")


class Misfit(Exception):
    """Nothing of the value can be held by the type."""


def mended(value: Any, kind: type[T]) -> T:
    """`value`, as decoded from JSON, as far as `kind` can hold it; or Misfit."""
    try:
        return convert(_pruned(value, kind), kind, strict=False)
    except (msgspec.ValidationError, RecursionError):
        raise Misfit from None


def fits(value: Any, kind: type[Any]) -> bool:
    """Whether `mended` would make something of `value`."""
    try:
        mended(value, kind)
    except Misfit:
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
    raise Misfit


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _fields(value: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in value:
            try:
                kept[field.encode_name] = _pruned(value[field.encode_name], field.type)
            except Misfit:
                if field.required:
                    raise
        elif field.required:
            raise Misfit
    return kept


def _elements(values: list[Any], kind: Any) -> list[Any]:
    kept: list[Any] = []
    for value in values:
        try:
            kept.append(_pruned(value, kind))
        except Misfit:
            continue
    return kept
