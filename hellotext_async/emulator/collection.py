"""A collection of objects of one type: by id or by another of their keys, newest first, paged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .refusal import not_found, refuse

__all__ = ["Collection", "page"]

Object = dict[str, Any]
DEFAULT_LIMIT = 25
MOST = 100


class Collection:
    """Objects of one `type`, listed under `key`; `also` are fields that find one as well as its id."""

    def __init__(self, type: str, key: str, *, also: tuple[str, ...] = ()) -> None:
        self.type = type
        self.key = key
        self.also = also
        self._items: dict[str, Object] = {}

    def __iter__(self) -> Iterator[Object]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Object) -> Object:
        """Take in an object that has its id."""
        self._items[item["id"]] = item
        return item

    def find(self, key: Any) -> Object | None:
        """The object with this id, else with this name, reference or whatever counts here."""
        found = self._items.get(key) if isinstance(key, str) else None
        if found is not None:
            return found
        wanted = str(key)
        for item in self._items.values():
            if any(item.get(name) is not None and str(item[name]) == wanted for name in self.also):
                return item
        return None

    def get(self, key: Any, parameter: str | None = None) -> Object:
        """`find`, or 404."""
        found = self.find(key)
        if found is None:
            raise not_found(parameter)
        return found

    def remove(self, key: str) -> Object:
        """Take an object out, or 404."""
        found = self.get(key)
        del self._items[found["id"]]
        return found

    def taken(self, name: str, value: Any, *, but: str | None = None) -> bool:
        """Whether another object has this value."""
        return any(item.get(name) == value and item["id"] != but for item in self._items.values())

    def newest_first(self) -> list[Object]:
        """Every object, the latest created first."""
        return list(reversed(self._items.values()))


def page(items: Iterable[Object], query: dict[str, Any]) -> tuple[list[Object], bool]:
    """The page that `query` asks for, and whether more follows in its direction."""
    every = list(items)
    limit = _limit(query.get("limit"))
    if "starting_after" in query and "ending_before" in query:
        raise refuse("ambiguous_parameter", "ending_before", status=400)
    if "starting_after" in query:
        rest = every[_place(every, query, "starting_after", lambda i: i + 1) :]
        return rest[:limit], len(rest) > limit
    if "ending_before" in query:
        rest = every[: _place(every, query, "ending_before", lambda i: i)]
        return rest[-limit:], len(rest) > limit
    return every[:limit], len(every) > limit


def _limit(value: Any) -> int:
    if value is None:
        return DEFAULT_LIMIT
    if not str(value).isdecimal() or int(value) < 1:
        raise refuse("invalid", "limit", status=400)
    return min(int(value), MOST)


def _place(items: list[Object], query: dict[str, Any], name: str, then: Callable[[int], int]) -> int:
    for place, item in enumerate(items):
        if item["id"] == query[name]:
            return then(place)
    raise refuse("not_found", name, status=400)
