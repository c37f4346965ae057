"""FastAPI: tracked events are delivered before the server exits; dependencies, sessions and errors."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio
import pytest
import starlette._utils
from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from hellotext_async import ConfigurationError, EventQueue, Hellotext, OutcomeUnknown, QueueClosed, TimedOut
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.fleet.producer import Producer
from hellotext_async.integrations.fastapi import (
    HellotextClient,
    HellotextQueue,
    HellotextState,
    VisitorSession,
    VisitorSessionMiddleware,
    client_named,
    hellotext_client,
    hellotext_lifespan,
    hellotext_queue,
    lifespans,
    queue_named,
    remember_session,
)
from tests.cli.command import environment
from tests.harness.clock import virtual_time

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

@app.post("/plain/{number}")
def plain(number: int, queue: HellotextQueue):
    queue.track("page.viewed", session=f"s{number}")

@app.post("/list/{name}")
async def make(name: str, client: HellotextClient):
    return (await client.lists.create(name=name)).id

if __name__ == "__main__":
    import socket, sys, uvicorn
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error", loop=sys.argv[1])).run(sockets=[listening])
"""


async def ask(port: int, path: str) -> bytes:
    """POST to the application and return the answer's status line."""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        return (await stream.receive()).split(b"\r\n")[0]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_sigterm_drains_what_requests_tracked(loop: str) -> None:
    """A real uvicorn gets SIGTERM while the API is slow: every tracked event arrives before it exits."""
    async with Emulator() as emulator:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, loop, env=environment(emulator), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            port = int(await asyncio.wait_for(process.stdout.readline(), 30))
            assert b"200" in await ask(port, "/list/Greens")
            emulator.faults.add(Fault("delay", delay=0.3, times=30))
            for number in range(30):
                assert b"200" in await ask(port, f"/{('', 'inner/')[number % 2]}view/{number}")
            for number in range(30, 40):
                assert b"200" in await ask(port, f"/plain/{number}")
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert {event["session"] for event in emulator.events} == {*(f"s{n}" for n in range(40)), "goodbye"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator in its own thread: `TestClient` is synchronous."""
    with Emulator.in_thread() as emulator:
        emulator.store.seed_document()
        yield emulator


def lifespan_of(emulator: Emulator, name: str | None = None) -> Any:
    return hellotext_lifespan(lambda: Hellotext(emulator.token, base_url=emulator.url, name=name), name=name)


def test_a_background_task_can_be_put_itself(emulator: Emulator) -> None:
    """A framework takes it for what it is, and does not call it in a thread."""
    app = FastAPI(lifespan=lifespan_of(emulator))

    @app.post("/view")
    async def view(tasks: BackgroundTasks, queue: HellotextQueue) -> None:
        tasks.add_task(queue.put, "page.viewed", session="background")

    with TestClient(app) as web:
        assert web.post("/view").status_code == 200
    assert [event["session"] for event in emulator.events] == ["background"]
    assert all(starlette._utils.is_async_callable(kind.put) for kind in (EventQueue, Producer))


def test_a_request_has_client_and_queue(emulator: Emulator) -> None:
    """In async and in plain path operations, in mounted applications and in websockets."""
    app, inner = FastAPI(lifespan=lifespan_of(emulator)), FastAPI()
    app.mount("/inner", inner)

    @app.get("/profile/{number}")
    async def profile(number: str, client: HellotextClient) -> str | None:
        return (await client.profiles.retrieve(number)).id

    @app.post("/async")
    @inner.post("/async")
    async def track(queue: HellotextQueue) -> None:
        queue.track("page.viewed", session="async")

    @app.post("/plain")
    def plain(queue: HellotextQueue) -> None:
        queue.track("page.viewed", session="plain")

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, queue: HellotextQueue) -> None:
        await websocket.accept()
        queue.track("page.viewed", session="socket")
        await websocket.close()

    with TestClient(app) as web:
        assert web.get("/profile/MzYwlE50").json() == "MzYwlE50"
        for path in ("/async", "/plain", "/inner/async"):
            assert web.post(path).status_code == 200
        with web.websocket_connect("/socket"):
            pass
    assert sorted(event["session"] for event in emulator.events) == ["async", "async", "plain", "socket"]


def test_client_and_queue_are_made_as_the_application_says() -> None:
    """Requests get the client and the queue of the factories; after the application both are closed."""
    made: list[Any] = []
    given: list[Any] = []

    def make_client() -> Hellotext:
        made.append(Hellotext("t", enabled=False))
        return made[-1]

    def make_queue(client: Hellotext) -> EventQueue:
        made.append(client.event_queue(capacity=3))
        return made[-1]

    app = FastAPI(lifespan=hellotext_lifespan(make_client, make_queue=make_queue))

    @app.get("/")
    async def page(client: HellotextClient, queue: HellotextQueue) -> None:
        given.extend([client, queue])

    with TestClient(app) as web:
        web.get("/")
    assert given == made
    with pytest.raises(QueueClosed):
        made[1].track("page.viewed", session="s")


@virtual_time
async def test_the_default_client_gives_up_within_a_request_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request fails after 8 seconds, a retried call after ten, not sixty; its name is the lifespan's."""
    now = asyncio.get_running_loop().time
    monkeypatch.setenv("HELLOTEXT_API_TOKEN", "t")
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("HELLOTEXT_API_URL", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        async with hellotext_lifespan(name="greens")(None) as state:
            client = dict(state)["hellotext_client_greens"]
            assert isinstance(client, Hellotext)
            assert client.name == "greens"
            begun = now()
            with pytest.raises(OutcomeUnknown):
                await client.coupons.create(code="A")
            assert now() - begun == pytest.approx(8)
            begun = now()
            with pytest.raises(TimedOut):
                await client.coupons.retrieve("c")
            assert now() - begun == pytest.approx(10)


def test_dependencies_can_be_overridden() -> None:
    """Without a lifespan, as in a unit test of a path operation."""
    app = FastAPI()
    app.dependency_overrides[hellotext_client] = lambda: "client"
    app.dependency_overrides[hellotext_queue] = lambda: "queue"
    app.dependency_overrides[client_named("greens")] = lambda: "greens"

    @app.get("/")
    async def page(
        client: HellotextClient, queue: HellotextQueue, greens: Annotated[Any, Depends(client_named("greens"))]
    ) -> list[Any]:
        return [client, queue, greens]

    assert TestClient(app).get("/").json() == ["client", "queue", "greens"]


def test_an_application_has_as_many_clients_as_it_needs(emulator: Emulator) -> None:
    """By name, each with its queue, besides the one without a name."""
    app = FastAPI(lifespan=lifespans(lifespan_of(emulator), lifespan_of(emulator, "reds"), lifespan_of(emulator, "b")))

    @app.get("/")
    async def page(
        client: HellotextClient,
        reds: Annotated[Hellotext, Depends(client_named("reds"))],
        queue: Annotated[EventQueue, Depends(queue_named("b"))],
    ) -> list[str | None]:
        queue.track("page.viewed", session="b")
        return [client.name, reds.name]

    with TestClient(app) as web:
        assert web.get("/").json() == [None, "reds"]
    assert [event["session"] for event in emulator.events] == ["b"]


def test_a_name_is_checked() -> None:
    """When the lifespan is made."""
    with pytest.raises(ConfigurationError, match=r"^name: expected"):
        hellotext_lifespan(name="")


def test_an_own_lifespan_adds_to_the_state(emulator: Emulator) -> None:
    """Nested in another lifespan, its state is what that one yields."""
    hellotext = lifespan_of(emulator)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with hellotext(app) as state:
            assert set(state) == set(HellotextState.__annotations__)
            yield {**state, "shop": "Greens"}
            state["hellotext_queue"].track("page.viewed", session="goodbye")

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.state.shop)

    with TestClient(app) as web, web.websocket_connect("/") as websocket:
        assert websocket.receive_text() == "Greens"
    assert [event["session"] for event in emulator.events] == ["goodbye"]


def test_without_the_lifespan_the_error_names_it() -> None:
    """A dependency in an application without it names what is missing."""
    app = FastAPI()

    @app.get("/")
    async def page(queue: HellotextQueue) -> None: ...

    with pytest.raises(ConfigurationError, match=r"hellotext_queue is not in .* hellotext_lifespan\(\).*TestClient"):
        TestClient(app).get("/")


def test_the_drain_is_bounded(emulator: Emulator) -> None:
    """Events that cannot be delivered within `drain` seconds do not delay the exit."""
    emulator.faults.add(Fault("delay", delay=2, times=None))
    outcomes: list[Any] = []
    app = FastAPI(
        lifespan=hellotext_lifespan(
            lambda: Hellotext("test-token", base_url=emulator.url),
            make_queue=lambda client: client.event_queue(on_outcome=outcomes.append),
            drain=0.05,
        )
    )

    @app.get("/")
    async def page(queue: HellotextQueue) -> None:
        queue.track("page.viewed", session="s")

    with TestClient(app) as web:
        web.get("/")
    assert [outcome.verdict for outcome in outcomes] in (["unknown"], ["abandoned"])


@pytest.fixture
def pages() -> Iterator[TestClient]:
    """An application that returns a visitor's session, in three ways, over https."""
    app, bare = FastAPI(), FastAPI()

    @app.get("/json")
    async def as_json(session: VisitorSession) -> str | None:
        return session

    @app.get("/html")
    async def as_html(session: VisitorSession) -> HTMLResponse:
        response = HTMLResponse(session or "none")
        if session is not None:
            remember_session(response, session)
        return response

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, session: VisitorSession) -> None:
        await websocket.accept()
        await websocket.send_text(str(session))

    @bare.get("/")
    async def page(session: VisitorSession) -> HTMLResponse:
        return HTMLResponse(session or "none")

    app.mount("/bare", VisitorSessionMiddleware(bare))
    with TestClient(app, base_url="https://shop.example") as web:
        yield web


