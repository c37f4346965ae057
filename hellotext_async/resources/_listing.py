"""A collection that does nothing until it is awaited (one page) or iterated (every item)."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from .._wire.pages import Page, following
from ..errors import UnexpectedResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator

    from .._wire.call import Call, Sends

__all__ = ["Listing"]

T = TypeVar("T")


class Listing(Coroutine[Any, Any, Page[T]]):
    """``await`` it for one `Page`, ``async for`` it for every item of all pages, `pages()` for the pages.

    With `ending_before` the pages go upwards from that id, each in the API's own order. It is a coroutine, so that
    ``asyncio.create_task`` and task groups take it.
    """

    __slots__ = ("_call", "_once", "_sends")

    def __init__(self, sends: Sends, call: Call[Page[T]]) -> None:
        self._sends = sends
        self._call = call
        self._once: Coroutine[Any, Any, Page[T]] | None = None

    def __await__(self) -> Generator[object, None, Page[T]]:
        return self._sends.send(self._call).__await__()

    # What a task needs of a coroutine.

    def _begun(self) -> Coroutine[Any, Any, Page[T]]:
        if self._once is None:
            self._once = self._sends.send(self._call)
        return self._once

    def send(self, value: Any, /) -> Any:
        """The next step of a task that reads one page."""
        return self._begun().send(value)

    def throw(self, kind: Any, value: Any = None, trace: Any = None, /) -> Any:
        """The next step of a task that was cancelled."""
        error: BaseException = kind if value is None else value
        return self._begun().throw(error)

    def close(self) -> None:
        """End what a task began; nothing if none did."""
        if self._once is not None:
            self._once.close()

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
