"""The CPU that this package's FastAPI dependencies cost a request, beside dependencies that return a constant."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from inspect import Parameter, Signature
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI
from fastapi.requests import HTTPConnection

from hellotext_async import Hellotext
from hellotext_async.integrations.fastapi import hellotext_client, hellotext_queue, visitor_session

from .ground import Ground
from .paired import Ratio, ratio
from .row import Goal, Row

__all__ = ["rows"]

REQUESTS: Final = 300
"""Requests of one kind before the next kind."""
ROUNDS: Final = 4
"""Rounds for each pair of other races: a round takes a tenth of a second."""


def _constant() -> Callable[..., Awaitable[int]]:
    async def constant(connection: HTTPConnection) -> int:
        return 1

    return constant


def _app(*dependencies: Callable[..., Awaitable[Any]]) -> FastAPI:
    """One route with these dependencies."""
    app = FastAPI()

    async def route(**given: Any) -> int:
        return 1

    route.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(f"d{number}", Parameter.KEYWORD_ONLY, annotation=Annotated[Any, Depends(each)])
            for number, each in enumerate(dependencies)
        ]
    )
    app.get("/")(route)
    return app


def _apps() -> dict[str, FastAPI]:
    return {
        "none": _app(),
        "constant": _app(_constant()),
        "client": _app(hellotext_client),
        "constants": _app(*(_constant() for _ in range(3))),
        "all": _app(hellotext_client, hellotext_queue, visitor_session),
    }


def _scope(state: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "", "headers": [(b"host", b"shop.example")],
        "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 50000), "state": dict(state),
    }  # fmt: skip


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: dict[str, Any]) -> None:
    if message.get("status", 200) != 200:
        raise RuntimeError(f"the application answered {message['status']}")


async def _cost(app: Callable[..., Awaitable[None]], state: dict[str, Any]) -> float:
    """CPU microseconds of one request."""
    began = time.process_time()
    for _ in range(REQUESTS):
        await app(_scope(state), _receive, _send)
    return (time.process_time() - began) / REQUESTS * 1e6


async def _rounds(count: int) -> list[dict[str, float]]:
    apps = _apps()
    async with Hellotext("token", base_url="http://127.0.0.1:9") as client, client.event_queue() as queue:
        state = {"hellotext_client": client, "hellotext_queue": queue}
        for app in apps.values():
            await _cost(app, state)
        return [{name: await _cost(app, state) for name, app in apps.items()} for _ in range(count)]


def rows(ground: Ground) -> Iterator[Row]:
    """The cost of each beyond a route without dependencies, in one process and one run."""
    rounds = asyncio.run(_rounds(ground.pairs * ROUNDS))
    name = "client, queue and session, beyond three dependencies that return a constant"
    yield Row("fastapi", name, _beyond(rounds, "all", "constants"), "µs", Goal(10, less=True))
    yield Row("fastapi", "the client, beyond one that returns a constant", _beyond(rounds, "client", "constant"), "µs")
    yield Row("fastapi", "one that returns a constant, beyond none", _beyond(rounds, "constant", "none"), "µs")


def _beyond(rounds: list[dict[str, float]], what: str, base: str) -> Ratio:
    figure = ratio([costs[what] - costs[base] for costs in rounds])
    return figure._replace(each=statistics.median(costs[what] for costs in rounds))
