"""The definitions of properties: whose they are, what they are called, and where they stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from .collection import Collection

__all__ = ["ALONE", "Properties"]

Object = dict[str, Any]
ALONE = ("phone", "email", "mercadolibre")
"""Kinds whose positions count among themselves; all others stand in one order."""


class Properties(Collection):
    """The definitions. One with a `profile` is that profile's own, any other is everybody's.

    A kind can be used without a definition too: `plain` has the ids for that, which are not listed.
    """

    def __init__(self, identifier: Callable[[], str]) -> None:
        super().__init__("property", "properties")
        self._identifier = identifier
        self._owned: defaultdict[tuple[str | None, str | None], dict[str, None]] = defaultdict(dict)
        self._bottoms: defaultdict[str, int] = defaultdict(int)
        self._plain: dict[str, Object] = {}

    def add(self, item: Object) -> Object:
        """Take in a definition."""
        self._sink(item["kind"], item["position"])
        return super().add(item)

    def change(self, item: Object, /, **fields: Any) -> Object:
        """Set fields of a definition."""
        self._sink(item["kind"], fields.get("position", 0))
        return super().change(item, **fields)

    def _places(self, item: Object) -> Iterator[dict[str, None]]:
        yield self._owned[item["profile"], item["name"]]

    def called(self, name: str | None, profile: str, kind: str | None = None) -> Object | None:
        """The definition with this name that is the profile's own, else everybody's."""
        for owner in (profile, None):
            for id in self._owned.get((owner, name), ()):
                if kind in (None, self._items[id]["kind"]):
                    return self._items[id]
        return None

    def plain(self, kind: str) -> Object:
        """What stands for a kind that has no name."""
        if kind not in self._plain:
            self._plain[kind] = {"id": self._identifier(), "kind": kind, "name": None, "profile": None, "unique": False}
        return self._plain[kind]

    def plain_by_id(self, id: str) -> Object | None:
        """The one of those with this id."""
        return next((found for found in self._plain.values() if found["id"] == id), None)

    def bottom(self, kind: str) -> int:
        """The position after all others of this kind (or of all kinds that stand together)."""
        return self._bottoms[_order(kind)] + 1

    def _sink(self, kind: str, position: int) -> None:
        self._bottoms[_order(kind)] = max(self._bottoms[_order(kind)], position)


def _order(kind: str) -> str:
    return kind if kind in ALONE else ""
