"""Type guards for plain values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeGuard

__all__ = ["is_array", "is_collection", "is_mapping", "is_object", "is_sequence"]


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is a decoded JSON object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a decoded JSON array."""
    return isinstance(value, list)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is a mapping that a caller may pass, with keys of any type."""
    return isinstance(value, (dict, Mapping))


def is_collection(value: object) -> TypeGuard[Collection[Any]]:
    """Whether it is a list, tuple or set that a caller may pass."""
    return isinstance(value, (list, tuple, set, frozenset))


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it is a list or tuple that a caller may pass."""
    return isinstance(value, (list, tuple))
