"""The shapes of plain values, told so that type checkers know them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

__all__ = ["is_array", "is_mapping", "is_object", "is_sequence"]


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is an object of JSON as decoded."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether it is an array of JSON as decoded."""
    return isinstance(value, list)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is a caller's mapping, of whatever keys."""
    return isinstance(value, (dict, Mapping))


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it is a caller's list or tuple."""
    return isinstance(value, (list, tuple))
