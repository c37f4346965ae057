"""The client, its views and its settings; what every family shares."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

import ssl
from datetime import datetime
from typing import Any, assert_type

from hellotext_async import (
    Action,
    EventQueue,
    Families,
    Hellotext,
    InvalidParameter,
    Limits,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RateState,
    Response,
    Retry,
    Timeouts,
    Token,
    ValidationFailed,
)


async def greet(client: Families) -> str:
    """What an application's function may be given: a client or a view of one."""
    return (await client.profiles.retrieve("x")).id


async def views(client: Hellotext) -> None:
    assert_type(client.with_options(deadline=5, wait=0), Families)
    assert_type(client.with_options(retry=Retry(attempts=2)).with_options(wait=None), Families)
    await greet(client)
    await greet(client.with_options(deadline=5))
    client.with_options(dead_line=5)  # type: ignore[call-arg]
    client.with_options(wait="no")  # type: ignore[arg-type]
    await client.with_options(wait=1).aclose()  # type: ignore[attr-defined]


async def life(token: Token, tls: ssl.SSLContext) -> None:
    async with Hellotext(token) as client:
        assert_type(client, Hellotext)
        assert_type(client.rate(), RateState)
        assert_type(client.rate().seconds_for(10), float | None)
        assert_type(client.rate().retry_after, bool)
        assert_type(client.rate().rate, float | None)
        assert_type(client.rate().last_throttle, datetime | None)
        assert_type(client.event_queue(), EventQueue)
        client.set_token("t")
        client.set_token(None)  # type: ignore[arg-type]
        client.nope  # type: ignore[attr-defined]
    Hellotext("t", base_url="https://x", timeouts=Timeouts(connect=1), limits=Limits(rate=5), ssl=tls)
    Hellotext(5)  # type: ignore[arg-type]
    Hellotext(timeouts=3)  # type: ignore[arg-type]
    Hellotext(event_format="new")  # type: ignore[arg-type]
    Timeouts(conect=1)  # type: ignore[call-arg]
    Retry(attempts="many")  # type: ignore[arg-type]


async def calls(client: Hellotext) -> None:
    assert_type(await client.request("GET", "/v1/profiles", query={"limit": 1}), Any)
    await client.request("FETCH", "/v1/profiles")  # type: ignore[arg-type]
    await client.request("GET", "/v1/profiles", query=["limit"])  # type: ignore[arg-type]
    answer = await client.actions.retrieve("x")
    assert_type(answer, Action)
    assert_type(answer.request_id, str | None)
    assert_type(answer.response, Response | None)
    answer.name = "y"  # type: ignore[misc]


def errors(error: Exception) -> None:
    if isinstance(error, ValidationFailed):
        assert_type([(each.type, each.parameter) for each in error.errors], list[tuple[str, str | None]])
        assert_type(error.status, int)
    if isinstance(error, RateLimited):
        assert_type(error.retry_after, float | None)
    if isinstance(error, OutcomeUnknown):
        assert_type(error.applied, bool | None)
    if isinstance(error, NotFound):
        assert_type(error.attempts, int)
    if isinstance(error, InvalidParameter):
        assert_type(error.parameter, str)
