"""A client is opened at its first use, closed once, and can be used only where it was opened."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest

from hellotext_async import (
    ClientClosed,
    ConfigurationError,
    Event,
    Forked,
    Hellotext,
    HellotextError,
    Hooks,
    InvalidParameter,
    Limits,
    NotSent,
    Outage,
    OutcomeUnknown,
    RateLimited,
    Retry,
    ServerError,
    Token,
    WrongLoop,
)
from hellotext_async.emulator import Emulator, Fault


def client_of(emulator: Emulator, **options: Any) -> Hellotext:
    return Hellotext(emulator.token, base_url=emulator.url, **options)


async def test_a_closed_client_is_of_no_use_and_can_be_closed_again(emulator: Emulator) -> None:
    """Calls and new queues raise an error that says that it is closed."""
    client = client_of(emulator)
    await client.lists.list(limit=1)
    await client.aclose()
    await client.aclose()
    with pytest.raises(ClientClosed):
        await client.lists.list(limit=1)
    with pytest.raises(ClientClosed):
        await client.event_queue().open()
    with pytest.raises(ClientClosed):
        client.rate()


async def until_given_out(client: Hellotext, held: Callable[[Any], bool]) -> None:
    """Until `held` is true of the client's limiter, which no public name shows."""
    while not held(client._core.running().limiter):
        await asyncio.sleep(0)


async def test_a_close_ends_a_call_that_waits_for_its_turn(emulator: Emulator) -> None:
    """Behind the one request that is in flight, within the rate that was set, and with a patience of its own."""
    emulator.faults.add(Fault("delay", match="*", delay=60, times=None))
    for limits in (Limits(concurrency=1), Limits(rate=1 / 40)):
        client = client_of(emulator, limits=limits)
        first = asyncio.create_task(client.lists.remove_profile("l", "p"))
        await until_given_out(client, lambda limiter: limiter.in_flight == 1)
        waiting = [
            asyncio.create_task(each.lists.remove_profile("l", "p")) for each in (client, client.with_options(wait=50))
        ]
        await until_given_out(client, lambda limiter: len(limiter._waiters.queues.get("call", ())) == 2)
        await asyncio.wait_for(client.aclose(), 5)
        for task in waiting:
            with pytest.raises(NotSent) as caught:
                await asyncio.wait_for(task, 5)
            assert (caught.value.reason, caught.value.attempts) == ("closed", 0)
        with pytest.raises((NotSent, OutcomeUnknown)):
            await asyncio.wait_for(first, 5)


async def test_a_close_is_no_outage(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """What it cuts off says nothing of the server: no alarm is raised."""
    emulator.faults.add(Fault("delay", match="*", delay=60, times=None))
    seen: list[Outage] = []
    client = client_of(emulator, hooks=Hooks(on_outage=seen.append))
    calls = [asyncio.create_task(client.lists.remove_profile("l", "p")) for _ in range(10)]
    while len(emulator.requests) < 10:
        await asyncio.sleep(0)
    await client.aclose()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(end) for end in ends} == {OutcomeUnknown}
    assert (seen, [message for message in caplog.messages if "away" in message]) == ([], [])


@pytest.mark.parametrize("status", [500, 429])
async def test_a_close_ends_the_pause_before_a_retry(emulator: Emulator, status: int) -> None:
    """The call ends in what its last attempt showed; nothing more is sent."""
    emulator.faults.add(Fault("status", match="*", status=status, retry_after=40, times=None))
    client = client_of(emulator)
    call = asyncio.create_task(client.lists.remove_profile("l", "p"))
    await until_given_out(client, lambda limiter: not limiter.in_flight and bool(emulator.requests))
    for _ in range(3):  # the reply was read; the call goes on to its pause
        await asyncio.sleep(0)
    await asyncio.wait_for(client.aclose(), 5)
    with pytest.raises((ServerError, RateLimited)) as caught:
        await asyncio.wait_for(call, 5)
    assert (caught.value.status, caught.value.attempts) == (status, 1)
    assert len(emulator.requests) == 1


async def test_a_close_ends_what_polls(emulator: Emulator) -> None:
    """An identification that is never completed, and a look-up that waits until an absence can be believed."""
    emulator.store.identification_polls = 1000
    client = client_of(emulator, business_id=emulator.business_id, retry=Retry(attempts=1))
    emulator.faults.add(Fault("drop_before", match="POST /v1/lists"))
    with pytest.raises(OutcomeUnknown) as lost:
        await client.lists.create(name="VIP")
    asking = [
        asyncio.create_task(client.sessions.identify("s", "u")),
        asyncio.create_task(client.reconcile(lost.value, settle=3600)),
    ]
    while sum(seen.method == "GET" for seen in emulator.requests) < 5:  # some polls, and a list
        await asyncio.sleep(0)
    await asyncio.wait_for(client.aclose(), 5)
    for task in asking:
        with pytest.raises((ClientClosed, NotSent, OutcomeUnknown)):
            await asyncio.wait_for(task, 1)


