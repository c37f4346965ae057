"""Pages of a collection, and the call for the next one (the API's "vector pagination")."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import msgspec

from ..errors import InvalidParameter, UnexpectedResponse
from .codec import Answer, LazyJson, attach_raw, decode
from .coerce import can_coerce
from .params import id_segment
from .shapes import is_object

if TYPE_CHECKING:
    from .call import Call

__all__ = ["Page", "following", "page_of", "paging"]

T = TypeVar("T")


class Page(Answer, Generic[T], frozen=True, kw_only=True):
    """Part of a collection, in the API's order; `has_more` is None if the API does not send it."""

    _item: ClassVar[Any]
    _key: ClassVar[str]

    _items: list[T]
    has_more: bool | None = None

    @property
    def items(self) -> list[T]:
        """The objects of this page."""
        json_of: LazyJson | None = vars(self).get("_raw")
        if json_of is not None and "_parts" not in vars(self):
            parts = vars(self)["_parts"] = _Parts(json_of, self._key, self._item)
            for at, item in enumerate(cast("list[Answer]", self._items)):
                attach_raw(item, partial(parts.part, at))
        return self._items

    def __reduce__(self) -> tuple[Any, ...]:
        json_of: LazyJson | None = vars(self).get("_raw")
        if json_of is None:
            return _made, (self._item, self._key, self._items, self.has_more)
        return _read, (self._item, self._key, json_of.body)

    def __repr__(self) -> str:
        return f"Page({len(self._items)} items, has_more={self.has_more})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("items", len(self._items)), ("has_more", self.has_more)]

    def to_dict(self) -> dict[str, Any]:
        """The page as the API documents it; `has_more` only if the API sent it."""
        built = super().to_dict()
        if self.has_more is None:
            del built["has_more"]
        return built


def _made(item: type[Any], key: str, items: list[Any], has_more: bool | None) -> Page[Any]:
    return page_of(item, key)(_items=items, has_more=has_more)


def _read(item: type[Any], key: str, body: bytes) -> Page[Any]:
    return decode(body, page_of(item, key))


class _Parts:
    """The JSON of each item of a page, decoded when the first is read: decoding every page twice would be too slow."""

    __slots__ = ("_found", "_item", "_key", "_raw")

    def __init__(self, json_of: LazyJson, key: str, item: type[Any]) -> None:
        self._raw = json_of
        self._key = key
        self._item = item
        self._found: list[Any] | None = None

    def part(self, at: int) -> Any:
        """The JSON of the item at this index; elements that could not be decoded have none."""
        if self._found is None:
            self._found = [part for part in self._raw()[self._key] if can_coerce(part, self._item)]
        return self._found[at]


_kinds: dict[tuple[Any, str], type[Page[Any]]] = {}


def page_of(item: type[T], key: str) -> type[Page[T]]:
    """The page type of `item`s under the key `key`; the only cast that pages need."""
    found = _kinds.get((item, key))
    if found is None:
        fields: list[Any] = [("_items", cast("Any", list)[item], msgspec.field(name=key))]
        built = msgspec.defstruct(
            "Page", fields, bases=(Page,), namespace={"_item": item, "_key": key}, frozen=True, kw_only=True
        )
        found = _kinds[item, key] = cast("type[Page[T]]", built)
    return found


def paging(
    *, limit: int | None = None, starting_after: str | None = None, ending_before: str | None = None
) -> dict[str, str | int | None]:
    """The query of a collection: how many at most, and after or before which id."""
    if limit is not None and not (isinstance(limit, int) and not isinstance(limit, bool) and limit >= 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidParameter("limit", "expected a whole number from 1")
    if starting_after is not None and ending_before is not None:
        raise InvalidParameter("ending_before", "not together with starting_after")
    for name, cursor in (("starting_after", starting_after), ("ending_before", ending_before)):
        if cursor is not None:
            id_segment(cursor, name)
    return {"limit": limit, "starting_after": starting_after, "ending_before": ending_before}


def following(call: Call[Page[T]], page: Page[T]) -> Call[Page[T]] | None:
    """The call for the page after `page` (before it, when `call` goes by ending_before), or None at the end.

    If the API does not send `has_more`, only an empty page is the end: a page may have fewer items than
    its limit. One whose items could not be read, not a single one, is not empty.
    """
    items = page.items
    if page.has_more is False or not (items or page.has_more or _came(page)):
        return None
    query = dict(call.query or {})
    backwards = query.get("ending_before") is not None
    name, at = ("ending_before", 0) if backwards else ("starting_after", -1)
    cursor = getattr(items[at], "id", None) if items else None
    if not cursor:
        raise UnexpectedResponse(200, problem="more items are to follow, but none was given to go on from")
    return replace(call, query={**query, name: cursor})


def _came(page: Page[Any]) -> bool:
    """Whether the page had elements, readable or not."""
    return is_object(page.raw) and bool(page.raw.get(page._key))  # pyright: ignore[reportPrivateUsage]
