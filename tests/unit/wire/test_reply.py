"""Replies to answers and errors."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hellotext_async._wire.call import EVENTS_PATH, Call, Idempotency, Reply
from hellotext_async._wire.codec import Response
from hellotext_async._wire.reply import answer, error_of, retry_after
from hellotext_async.errors import (
    APIError,
    BadRequest,
    ErrorDetail,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    Unauthorized,
    UnexpectedResponse,
    ValidationFailed,
)
from hellotext_async.resources._verbs import Deleted
from hellotext_async.resources.events import Tracked

WALL = 1_700_000_000.0
NAME = ErrorDetail(type="parameter_missing", message="This parameter is required.", parameter="name")
ENTRY = {"type": "parameter_missing", "message": "This parameter is required.", "parameter": "name"}


def details(body: object) -> tuple[ErrorDetail, ...]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_of(Reply(422, body=raw)).errors


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [ENTRY]},
        {"errors": ENTRY},
        {"error": ENTRY},
        {"error": [ENTRY]},
        {"error": {"errors": [ENTRY]}},
        {"errors": [{"type": ENTRY["type"], "description": ENTRY["message"], "parameter": "name"}]},
        {"errors": None, "error": ENTRY},
        ENTRY,
        [ENTRY],
    ],
)
def test_every_form_of_an_error_body_is_one_form_here(body: object) -> None:
    """``errors`` or ``error``, one or many, wrapped or not, ``message`` or ``description``."""
    assert details(body) == (NAME,)


def test_other_forms_keep_their_information() -> None:
    """Text, messages by parameter, entries with missing or other contents."""
    assert details({"error": "Not Found", "status": 404}) == (ErrorDetail(message="Not Found"),)
    assert details({"errors": ["a", None, 5, []]})[0] == ErrorDetail(message="a")
    assert details({"errors": {"name": ["is taken", "is odd"]}}) == (
        ErrorDetail(message="is taken", parameter="name"),
        ErrorDetail(message="is odd", parameter="name"),
    )
    assert details({"errors": [{"type": 5, "message": ["a"], "parameter": None}]}) == (ErrorDetail(type="5"),)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[" * 100_000, b'{"error":' * 100_000, b"\xff", {}, {"errors": []}, {"error": ""}, 5, None],
)
def test_a_body_without_information_has_no_entries(body: object) -> None:
    """HTML, an empty body, endless JSON: only the status counts."""
    assert details(body) == ()


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=6
    )
)
def test_any_error_body_is_read(body: Any) -> None:
    """Whatever JSON it is, under any of the known keys."""
    for form in (body, {"errors": body}, {"error": body}, {"errors": [body]}):
        assert all(isinstance(entry, ErrorDetail) for entry in details(form))


STATUSES: dict[int, type[APIError]] = {
    301: UnexpectedResponse, 400: BadRequest, 401: Unauthorized, 403: Forbidden, 404: NotFound, 405: UnexpectedResponse,
    408: ServerError, 422: ValidationFailed, 425: ServerError, 429: RateLimited, 451: UnexpectedResponse,
    500: ServerError, 502: ServerError, 503: ServerError, 504: ServerError, 599: ServerError, 999: ServerError,
}  # fmt: skip


@pytest.mark.parametrize("status", list(STATUSES))
def test_each_status_has_its_error(status: int) -> None:
    """With the status, the request id and the number of attempts."""
    reply = Reply(status, (("X-Request-Id", "r-1"),))
    error = error_of(reply, attempts=3)
    assert type(error) is STATUSES[status]
    assert (error.status, error.request_id, error.attempts) == (status, "r-1", 3)


def test_503_with_retry_after_is_throttling() -> None:
    """`retry_after` says how long."""
    error = error_of(Reply(503), wait=7.0)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 7.0
    assert type(error_of(Reply(503))) is ServerError


def call(repeat: Idempotency, *, if_missing: Deleted | None = None) -> Call[Deleted]:
    return Call("DELETE", "/v1/lists/x", Deleted, repeat, if_missing=if_missing)


@pytest.mark.parametrize("repeat", ["safe", "idempotent", "non_idempotent", "at_most_once"])
@pytest.mark.parametrize(
    "reply", [Reply(200, body=b"<html>"), Reply(200), Reply(200, body=b'{"id":"x"}', missing="cut off")]
)
def test_an_answer_that_is_lost_is_an_own_error(repeat: Idempotency, reply: Reply) -> None:
    """A request that must not be applied twice was applied; otherwise it is an unexpected response."""
    kind = OutcomeUnknown if repeat in ("non_idempotent", "at_most_once") else UnexpectedResponse
    with pytest.raises(kind) as caught:
        answer(call(repeat), reply, attempts=2)
    assert caught.value.attempts == 2
    assert getattr(caught.value, "applied", True) is True


def test_a_delete_answered_with_nothing_is_done() -> None:
    """204, an empty body, or JSON without the documented keys, as a 202 may have; a proxy's page is no answer."""
    gone = Deleted(id="x", type="list")
    for reply in (
        Reply(204),
        Reply(200),
        *(Reply(202, body=body) for body in (b'{"status":"accepted"}', b"{}", b"null")),
    ):
        assert answer(call("idempotent", if_missing=gone), reply) == gone
    for reply in (Reply(200, missing="cut off"), Reply(200, body=b"{", missing="cut off"), Reply(200, body=b"<html>")):
        with pytest.raises(UnexpectedResponse):
            answer(call("idempotent", if_missing=gone), reply)


