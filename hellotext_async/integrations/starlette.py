"""Starlette: clients and queues that live as long as the application, the visitor's session, errors as responses.

Rules. One client and one queue of each name for each worker process, made in the application's loop.
They are handed to requests as lifespan state, so mounted applications and websockets see them too.
Needs the extra ``starlette`` (or ``fastapi``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final, TypedDict, cast

from .._callbacks import check_callable
from ..client import Hellotext
from ..config import Retry, Timeouts, check_seconds, check_text
from ..errors import ConfigurationError
from ..queue.queue import EventQueue
from ._extra import missing

try:
    from starlette.requests import HTTPConnection
except ModuleNotFoundError:
    raise missing("starlette", "starlette") from None

from ._responses import add_hellotext_handlers
from ._session import SESSION, VisitorSessionMiddleware, remember_session, session_of

__all__ = [
    "REQUEST_RETRY",
    "REQUEST_TIMEOUTS",
    "SESSION",
    "HellotextState",
    "Lifespan",
    "VisitorSessionMiddleware",
    "add_hellotext_handlers",
    "client_of",
    "hellotext_lifespan",
    "lifespans",
    "queue_of",
    "remember_session",
    "session_of",
]

DRAIN: Final = 10.0
REQUEST_RETRY: Final = Retry(attempts=3, deadline=10)
"""How the default client retries a call: the response waits for it."""
REQUEST_TIMEOUTS: Final = Timeouts(connect=3, read=8, total=8)
"""How long the default client gives one request."""


class HellotextState(TypedDict):
    """What the lifespan adds to the state of requests; with a name, the keys end in ``_NAME``."""

    hellotext_client: Hellotext
    hellotext_queue: EventQueue


Lifespan = Callable[[Any], AbstractAsyncContextManager[HellotextState]]


def hellotext_lifespan(
    make_client: Callable[[], Hellotext] | None = None,
    *,
    name: str | None = None,
    make_queue: Callable[[Hellotext], EventQueue] = Hellotext.event_queue,
    drain: float = DRAIN,
) -> Lifespan:
    """A lifespan for ``Starlette(lifespan=...)`` or ``FastAPI(lifespan=...)``.

    `make_client` and `make_queue` run at startup, in the application's loop. The default client is as
    the environment says and gives up soon enough for a request (`REQUEST_RETRY`, `REQUEST_TIMEOUTS`).
    At shutdown, after the last request, the queue delivers what it has for up to `drain` seconds.
    `name` distinguishes several; `lifespans` joins them.

    An application with a lifespan of its own enters this one in it and yields its state:

    >>> hellotext = hellotext_lifespan()
    >>> @asynccontextmanager
    ... async def lifespan(app):
    ...     async with hellotext(app) as state:
    ...         yield {**state, "name": "my own"}
    """
    check_text(name, "name")
    check_callable(make_client, "make_client")
    check_callable(make_queue, "make_queue")
    check_seconds(drain, "drain")
    make = make_client or (lambda: Hellotext(name=name, retry=REQUEST_RETRY, timeouts=REQUEST_TIMEOUTS))

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncGenerator[HellotextState]:
        async with make() as client, make_queue(client) as queue:
            state = {_key("hellotext_client", name): client, _key("hellotext_queue", name): queue}
            try:
                yield cast("HellotextState", state)
            finally:
                await queue.aclose(drain)

    return lifespan


def lifespans(*many: Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any]]]) -> Lifespan:
    """One lifespan that enters each of these in order, and yields the state of all."""
    for one in many:
        check_callable(one, "lifespans")

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncGenerator[HellotextState]:
        async with AsyncExitStack() as stack:
            state: dict[str, Any] = {}
            for one in many:
                state |= await stack.enter_async_context(one(app)) or {}
            yield cast("HellotextState", state)

    return lifespan


def client_of(connection: HTTPConnection, name: str | None = None) -> Hellotext:
    """The application's client, for a request or a websocket."""
    client: Hellotext = _from_state(connection, _key("hellotext_client", name))
    return client


def queue_of(connection: HTTPConnection, name: str | None = None) -> EventQueue:
    """The application's event queue, for a request or a websocket."""
    queue: EventQueue = _from_state(connection, _key("hellotext_queue", name))
    return queue


def _key(what: str, name: str | None) -> str:
    return what if name is None else f"{what}_{name}"


def _from_state(connection: HTTPConnection, key: str) -> Any:
    try:
        return connection.scope["state"][key]
    except KeyError:
        raise ConfigurationError(
            f"{key} is not in the application's state: its lifespan must yield that of hellotext_lifespan(), "
            "and must have run (in a test: `with TestClient(app)`)"
        ) from None
