"""Calls to requests."""

from __future__ import annotations

from enum import Enum

import msgspec

from hellotext_async._wire.call import Call, Reply, Request
from hellotext_async._wire.encode import request_of
from hellotext_async.resources._verbs import Deleted


def call(**more: object) -> Call[Deleted]:
    return Call("PATCH", "/v1/lists/Beauty%20%26%20Care", Deleted, "idempotent", **more)  # type: ignore[arg-type]


def test_a_call_becomes_a_request() -> None:
    """The path as it is, the query quoted without what is None, the body as JSON."""
    request = request_of(call(query={"limit": 5, "sort": None, "starting_after": "a&b"}, body={"name": "Will É"}))
    assert request.method == "PATCH"
    assert request.target == "/v1/lists/Beauty%20%26%20Care?limit=5&starting_after=a%26b"
    assert request.body == '{"name":"Will É"}'.encode()


class Sort(str, Enum):  # noqa: UP042
    """As programs declared text that is an enum before StrEnum: its `str()` is `Sort.CREATED`."""

    CREATED = "created_at"


def test_a_query_holds_the_values_of_enums() -> None:
    """Not what `str()` makes of them."""
    assert request_of(call(query={"sort": Sort.CREATED})).target.endswith("?sort=created_at")


def test_without_query_and_body_there_is_neither() -> None:
    """No question mark, no JSON; an empty body is a body."""
    assert request_of(call(query={"sort": None})) == Request("PATCH", "/v1/lists/Beauty%20%26%20Care")
    assert request_of(call(body={})).body == b"{}"


def test_a_body_that_is_written_already_goes_out_as_it_is() -> None:
    """An event is encoded once."""
    assert request_of(call(body=msgspec.Raw(b'{"a": 1}'))).body == b'{"a": 1}'


def test_no_repr_shows_what_is_sent_or_answered() -> None:
    """They appear in tracebacks."""
    secret = "+59898000001"
    asked = call(query={"phone": secret}, body={"phone": secret})
    request = request_of(asked)
    reply = Reply(200, (("X-Phone", secret),), secret.encode(), "cut off")
    for part in (asked, request, reply):
        drawn = list(part.__rich_repr__()) if hasattr(part, "__rich_repr__") else ""
        assert secret[1:] not in f"{part!r} {part} {drawn}"


def test_headers_are_found_by_name_in_any_case() -> None:
    """All of them, in order."""
    reply = Reply(200, (("Retry-After", "1"), ("X", "y"), ("retry-after", "2")))
    assert reply.header("retry-after") == ("1", "2")
    assert reply.header("x-none") == ()
