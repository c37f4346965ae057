"""Requests of the transport tests, and their outcomes as short strings."""

from __future__ import annotations

from typing import Final

from hellotext_async._wire.call import EVENTS_PATH, Reply, Request
from hellotext_async.transport import Transport, Unanswered

__all__ = ["POST", "ask", "numbered", "status_or_doubt"]

POST: Final = Request("POST", EVENTS_PATH, b'{"action":"page.viewed"}')


def numbered(number: int) -> Request:
    """An event with a number, so that events can be distinguished."""
    return Request("POST", EVENTS_PATH, b'{"action":"page.viewed","ref":%d}' % number)


async def ask(transport: Transport, request: Request = POST, *, total: float = 30) -> Reply | Unanswered:
    """The outcome of one exchange."""
    try:
        return await transport.exchange(request, total=total)
    except Unanswered as nothing:
        return nothing


def status_or_doubt(end: Reply | Unanswered) -> int | None:
    """The status that was read; None if the request was sent without a status. An unsent request fails the test."""
    if isinstance(end, Unanswered):
        assert end.sent, end
        return None
    return end.status