async def test_a_client_that_was_never_opened_closes_at_once() -> None:
    """A client that was not used needs no loop."""
    client = Hellotext("t")
    await client.aclose()
    with pytest.raises(ClientClosed):
        await client.open()


async def test_a_client_belongs_to_the_loop_that_opened_it(emulator: Emulator) -> None:
    """From another loop, and from a thread without one, it raises WrongLoop; nothing is sent."""
    errors: list[HellotextError] = []

    async def call() -> None:
        await client.lists.list(limit=1)

    def elsewhere() -> None:
        for use in (lambda: asyncio.run(call()), lambda: asyncio.run(client.aclose()), client.rate):
            try:
                use()
            except WrongLoop as error:
                errors.append(error)

    async with client_of(emulator) as client:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)
        await call()
    assert len(errors) == 3
    assert "anyio.from_thread.run" in str(errors[0])
    assert len(emulator.requests) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
async def test_a_forked_child_gets_no_use_of_it(emulator: Emulator) -> None:
    """The child's error asks for a new client; the parent continues."""
    async with client_of(emulator) as client:
        child = os.fork()
        if child == 0:
            try:
                client.rate()
            except Forked:
                os._exit(7)
            finally:
                os._exit(1)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 7
        await client.lists.list(limit=1)


async def test_a_client_that_is_not_closed_is_reported_with_the_place_where_it_was_made(emulator: Emulator) -> None:
    """A ResourceWarning with the client's name."""
    client = client_of(emulator, name="greens")
    await client.open()
    with pytest.warns(ResourceWarning, match=r"'greens', made at \S*test_client_life\.py:\d+, was not closed"):
        del client
        gc.collect()


def test_a_client_is_neither_copied_nor_pickled() -> None:
    """It holds a token and connections."""
    client = Hellotext("t")
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="a token and connections"):
            attempt(client)


async def test_a_new_token_resumes_what_the_old_one_suspended(emulator: Emulator) -> None:
    """The queue's event is sent with the new token."""
    async with Hellotext(Token("revoked"), base_url=emulator.url) as client, client.event_queue() as queue:
        receipt = queue.track("page.viewed", session="s1")
        report = await queue.flush(timeout=10)
        assert report.suspended
        client.set_token(emulator.token)
        assert (await receipt).verdict == "delivered"
        assert not queue.stats().suspended
    assert [seen.status for seen in emulator.requests] == [401, 200]


async def test_an_event_made_before_is_tracked_as_it_is(emulator: Emulator) -> None:
    """`events.send` is `events.track` with an `Event`."""
    async with client_of(emulator) as client:
        await client.events.send(Event("page.viewed", session="s1", url="https://shop.example"))
    assert [(event["action"], event["url"]) for event in emulator.events] == [("page.viewed", "https://shop.example")]


async def test_requests_of_one_s_own(emulator: Emulator) -> None:
    """Method and path are checked; the deprecated `idempotency` works and warns."""
    async with client_of(emulator) as client:
        with pytest.raises(InvalidParameter, match="method: expected one of GET"):
            await client.request("HEAD", "/v1/lists")  # type: ignore[arg-type]
        for path in ("v1/lists", "/v1/../lists", "/v1/lists?limit=1", 7):
            with pytest.raises(InvalidParameter, match="path: expected a quoted path"):
                await client.request("GET", path)  # type: ignore[arg-type]
        assert len(emulator.requests) == 0
        emulator.faults.add(Fault("drop_after", match="*"))
        with pytest.warns(DeprecationWarning, match="is now called idempotency="):
            made = await client.request("POST", "/v1/lists", json={"name": "Greens"}, repeat="repeatable")
    assert [seen.method for seen in emulator.requests] == ["POST", "POST"]
    assert made is not None


def test_what_a_queue_cannot_go_over_is_refused_when_it_is_made() -> None:
    """The message names the parameter."""
    with pytest.raises(ConfigurationError, match="transport: expected None or 'pool'"):
        Hellotext("t").event_queue(transport="carrier pigeon")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "url",
    ["https://x y", "https://ex%61mple.org", "https://user@host", "https://host/path", "ftp://host", "https://", 7],
)
def test_a_base_url_is_an_origin(url: Any) -> None:
    """Scheme, host and port alone."""
    with pytest.raises(ConfigurationError, match="base_url"):
        Hellotext("t", base_url=url)


def test_plain_http_is_for_this_machine() -> None:
    """By any of its names; for other hosts only when it is allowed."""
    for host in ("localhost", "127.0.0.1:8080", "127.8.9.1", "[::1]"):
        Hellotext("t", base_url=f"http://{host}")
    with pytest.raises(ConfigurationError, match="allow_http"):
        Hellotext("t", base_url="http://shop.example")
    Hellotext("t", base_url="http://shop.example", allow_http=True)
