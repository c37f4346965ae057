"""Marked secrets (a token, a phone, an e-mail) pass through all parts of the package, and appear in no output."""

from __future__ import annotations

import asyncio
import copy
import gc
import logging
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.client import Hellotext
from hellotext_async.config import Retry, Timeouts, Token
from hellotext_async.errors import HellotextError
from hellotext_async.spool.sqlite_spool import SqliteSpool
from tests.harness.canary import EMAIL, PHONE, TOKEN, assert_unseen, hits_in_text
from tests.harness.scripts import (
    Steps,
    apply_then_rst,
    garbage_status_line,
    redirect,
    reply,
    silence,
    truncated_body,
)  # fmt: skip
from tests.harness.server import ScriptedServer

ECHO = (
    '{"errors":[{"type":"parameter_not_unique","message":"%s %s is taken","parameter":"%s"}]}' % (EMAIL, PHONE, PHONE)
).encode()
PROFILE = ('{"id":"p1","emails":["%s"],"phones":["%s"],"first_name":"x"}' % (EMAIL, PHONE)).encode()

ANSWERS: dict[str, Steps] = {
    "200": reply(200, PROFILE), "400": reply(400, ECHO), "401": reply(401, ECHO), "404": reply(404, ECHO),
    "422": reply(422, ECHO), "429": reply(429, ECHO), "500": reply(500, ECHO), "echo of the token": reply(422, TOKEN.encode()),
    "redirect": redirect(f"https://example.org/?email={EMAIL}"), "garbage": garbage_status_line(),
    "reset": apply_then_rst(), "silence": silence(), "truncated": truncated_body(), "not json": reply(200, EMAIL.encode()),
}  # fmt: skip


@pytest.fixture
def seen(caplog: pytest.LogCaptureFixture) -> Any:
    """Collect all output: logs at DEBUG, warnings, asyncio's debug mode; checked when the test ends."""
    caplog.set_level(logging.DEBUG)
    shown: list[Any] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield shown
        gc.collect()
    assert_unseen(*shown, *caplog.records, *(str(warning.message) for warning in warned))


def held_by(thing: Any) -> list[Any]:
    """Everything reachable from an object through its members: each part, and its members as a debugger shows them."""
    found, waiting = [], [thing]
    while waiting:
        members = getattr(waiting.pop(), "__dict__", {})
        found.append(repr(members))
        new = [one for one in members.values() if type(one).__module__.startswith("hellotext_async")]
        waiting += [one for one in new if not any(one is known for known in found)]
        found += new
    return found


def client_of(server: ScriptedServer) -> Hellotext:
    limits = Timeouts(connect=1, read=0.2, total=0.2)
    return Hellotext(TOKEN, base_url=server.url, timeouts=limits, retry=Retry(attempts=2, deadline=2, base=0.01))


@pytest.mark.parametrize("kind", list(ANSWERS))
async def test_calls_show_no_secret_whatever_is_answered(kind: str, seen: list[Any]) -> None:
    """Errors, answers, their tracebacks with locals, pickles and notes."""
    asyncio.get_running_loop().set_debug(True)
    async with ScriptedServer(ANSWERS[kind]) as server, client_of(server) as client:
        calls = (
            client.profiles.create(email=EMAIL, phone={"work": PHONE}),
            client.profiles.retrieve("p1"),
            client.profiles.list(limit=1),
            client.events.track("page.viewed", session="s", metadata={"email": EMAIL}),
        )
        for call in calls:
            try:
                answer = await call
                seen.extend([str(answer), repr(answer), f"{answer}"])  # its pickle is the customer's data
            except HellotextError as error:
                seen.append(error)
                pickle.loads(pickle.dumps(error))
        seen.extend([client, client.profiles, client.rate(), *held_by(client)])


@pytest.mark.parametrize("answer", ["200", "422", "401", "reset", "500"])
async def test_queues_show_no_secret(answer: str, seen: list[Any], tmp_path: Path) -> None:
    """Outcomes, receipts, reports, stats; the token is in no file."""
    async with ScriptedServer(ANSWERS[answer]) as server, client_of(server) as client:
        spool = SqliteSpool(tmp_path / "s.db")
        async with client.event_queue(buffer=spool, delivery_timeout=0.3, on_outcome=seen.append) as queue:
            receipt = await queue.put("page.viewed", session="s", metadata={"email": EMAIL, "phone": PHONE})
            seen.extend([receipt, queue, queue.stats(), spool])
            seen.append(await queue.flush(1))
            seen.append(await queue.aclose(timeout=0.2))
    seen.extend(path for path in tmp_path.iterdir() if path.is_file())


async def test_bad_arguments_show_no_secret(seen: list[Any]) -> None:
    """The errors name the parameters, not their values."""
    async with ScriptedServer() as server, client_of(server) as client:
        wrong: list[Any] = [
            lambda: client.profiles.retrieve(EMAIL),
            lambda: client.profiles.create(email={EMAIL: object()}),  # type: ignore[dict-item]
            lambda: client.profiles.create(first_name=[PHONE]),  # type: ignore[typeddict-item]
            lambda: client.events.track("page.viewed", session=PHONE),
            lambda: client.events.track("page.viewed", session="s", metadata={"a": {PHONE: object()}}),
            lambda: client.coupons.create(code=5, description=EMAIL),  # type: ignore[arg-type]
        ]
        for call in wrong:
            with pytest.raises(HellotextError) as caught:
                await call()
            seen.append(caught.value.args)
            seen.append(str(caught.value))
        assert server.begun == 0


async def test_a_cancelled_call_shows_no_secret(seen: list[Any]) -> None:
    """Not in its traceback with locals either: the frames that hold the token are not part of it."""
    async with ScriptedServer(silence()) as server, client_of(server) as client:
        task = asyncio.ensure_future(client.profiles.create(email=EMAIL))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        seen.append(caught.value)


def test_a_client_and_a_token_are_not_pickled_or_copied() -> None:
    """TypeError, so that no secret is written to a file."""
    for thing in (Hellotext(TOKEN, base_url="http://127.0.0.1:1"), Token(TOKEN)):
        for copying in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                copying(thing)


def test_the_search_finds_a_secret() -> None:
    """The search finds a secret that is there."""
    assert hits_in_text(f"Authorization: Bearer {TOKEN}")
    assert hits_in_text(f"to {EMAIL}, {PHONE}")
    with pytest.raises(AssertionError):
        assert_unseen(ValueError(PHONE))
