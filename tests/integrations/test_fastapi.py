"""FastAPI: what requests track is delivered before the server has ended."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from fastapi.requests import HTTPConnection

from hellotext_async import ConfigurationError, EventQueue, Hellotext, QueueClosed
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.integrations.fastapi import HellotextClient, HellotextQueue, HellotextState, hellotext_lifespan
from tests.cli.command import environment

PROGRAM = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
from hellotext_async.integrations.fastapi import HellotextClient, HellotextQueue, hellotext_lifespan

hellotext = hellotext_lifespan()

@asynccontextmanager
async def lifespan(app):
    async with hellotext(app) as state:
        yield {**state, "shop": "Greens"}
        state["hellotext_queue"].track("page.viewed", session="goodbye")

app = FastAPI(lifespan=lifespan)
inner = FastAPI()
app.mount("/inner", inner)

@app.post("/view/{number}")
@inner.post("/view/{number}")
async def view(number: int, queue: HellotextQueue):
    queue.track("page.viewed", session=f"s{number}")

@app.post("/list/{name}")
async def make(name: str, client: HellotextClient):
    return (await client.lists.create(name=name)).id

if __name__ == "__main__":
    import socket, uvicorn
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
"""


async def ask(port: int, path: str) -> bytes:
    """POST to the application and return the answer's status line."""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        return (await stream.receive()).split(b"\r\n")[0]


async def test_sigterm_drains_what_requests_tracked() -> None:
    """A real uvicorn gets SIGTERM while the API is slow: every tracked event arrives before it has ended."""
    async with Emulator() as emulator:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, env=environment(emulator), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            port = int(await asyncio.wait_for(process.stdout.readline(), 30))
            assert b"200" in await ask(port, "/list/Greens")
            emulator.faults.add(Fault("delay", delay=0.3, times=20))
            for number in range(20):
                assert b"200" in await ask(port, f"/{'inner/' * (number % 2)}view/{number}")
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert {event["session"] for event in emulator.events} == {*(f"s{n}" for n in range(20)), "goodbye"}


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[HTTPConnection]:
    """The application running, and what its dependencies see of a request."""
    async with app.router.lifespan_context(app) as state:
        yield HTTPConnection({"type": "http", "state": dict(state or {})})


def dependency(annotated: Any) -> Any:
    return annotated.__metadata__[0].dependency


async def test_client_and_queue_are_made_as_the_application_says() -> None:
    """The factories' client and queue are what requests get; after the application both are closed."""
    made: list[Any] = []

    def make_client() -> Hellotext:
        made.append(Hellotext("t", enabled=False))
        return made[-1]

    def make_queue(client: Hellotext) -> EventQueue:
        made.append(client.event_queue(capacity=3))
        return made[-1]

    app = FastAPI(lifespan=hellotext_lifespan(make_client, make_queue=make_queue))
    async with connected(app) as connection:
        assert [dependency(HellotextClient)(connection), dependency(HellotextQueue)(connection)] == made
    with pytest.raises(QueueClosed):
        made[1].track("page.viewed", session="s")


async def test_an_own_lifespan_adds_to_the_state() -> None:
    """Entered inside another lifespan, its state is what that one yields on."""
    hellotext = hellotext_lifespan(lambda: Hellotext("t", enabled=False))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with hellotext(app) as state:
            yield {**state, "shop": "Greens"}

    async with connected(FastAPI(lifespan=lifespan)) as connection:
        assert connection.state.shop == "Greens"
        assert isinstance(connection.state.hellotext_queue, EventQueue)
        assert set(HellotextState.__annotations__) < set(connection.scope["state"])


async def test_without_the_lifespan_the_error_says_so() -> None:
    """A dependency in an application that was set up otherwise names what is missing."""
    async with connected(FastAPI()) as connection:
        with pytest.raises(ConfigurationError, match="hellotext_lifespan"):
            dependency(HellotextQueue)(connection)


async def test_the_drain_is_bounded() -> None:
    """What cannot be delivered within `drain` seconds does not hold the end of the application."""
    async with Emulator() as emulator:
        emulator.faults.add(Fault("delay", delay=2, times=None))
        lifespan = hellotext_lifespan(lambda: Hellotext("test-token", base_url=emulator.url), drain=0.05)
        async with connected(FastAPI(lifespan=lifespan)) as connection:
            receipt = dependency(HellotextQueue)(connection).track("page.viewed", session="s")
        assert (await receipt).verdict in ("unknown", "abandoned")
