"""FastAPI: the application's clients and queues and the visitor's session as dependencies.

Rules. Every dependency is ``async``, so it takes no thread, and named, so a test can override it:
``app.dependency_overrides[hellotext_client] = ...``. Needs the extra ``fastapi``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Annotated, Final

from ..client import Hellotext
from ..queue.queue import EventQueue
from ._extra import missing

try:
    from fastapi import Depends, WebSocketException
    from fastapi.exceptions import RequestValidationError
    from fastapi.requests import HTTPConnection
    from fastapi.responses import Response
except ModuleNotFoundError:
    raise missing("fastapi", "fastapi") from None

from .starlette import (
    REQUEST_RETRY,
    REQUEST_TIMEOUTS,
    SESSION,
    HellotextState,
    VisitorSessionMiddleware,
    add_hellotext_handlers,
    client_of,
    hellotext_lifespan,
    lifespans,
    queue_of,
    remember_session,
    session_of,
)

__all__ = [
    "REQUEST_RETRY",
    "REQUEST_TIMEOUTS",
    "HellotextClient",
    "HellotextQueue",
    "HellotextState",
    "VisitorSession",
    "VisitorSessionMiddleware",
    "add_hellotext_handlers",
    "client_named",
    "hellotext_client",
    "hellotext_lifespan",
    "hellotext_queue",
    "lifespans",
    "queue_named",
    "remember_session",
    "visitor_session",
]


POLICY_VIOLATION: Final = 1008
"""RFC 6455's code for a websocket whose request is refused."""


async def hellotext_client(connection: HTTPConnection) -> Hellotext:
    """The application's client."""
    return client_of(connection)


async def hellotext_queue(connection: HTTPConnection) -> EventQueue:
    """The application's event queue."""
    return queue_of(connection)


@cache
def client_named(name: str) -> Callable[[HTTPConnection], Awaitable[Hellotext]]:
    """The dependency for the client of ``hellotext_lifespan(name=name)``; the same one at each call."""

    async def named_client(connection: HTTPConnection) -> Hellotext:
        return client_of(connection, name)

    return named_client


@cache
def queue_named(name: str) -> Callable[[HTTPConnection], Awaitable[EventQueue]]:
    """The dependency for the queue of ``hellotext_lifespan(name=name)``; the same one at each call."""

    async def named_queue(connection: HTTPConnection) -> EventQueue:
        return queue_of(connection, name)

    return named_queue


async def visitor_session(connection: HTTPConnection, response: Response) -> str | None:
    """The visitor's Hellotext session: the query parameter ``hello_session``, else the cookie of that name, else None.

    One that came by query is set as the cookie. A parameter that is no session's id is answered with 422. A path
    operation that returns a `Response` of its own calls `remember_session`, or has `VisitorSessionMiddleware`.
    """
    try:
        session, new = session_of(connection)
    except ValueError as error:
        message = str(error).partition(": ")[2]
        if connection.scope["type"] == "websocket":
            raise WebSocketException(POLICY_VIOLATION, str(error)) from None
        raise RequestValidationError([{"type": "value_error", "loc": ("query", SESSION), "msg": message}]) from None
    if session is not None and new:
        remember_session(response, session, secure=connection.url.scheme in ("https", "wss"))
    return session


HellotextClient = Annotated[Hellotext, Depends(hellotext_client)]
"""The application's client, as a parameter of a path operation or a dependency."""

HellotextQueue = Annotated[EventQueue, Depends(hellotext_queue)]
"""The application's event queue."""

VisitorSession = Annotated[str | None, Depends(visitor_session)]
"""The visitor's Hellotext session, or None."""