@pytest.mark.parametrize("path", ["/json", "/html", "/bare/"])
def test_a_session_that_comes_by_query_is_remembered(pages: TestClient, path: str) -> None:
    """As a cookie, once; the next request has it by that."""
    first = pages.get(path, params={"hello_session": "2KAGgAgm"})
    assert "2KAGgAgm" in first.text
    (cookie,) = first.headers.get_list("set-cookie")
    assert cookie.startswith("hello_session=2KAGgAgm;")
    assert {"Max-Age=34560000", "Path=/", "Secure", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    second = pages.get(path)
    assert "2KAGgAgm" in second.text
    again = pages.get(path, params={"hello_session": "2KAGgAgm"})
    for later in (second, again):
        assert path == "/html" or "set-cookie" not in later.headers  # that page sets it each time
    other = pages.get(path, params={"hello_session": "another"})
    assert "another" in other.text
    assert other.headers["set-cookie"].startswith("hello_session=another;")


FORGED = ["a b", "x" * 65, "a\r\nSet-Cookie: evil=1", "<script>", "é", "a;b", "../x", "%00"]


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_session_is_answered_with_422(pages: TestClient, forged: str) -> None:
    """It names what was expected, does not repeat the value, and sets no cookie."""
    answer = pages.get("/json", params={"hello_session": forged})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "hello_session"]
    assert "expected 1 to 64 letters" in answer.json()["detail"][0]["msg"]
    assert forged not in answer.text
    assert "set-cookie" not in answer.headers
    with pytest.raises(WebSocketDisconnect) as refused, pages.websocket_connect(f"/socket?hello_session={'x' * 65}"):
        pass
    assert refused.value.code == 1008


@pytest.mark.parametrize("forged", [one for one in FORGED if one.isascii() and "\n" not in one and ";" not in one])
def test_a_forged_cookie_is_no_session(pages: TestClient, forged: str) -> None:
    """The visitor cannot correct it, so the page is shown."""
    assert pages.get("/json", headers={"cookie": f"hello_session={forged}"}).json() is None


@pytest.mark.parametrize("empty", ["", "?hello_session="])
def test_there_may_be_no_session(pages: TestClient, empty: str) -> None:
    """None, and no cookie."""
    answer = pages.get(f"/json{empty}")
    assert answer.json() is None
    assert "set-cookie" not in answer.headers


def test_over_plain_http_the_cookie_is_not_marked_secure() -> None:
    """A browser would not send it back."""
    app = FastAPI()

    @app.get("/")
    async def page(session: VisitorSession) -> None: ...

    answer = TestClient(app).get("/?hello_session=2KAGgAgm")
    assert "secure" not in answer.headers["set-cookie"].lower()
