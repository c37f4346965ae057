"""Fixtures for pytest: `hellotext_emulator`, and `hellotext_client` and `hellotext_queue`, which talk to it.

Rules. pytest loads this in every run of a project that has the package installed, so nothing of ours
and no HTTP library is imported before a fixture is used. The emulator serves from a thread of its
own. The client and the queue live in the event loop that runs the test: pytest-asyncio's of any
loop scope, or anyio's. For a plain test the client opens in the loop that first uses it, and the
queue runs in a thread of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

try:
    from pytest_asyncio import fixture
except ImportError:
    asyncio_fixture: Any = None
else:
    asyncio_fixture = fixture

if TYPE_CHECKING:
    from .client import Hellotext
    from .emulator import Emulator
    from .queue.queue import EventQueue

__all__ = ["hellotext_client", "hellotext_emulator", "hellotext_queue"]

CLOSE: Final = 5.0
"""Seconds that a queue gets at a test's end for what it has not delivered."""
_DEFAULT_SCOPE: Final = "asyncio_default_test_loop_scope"
_LOOP_SCOPES: Final = ("function", "class", "module", "package", "session")


@pytest.fixture
def hellotext_emulator() -> Generator[Emulator]:
    """An emulated Hellotext API on loopback, empty and its own for every test."""
    from .emulator import Emulator

    with Emulator.in_thread() as emulator:
        yield emulator


@pytest.fixture
def hellotext_client(request: pytest.FixtureRequest, hellotext_emulator: Emulator) -> Hellotext:
    """A client of `hellotext_emulator`, open in the test's loop; in a plain test, not open yet."""
    runner = _runner(request)
    if runner is None:
        from .client import Hellotext

        return Hellotext(hellotext_emulator.token, base_url=hellotext_emulator.url)
    client: Hellotext = request.getfixturevalue(f"_hellotext_client_{runner}")
    return client


@pytest.fixture
def hellotext_queue(request: pytest.FixtureRequest, hellotext_client: Hellotext) -> Generator[EventQueue]:
    """An event queue of `hellotext_client`, closed when the test ends."""
    runner = _runner(request)
    if runner is None:
        with _queue_in_thread(hellotext_client) as queue:
            yield queue
    else:
        yield request.getfixturevalue(f"_hellotext_queue_{runner}")


def _runner(request: pytest.FixtureRequest) -> str | None:
    """What runs the test: "anyio", pytest-asyncio with this loop scope, or neither."""
    if "anyio_backend" in request.fixturenames:
        _require_asyncio(request.getfixturevalue("anyio_backend"))
        return "anyio"
    test: Any = request.node
    if not inspect.iscoroutinefunction(inspect.unwrap(test.obj)) or not request.config.pluginmanager.hasplugin(
        "asyncio"
    ):
        return None
    marker: pytest.Mark | None = test.get_closest_marker("asyncio")
    given: Mapping[str, Any] = {} if marker is None else marker.kwargs
    return given.get("loop_scope") or given.get("scope") or str(request.config.getini(_DEFAULT_SCOPE))


def _require_asyncio(backend: str | tuple[str, object]) -> None:
    name = backend if isinstance(backend, str) else backend[0]
    if name != "asyncio":
        pytest.fail(
            f"hellotext_async needs asyncio, not {name}: let the fixture `anyio_backend` return 'asyncio'",
            pytrace=False,
        )


@contextmanager
def _queue_in_thread(client: Hellotext) -> Generator[EventQueue]:
    """The queue and its client, opened and closed in a thread's loop."""
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal(name="hellotext-queue") as portal:
        portal.call(client.open)
        try:
            queue = client.event_queue()
            portal.call(queue.open)
            yield queue
            portal.call(queue.aclose, CLOSE)
        finally:
            portal.call(client.aclose)


def _in_loop_of(runner: str) -> dict[str, Any]:
    """The async fixtures behind `hellotext_client` and `hellotext_queue` for one kind of event loop."""

    async def client(hellotext_emulator: Emulator) -> AsyncGenerator[Hellotext]:
        from .client import Hellotext

        async with Hellotext(hellotext_emulator.token, base_url=hellotext_emulator.url) as opened:
            yield opened

    async def queue(hellotext_client: Hellotext) -> AsyncGenerator[EventQueue]:
        async with hellotext_client.event_queue() as opened:
            yield opened
            await opened.aclose(CLOSE)

    plain_fixture: Any = pytest.fixture
    made: dict[str, Any] = {}
    for name, function in ((f"_hellotext_client_{runner}", client), (f"_hellotext_queue_{runner}", queue)):
        if runner == "anyio":
            made[name] = plain_fixture(name=name)(function)
        elif asyncio_fixture is not None:
            made[name] = asyncio_fixture(loop_scope=runner, name=name)(function)
    return made


for _kind in ("anyio", *_LOOP_SCOPES):
    globals().update(_in_loop_of(_kind))
