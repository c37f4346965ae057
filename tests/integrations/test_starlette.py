"""Starlette without FastAPI: client, queue, session by middleware, and errors as responses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from hellotext_async import Hellotext, QueueFull, Retry, SpoolBusy, Timeouts, WrongLoop, errors
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.integrations.starlette import (
    VisitorSessionMiddleware,
    add_hellotext_handlers,
    client_of,
    hellotext_lifespan,
    lifespans,
    queue_of,
    remember_session,
)
from hellotext_async.integrations.threads import HellotextThread
from tests.harness.canary import EMAIL, assert_unseen


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator in a thread of its own."""
    with Emulator.in_thread() as emulator:
        emulator.store.seed_document()
        yield emulator


def application(emulator: Emulator) -> Starlette:
    """A small shop."""

    async def profile(request: Request) -> Response:
        found = await client_of(request).profiles.retrieve(request.path_params["id"])
        return JSONResponse(found.id)

    async def create(request: Request) -> Response:
        made = await client_of(request).profiles.create(email=EMAIL, phone=request.query_params.get("phone", ""))
        return JSONResponse(made.id)

    async def view(request: Request) -> Response:
        queue_of(request).track("page.viewed", session=request.state.hellotext_session)
        return JSONResponse(request.state.hellotext_session)

    async def login(_: Request) -> Response:
        response = JSONResponse(None)
        remember_session(response, "PJeYmygl")
        return response

    def make_client() -> Hellotext:
        times = Timeouts(connect=2, read=0.4, total=0.5)
        return Hellotext(emulator.token, base_url=emulator.url, timeouts=times, retry=Retry(attempts=1))

    app = Starlette(
        routes=[
            Route("/profiles/{id}", profile),
            Route("/profiles", create, methods=["POST"]),
            Route("/view", view, methods=["POST"]),
            Route("/login", login, methods=["POST"]),
        ],
        middleware=[Middleware(VisitorSessionMiddleware)],
        lifespan=hellotext_lifespan(make_client),
    )
    add_hellotext_handlers(app)
    return app


def test_a_visitor_s_session_goes_with_what_is_tracked(emulator: Emulator) -> None:
    """By query first, then by the cookie that the middleware set; a forged one is ignored."""
    with TestClient(application(emulator)) as web:
        assert web.post("/view?hello_session=2KAGgAgm").json() == "2KAGgAgm"
        assert web.post("/view").json() == "2KAGgAgm"
        assert web.post("/view?hello_session=%3Cscript%3E").status_code == 422
    assert [event["session"] for event in emulator.events] == ["2KAGgAgm", "2KAGgAgm"]


CASES: list[tuple[str, dict[str, Any], int]] = [
    ("status", {"status": 401}, 502),
    ("status", {"status": 403}, 502),
    ("status", {"status": 400}, 502),
    ("status", {"status": 404}, 404),
    ("status", {"status": 422}, 422),
    ("status", {"status": 429}, 503),
    ("status", {"status": 500}, 502),
    ("status", {"status": 302}, 502),
    ("drop_before", {}, 504),
    ("garbage", {}, 504),
    ("delay", {"delay": 3}, 504),
]


@pytest.mark.parametrize(("kind", "more", "status"), CASES)
def test_an_error_of_the_api_is_a_sensible_response(
    kind: Any, more: dict[str, Any], status: int, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """JSON with a `detail`; the cause is in the log."""
    with TestClient(application(emulator)) as web:
        emulator.faults.add(Fault(kind, "GET /v1/profiles/*", **more))
        answer = web.get("/profiles/MzYwlE50")
        assert answer.status_code == status
        assert answer.json()["detail"]
        assert ("answered 5" in caplog.text) is (status >= 500)
        assert web.get("/profiles/MzYwlE50").status_code == 200


def test_a_rate_limit_has_retry_after(emulator: Emulator) -> None:
    """503, since it is not the visitor's fault, with Retry-After in whole seconds."""
    with TestClient(application(emulator)) as web:
        emulator.faults.add(Fault("status", "GET *", status=429, retry_after=7))
        answer = web.get("/profiles/MzYwlE50")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_an_api_that_is_not_there_is_503() -> None:
    """No request was sent."""
    with Emulator.in_thread() as gone:
        pass
    with TestClient(application(gone)) as web:
        answer = web.get("/profiles/MzYwlE50")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_what_the_api_refuses_is_422_without_its_words(emulator: Emulator) -> None:
    """They may contain another customer's data."""
    with TestClient(application(emulator)) as web:
        answer = web.post("/profiles?phone=nonsense")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "refused_by_hellotext"
    assert_unseen(answer.text)


def test_a_wrong_argument_is_422_and_names_it(emulator: Emulator) -> None:
    """As FastAPI does."""
    with TestClient(application(emulator)) as web:
        answer = web.get("/profiles/a%20b")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "hellotext"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (QueueFull("full"), 503),
        (errors.QueueClosed(), 503),
        (SpoolBusy("busy"), 503),
        (errors.SessionConflict("s", "p", "q"), 409),
        (WrongLoop("no"), 500),
        (errors.ConfigurationError("no"), 500),
    ],
)
def test_an_error_of_the_set_up_stays_a_500(error: Exception, status: int) -> None:
    """And a full queue is not such an error."""

    async def fail(_: Request) -> Response:
        raise error

    app = Starlette(routes=[Route("/", fail)])
    add_hellotext_handlers(app)
    assert TestClient(app, raise_server_exceptions=False).get("/").status_code == status


def test_it_needs_no_fastapi() -> None:
    """Importing it does not import fastapi."""
    program = "import hellotext_async.integrations.starlette, sys; print('fastapi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "wrong", [{"make_client": 5}, {"make_queue": 5}, {"drain": "x"}, {"drain": -1}, {"drain": float("nan")}], ids=repr
)
def test_what_a_lifespan_or_a_thread_is_made_of_is_checked(wrong: dict[str, Any]) -> None:
    """When it is created, by name."""
    for make in (hellotext_lifespan, HellotextThread):
        with pytest.raises(errors.ConfigurationError, match=f"^{next(iter(wrong))}: expected"):
            make(**wrong)
    with pytest.raises(errors.ConfigurationError, match=r"^lifespans: expected"):
        lifespans(5)  # type: ignore[arg-type]


def test_a_cookie_that_a_handler_sets_itself_is_the_only_one(emulator: Emulator) -> None:
    """As where a visitor gets another session at login."""
    with TestClient(application(emulator)) as web:
        answer = web.post("/login?hello_session=2KAGgAgm")
    assert [cookie.partition(";")[0] for cookie in answer.headers.get_list("set-cookie")] == ["hello_session=PJeYmygl"]
