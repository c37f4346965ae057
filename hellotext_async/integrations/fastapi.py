"""FastAPI: a lifespan that opens and drains a client and a queue, and dependencies for both.

>>> app = FastAPI(lifespan=hellotext_lifespan())
>>>
>>> @app.post("/orders/{order}")
... async def placed(order: str, profile: str, queue: HellotextQueue) -> None:
...     queue.track("order.placed", order=order, profile=profile)

At shutdown (SIGTERM included) the queue is drained for up to `drain` seconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.requests import HTTPConnection

from ..client import Hellotext
from ..errors import ConfigurationError
from ..queue.queue import EventQueue

__all__ = ["HellotextClient", "HellotextQueue", "hellotext_lifespan"]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any] | None]]


def hellotext_lifespan(
    make_client: Callable[[], Hellotext] = Hellotext,
    *,
    make_queue: Callable[[Hellotext], EventQueue] = Hellotext.event_queue,
    drain: float = 10,
    then: Lifespan | None = None,
) -> Lifespan:
    """A lifespan with a client and a queue; `then` is the app's own, which runs inside it.

    `make_client` and `make_queue` say how both are set up; by default they come from the environment.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(make_client())
            queue = await stack.enter_async_context(make_queue(client))
            stack.push_async_callback(queue.aclose, timeout=drain)
            app.state.hellotext = (client, queue)
            inner = None if then is None else await stack.enter_async_context(then(app))
            yield dict(inner or {})

    return lifespan


def _open(connection: HTTPConnection) -> tuple[Hellotext, EventQueue]:
    found: tuple[Hellotext, EventQueue] | None = getattr(connection.app.state, "hellotext", None)
    if found is None:
        raise ConfigurationError("this app was made without lifespan=hellotext_lifespan()")
    return found


async def _client(connection: HTTPConnection) -> Hellotext:
    return _open(connection)[0]


async def _queue(connection: HTTPConnection) -> EventQueue:
    return _open(connection)[1]


HellotextClient = Annotated[Hellotext, Depends(_client)]
HellotextQueue = Annotated[EventQueue, Depends(_queue)]
