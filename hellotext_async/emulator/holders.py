"""An index of property values: which profiles hold which value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

__all__ = ["Holders"]

Object = dict[str, Any]


class Holders:
    """Profile ids by value. Contacts are compared across all properties of their kind, others within their property."""

    def __init__(self) -> None:
        self._ids: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)

    def add(self, values: Iterable[Object], profile: str) -> None:
        """`profile` holds these values."""
        for value in values:
            self._ids[_key(value)][profile] = None

    def discard(self, values: Iterable[Object], profile: str) -> None:
        """`profile` no longer holds these values."""
        for value in values:
            self._ids[_key(value)].pop(profile, None)

    def of_contact(self, kind: str, value: Any) -> str | None:
        """The profile that has this e-mail or phone, if any."""
        return next(iter(self._ids.get((kind, repr(value)), ())), None)

    def held_by_others(self, value: Object, profile: str) -> bool:
        """Whether a profile other than `profile` has the value."""
        return any(id != profile for id in self._ids.get(_key(value), ()))


def _key(value: Object) -> tuple[str, str]:
    definition = value["property"]
    return definition["kind"] if "verified" in value else definition["id"], repr(value["value"])
