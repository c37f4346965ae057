"""A collection that does nothing until it is awaited (one page) or iterated (every item)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from .._wire.pages import Page, following
from ..errors import UnexpectedResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator

    from .._wire.call import Call, Sends

__all__ = ["Listing"]

T = TypeVar("T")


class Listing(Generic[T]):
    """``await`` it for one `Page`, ``async for`` it for every item of all pages, `pages()` for the pages.

    With `ending_before` the pages go upwards from that id, each in the API's own order.
    """

    __slots__ = ("_call", "_sends")

    def __init__(self, sends: Sends, call: Call[Page[T]]) -> None:
        self._sends = sends
        self._call = call

    def __await__(self) -> Generator[object, None, Page[T]]:
        return self._sends.send(self._call).__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """Every page that has items. A cursor that comes back is UnexpectedResponse instead of an endless loop."""
        call: Call[Page[T]] | None = self._call
        seen: set[str | int | None] = set()
        while call is not None:
            page = await self._sends.send(call)
            if page.items:
                yield page
            call = following(call, page)
            cursor = None if call is None else _cursor(call)
            if cursor is not None and cursor in seen:
                raise UnexpectedResponse(200, problem="the collection led back to a page that was read already")
            seen.add(cursor)


def _cursor(call: Call[Page[T]]) -> str | int | None:
    query = call.query or {}
    return query.get("starting_after") or query.get("ending_before")
