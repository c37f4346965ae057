"""A client and an event queue for a FastAPI application: opened with it, drained before it ends.

Rules. They live as long as the application, one of each per worker process. They are handed to
requests as lifespan state, so mounted applications and websockets see them too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, Final, TypedDict

from fastapi import Depends
from fastapi.requests import HTTPConnection

from ..client import Hellotext
from ..errors import ConfigurationError
from ..queue.queue import EventQueue

__all__ = ["HellotextClient", "HellotextQueue", "HellotextState", "hellotext_lifespan"]

DRAIN: Final = 10.0


class HellotextState(TypedDict):
    """What the lifespan adds to the state of requests."""

    hellotext_client: Hellotext
    hellotext_queue: EventQueue


Lifespan = Callable[[Any], AbstractAsyncContextManager[HellotextState]]


def hellotext_lifespan(
    make_client: Callable[[], Hellotext] = Hellotext,
    *,
    make_queue: Callable[[Hellotext], EventQueue] = Hellotext.event_queue,
    drain: float = DRAIN,
) -> Lifespan:
    """A lifespan for ``FastAPI(lifespan=...)``.

    `make_client` and `make_queue` run at startup, in the application's loop; by default both are as
    the environment says. At shutdown, after the
    last request, the queue delivers what it has for up to `drain` seconds.

    An application with a lifespan of its own enters this one in it and yields its state:

    >>> hellotext = hellotext_lifespan()
    >>> @asynccontextmanager
    ... async def lifespan(app):
    ...     async with hellotext(app) as state:
    ...         yield {**state, "name": "my own"}
    """

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncGenerator[HellotextState]:
        async with make_client() as client, make_queue(client) as queue:
            yield {"hellotext_client": client, "hellotext_queue": queue}
            await queue.aclose(drain)

    return lifespan


def _from_state(name: str) -> Callable[[HTTPConnection], Any]:
    def found(connection: HTTPConnection) -> Any:
        try:
            return connection.scope["state"][name]
        except KeyError:
            raise ConfigurationError("the application's lifespan does not yield hellotext_lifespan()'s state") from None

    return found


HellotextClient = Annotated[Hellotext, Depends(_from_state("hellotext_client"))]
"""The application's client, as a parameter of a path operation or a dependency."""

HellotextQueue = Annotated[EventQueue, Depends(_from_state("hellotext_queue"))]
"""The application's event queue."""