def test_an_answer_that_has_nothing_to_say_may_have_no_body() -> None:
    """An event that is answered with 204, or an empty 200, was received: its queue calls it delivered too."""
    event: Call[Tracked] = Call("POST", EVENTS_PATH, Tracked, "non_idempotent")
    for reply in (Reply(204), Reply(200)):
        found = answer(event, reply)
        assert (found.status, found.raw, found.response) == ("", None, Response(status=reply.status))
    for reply in (Reply(200, body=b"<html>"), Reply(200, missing="cut off")):
        with pytest.raises(OutcomeUnknown):
            answer(event, reply)


def at(*values: str, date: str | None = None) -> float | None:
    headers = [("Retry-After", value) for value in values] + ([("Date", date)] if date else [])
    return retry_after(Reply(429, tuple(headers)), wall=WALL)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("5", 5), (" 5 ", 5), ("0", 0), ("-3", 0), ("2.5", 2.5), ("+4", 4), ("1000000000", 3600), ("9" * 18, 3600),
     ("soon", None), ("", None), ("nan", None), ("inf", None), ("1e3", None), ("5s", None), ("9" * 400, None)],
)  # fmt: skip
def test_seconds(value: str, seconds: float | None) -> None:
    """Between 0 and an hour; garbage is ignored."""
    assert at(value) == seconds


def test_dates_are_measured_by_the_servers_clock() -> None:
    """From its Date header, otherwise from the wall clock; never negative."""
    until = "Wed, 15 Nov 2023 10:00:30 GMT"
    assert at(until, date="Wed, 15 Nov 2023 10:00:00 GMT") == 30
    assert at(until, date="Wed, 15 Nov 2023 11:00:00 GMT") == 0
    assert at("Tue, 14 Nov 2023 22:13:25 GMT") == 5
    assert at(until, date="garbage") == 3600
    assert at("Wed, 45 Nov 2023 10:00:00 GMT") is None


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's zone is hours from GMT."""
    monkeypatch.setenv("TZ", "UYT3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(sys.platform == "win32", reason="no tzset")
@pytest.mark.parametrize(
    "until", ["Wed, 15 Nov 2023 10:00:30 GMT", "Wednesday, 15-Nov-23 10:00:30 GMT", "Wed Nov 15 10:00:30 2023"]
)
def test_every_form_of_a_date_is_in_gmt(until: str, far_away: None) -> None:
    """RFC 9110's three; asctime's names no zone, and the machine's own is not meant."""
    assert at(until, date="Wed, 15 Nov 2023 10:00:00 GMT") == 30


def test_of_several_headers_the_longest_counts() -> None:
    """Two proxies may each add one."""
    assert at("3", "9", "soon") == 9
    assert at() is None


def test_nothing_of_the_body_shows_in_the_error() -> None:
    """The server's text may contain a phone."""
    body = {
        "errors": [{"type": "+59898000001", "message": "+59898000001 is taken", "parameter": "phone[+59898000001]"}]
    }
    error = error_of(Reply(422, body=json.dumps(body).encode()))
    assert not re.search("5989", f"{error} {error!r} {error.errors} {error.args}")
    assert error.errors[0].message == "+59898000001 is taken"
