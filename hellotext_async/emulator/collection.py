"""A collection of objects of one type: by id or by another of their keys, newest first, paged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .refusal import not_found, refuse

__all__ = ["Collection", "page", "scalar"]

Object = dict[str, Any]
DEFAULT_LIMIT = 25
MOST = 100


def scalar(value: object) -> str | None:
    """A name, code or reference as it is compared: 5 is "5". None for what is none of these."""
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


class Collection:
    """Objects of one `type`, listed under `key`.

    `also` are fields that find an object as well as its id does, `known` others that are looked
    up by value: both are indexed, so an object that is in here changes through `change` only.
    """

    def __init__(self, type: str, key: str, *, also: Sequence[str] = (), known: Sequence[str] = ()) -> None:
        self.type = type
        self.key = key
        self._also = tuple(also)
        self._items: dict[str, Object] = {}
        self._index: dict[str, dict[str, dict[str, None]]] = {name: {} for name in (*also, *known)}

    def __iter__(self) -> Iterator[Object]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Object) -> Object:
        """Take in an object that has its id."""
        self._items[item["id"]] = item
        for ids in self._places(item):
            ids[item["id"]] = None
        return item

    def change(self, item: Object, /, **fields: Any) -> Object:
        """Set fields of an object that is in here; where a value stays, so does its place among those that have it."""
        before = list(self._places(item))
        item.update(fields)
        after = list(self._places(item))
        for ids in before:
            if not any(ids is other for other in after):
                ids.pop(item["id"], None)
        for ids in after:
            ids[item["id"]] = None
        return item

    def remove(self, key: Any) -> Object:
        """Take an object out, or 404."""
        found = self.get(key)
        for ids in self._places(found):
            ids.pop(found["id"], None)
        del self._items[found["id"]]
        return found

    def _places(self, item: Object) -> Iterator[dict[str, None]]:
        for name, index in self._index.items():
            value = scalar(item.get(name))
            if value is not None:
                yield index.setdefault(value, {})

    def find(self, key: Any) -> Object | None:
        """The object with this id, else with this name, reference or whatever counts here."""
        wanted = scalar(key)
        if wanted is None:
            return None
        found = self._items.get(wanted)
        if found is None:
            found = next((item for name in self._also for item in self.having(name, wanted)), None)
        return found

    def get(self, key: Any, parameter: str | None = None) -> Object:
        """`find`, or 404."""
        found = self.find(key)
        if found is None:
            raise not_found(parameter)
        return found

    def having(self, name: str, value: Any) -> Iterator[Object]:
        """The objects whose field `name`, one of the indexed ones, has this value; the oldest first."""
        for id in self._index[name].get(scalar(value) or "", ()):
            yield self._items[id]

    def taken(self, name: str, value: Any, *, but: str | None = None) -> bool:
        """Whether another object has this value."""
        return any(item["id"] != but for item in self.having(name, value))

    def newest_first(self) -> list[Object]:
        """Every object, the latest created first."""
        return list(reversed(self._items.values()))


def page(items: Iterable[Object], query: Object) -> tuple[list[Object], bool]:
    """The page that `query` asks for, and whether more follows in its direction."""
    every = list(items)
    limit = _limit(query.get("limit"))
    if "starting_after" in query and "ending_before" in query:
        raise refuse("ambiguous_parameter", "ending_before", status=400)
    if "starting_after" in query:
        rest = every[_place(every, query, "starting_after", lambda place: place + 1) :]
        return rest[:limit], len(rest) > limit
    if "ending_before" in query:
        rest = every[: _place(every, query, "ending_before", lambda place: place)]
        return rest[-limit:], len(rest) > limit
    return every[:limit], len(every) > limit


def _limit(value: Any) -> int:
    if value is None:
        return DEFAULT_LIMIT
    text = str(value)
    digits = text.lstrip("0") if text.isascii() and text.isdecimal() else ""
    if not digits:
        raise refuse("invalid", "limit", status=400)
    return min(int(digits[:9]), MOST)


def _place(items: list[Object], query: Object, name: str, then: Callable[[int], int]) -> int:
    for place, item in enumerate(items):
        if item["id"] == query[name]:
            return then(place)
    raise refuse("not_found", name, status=400)
