"""Pages of a collection and how one leads to the next (the API's "vector pagination")."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from ..errors import InvalidParameter, UnexpectedResponse
from .codec import Answer
from .params import id_segment

if TYPE_CHECKING:
    from .call import Call

__all__ = ["Page", "following", "page_of", "paging"]

T = TypeVar("T")


class Page(Answer, Generic[T], frozen=True, kw_only=True):
    """Part of a collection, in the API's order; `has_more` is None when the API does not say."""

    items: list[T]
    has_more: bool | None = None

    def __repr__(self) -> str:
        return f"Page({len(self.items)} items, has_more={self.has_more})"

    def to_dict(self) -> dict[str, Any]:
        """The page as the API documents it; `has_more` only if it was told."""
        built = super().to_dict()
        if self.has_more is None:
            del built["has_more"]
        return built


@cache
def page_of(item: type[T], key: str) -> type[Page[T]]:
    """The page type of `item`s that arrive under `key`: the one cast that pages need."""
    fields: list[Any] = [("items", list[item], msgspec.field(name=key, default_factory=list))]  # type: ignore[valid-type]
    built = msgspec.defstruct(f"Page_{key}", fields, bases=(Page,), frozen=True, kw_only=True)
    return cast("type[Page[T]]", built)


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

    Where the API does not say whether more follows, only an empty page is the end: it may give
    fewer items than were asked for.
    """
    if page.has_more is False or not page.items:
        return None
    query = dict(call.query or {})
    backwards = query.get("ending_before") is not None
    name, edge = ("ending_before", page.items[0]) if backwards else ("starting_after", page.items[-1])
    cursor = getattr(edge, "id", None)
    if not cursor:
        raise UnexpectedResponse(200, problem="more items follow, but the last one has no id to go on from")
    return replace(call, query={**query, name: cursor})
