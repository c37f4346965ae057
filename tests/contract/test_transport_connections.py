"""Every transport: connections are kept, shared, released and never mixed up; the token is never shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hellotext_async._wire.call import EVENTS_PATH, Reply, Request
from hellotext_async.config import Timeouts, Token
from hellotext_async.transport import Unanswered
from hellotext_async.transport.event_transport import EventTransport
from tests.harness import scripts
from tests.harness.canary import TOKEN, assert_unseen
from tests.harness.cancel import Step, cancelled_after, fuzz
from tests.harness.connection import Connection
from tests.harness.credentials import Credentials
from tests.harness.scripts import Steps
from tests.harness.server import ScriptedServer

from .asking import POST, ask, numbered
from .conftest import Opens, Serves


def record_end(gone: asyncio.Event) -> scripts.Step:
    """Wait until the client has closed the connection, and record that."""

    async def wait(connection: Connection) -> None:
        try:
            await connection.until_gone()
        finally:
            gone.set()

    return wait


async def test_a_connection_is_kept(opened: Opens, serve: Serves) -> None:
    """One request after another goes over one connection."""
    async with serve() as server:
        transport = opened(server.url)
        for _ in range(20):
            assert (await transport.exchange(POST, total=30)).status == 200
        assert server.connections == 1


async def test_44_many_at_once_share_the_connections_allowed(opened: Opens, serve: Serves) -> None:
    """2,000 requests over at most 8 connections: all answered, in the order in which they came."""
    async with serve() as server:
        transport = opened(server.url, concurrency=8, timeouts=Timeouts(connect=30, read=30, total=30))
        ended: list[int] = []

        async def one(number: int) -> None:
            assert (await transport.exchange(numbered(number), total=30)).status == 200
            ended.append(number)

        await asyncio.gather(*map(one, range(2000)))
        assert server.most_open <= 8
        assert sorted(ended) == list(range(2000))
        # The first eight open connections, and on a machine under load one of them may be late.
        assert max(abs(place - number) for place, number in enumerate(ended) if number >= 8) <= 32


async def test_44_a_released_slot_is_used_by_the_next(opened: Opens, serve: Serves) -> None:
    """Cancelled waiters and broken connections release their slots to the next waiters."""
    async with serve() as server:
        server.on(1, (*scripts.READ, scripts.sleep(0.05), scripts.rst))
        transport = opened(server.url, concurrency=1)
        tasks = [asyncio.create_task(ask(transport, numbered(number))) for number in range(5)]
        await server.history.until(seen=1)
        tasks[1].cancel()
        tasks[3].cancel()
        async with asyncio.timeout(5):
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(ends[0], Unanswered)
        assert isinstance(ends[1], asyncio.CancelledError) and isinstance(ends[3], asyncio.CancelledError)
        assert isinstance(ends[2], Reply) and isinstance(ends[4], Reply)
        assert server.most_open == 1


async def test_44_a_slot_granted_to_a_cancelled_waiter_passes_to_the_next(opened: Opens, serve: Serves) -> None:
    """Cancelled at the very moment at which the connection became free: it is not lost."""
    async with serve() as server:
        for first in (scripts.received(), (*scripts.APPLY, scripts.sleep(0.02), scripts.rst)):
            server.upcoming(first)
            transport = opened(server.url, concurrency=1)
            holder = asyncio.create_task(ask(transport, numbered(1)))
            await server.history.until(seen=len(server.history) + 1)
            run = await cancelled_after(ask(transport, numbered(2)), 1, by="arrival")
            assert run.end == "cancelled"
            assert isinstance(await asyncio.wait_for(ask(transport, numbered(3)), 1), Reply)
            await holder


async def test_43_tokens_never_cross(opened: Opens, serve: Serves) -> None:
    """Two businesses, 80 concurrent requests: each has its own token with its own body."""
    async with serve() as server:
        sides = {name: opened(server.url, credentials=Credentials(Token(f"tok_{name}"))) for name in ("one", "two")}
        requests = {name: Request("POST", EVENTS_PATH, name.encode()) for name in sides}
        await asyncio.gather(*(sides[name].exchange(requests[name], total=30) for name in ["one", "two"] * 40))
        pairs = {(seen.header("authorization"), seen.body) for seen in server.history}
        assert len(server.history) == 80
        assert pairs == {("Bearer tok_one", b"one"), ("Bearer tok_two", b"two")}


async def test_43_a_replaced_token_is_used_at_once(opened: Opens, serve: Serves) -> None:
    """The token is read for each request, also over a kept connection."""
    async with serve() as server:
        changing = Credentials(Token("old"))
        transport = opened(server.url, credentials=changing)
        await transport.exchange(POST, total=30)
        changing.token = Token("new")
        await transport.exchange(POST, total=30)
        assert [seen.header("authorization") for seen in server.history] == ["Bearer old", "Bearer new"]
        assert server.connections == 1


@pytest.mark.parametrize("by", ["loop", "task", "arrival"])
@pytest.mark.parametrize("script", [scripts.received(), scripts.close_after_reply(0)], ids=["kept", "closed"])
async def test_29_cancelled_anywhere_it_leaks_nothing(opened: Opens, by: Step, script: Steps, serve: Serves) -> None:
    """Cancelled after any number of steps: it ends at once, and the only slot is free again.

    Its look-up goes on, for the next.
    """
    expected = ("serve", "_handle", "Addresses._find")
    async with serve(script) as server:
        transport = opened(server.url, concurrency=1)
        before = 0

        async def one() -> int:
            return (await transport.exchange(POST, total=30)).status

        async for run in fuzz(one, 60, by=by):
            assert run.end in ("cancelled", "returned") or isinstance(run.error, Unanswered)
            assert not [task for task in run.left if not any(name in repr(task) for name in expected)]
            end = await asyncio.wait_for(ask(transport), 5)
            assert isinstance(end, Reply) or end.sent
            applied = len(server.history.applied)
            assert applied - before <= 2
            before = applied
        assert server.most_open <= 2  # the server notices an end a little later


async def test_29_cancelled_in_flight_its_connection_is_closed(opened: Opens, serve: Serves) -> None:
    """The answer of a cancelled request is dropped: its connection is closed at once, and not used again."""
    gone = asyncio.Event()
    async with serve() as server:
        server.on(1, (*scripts.READ, record_end(gone)))
        transport = opened(server.url, timeouts=Timeouts(connect=30, read=30, total=30))
        task = asyncio.create_task(ask(transport, numbered(1), total=30))
        await server.history.until(seen=1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.wait_for(gone.wait(), 10)
        assert (await transport.exchange(POST, total=30)).status == 200
        assert server.connections == 2


async def test_a_caller_s_timeout_ends_the_exchange(opened: Opens, serve: Serves) -> None:
    """`asyncio.timeout` around an exchange raises TimeoutError, and the task keeps no pending cancellation."""
    async with serve() as server:
        server.on(1, scripts.silence())
        transport = opened(server.url)

        async def over_when_seen(limit: asyncio.Timeout) -> None:
            await server.history.until(seen=1)
            limit.reschedule(0)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
                group.create_task(over_when_seen(limit))
                await transport.exchange(POST, total=30)
        task = asyncio.current_task()
        assert task is not None and task.cancelling() == 0
        assert (await transport.exchange(POST, total=30)).status == 200


async def test_the_transport_s_own_timeout_leaves_no_cancellation(opened: Opens, serve: Serves) -> None:
    """After an exchange that timed out the task continues without a cancellation."""
    async with serve(scripts.silence()) as server:
        end = await ask(opened(server.url), total=0.1)
        assert isinstance(end, Unanswered)
        task = asyncio.current_task()
        assert task is not None and task.cancelling() == 0
        await asyncio.sleep(0)


@pytest.mark.parametrize("script", [scripts.apply_then_rst(), scripts.garbage_status_line(), scripts.silence()])
async def test_40_nothing_raised_shows_the_token(opened: Opens, script: Steps, serve: Serves) -> None:
    """Neither the exception nor its traceback with locals, nor the transport itself."""
    async with serve(script) as server:
        transport = opened(server.url)
        for unsent in (False, True):
            if unsent:
                await transport.aclose()
            with pytest.raises(Unanswered) as raised:
                await transport.exchange(POST, total=0.1)
            assert_unseen(raised.value, repr(transport), repr(vars(transport)))


async def test_40_a_cancelled_exchange_shows_no_token(opened: Opens, serve: Serves) -> None:
    """The CancelledError's traceback with locals holds no token either."""
    async with serve(scripts.silence()) as server:
        transport = opened(server.url)
        task = asyncio.create_task(transport.exchange(POST, total=30))
        await server.history.until(seen=1)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as cancelled:
            assert_unseen(cancelled)
        assert TOKEN not in repr(task)


@pytest.fixture
async def events_to() -> AsyncIterator[Callable[..., EventTransport]]:
    """A factory of event transports, which closes them after the test."""
    made: list[EventTransport] = []

    def make(url: str, keep: float = 4) -> EventTransport:
        limits = Timeouts(connect=30, read=60, total=60)
        settings: dict[str, Any] = {"concurrency": 2, "response_bytes": 1000, "user_agent": "contract", "keep": keep}
        made.append(EventTransport(url, Credentials(Token(TOKEN)), timeouts=limits, **settings))
        return made[-1]

    yield make
    for transport in made:
        await transport.aclose()


async def test_7_the_event_transport_closes_idle_connections(events_to: Callable[..., EventTransport]) -> None:
    """A connection that is idle for longer than `keep` is closed by the client, not found closed under a request."""
    gone = asyncio.Event()
    async with ScriptedServer() as server:
        server.on(1, (*scripts.received(), record_end(gone)))
        transport = events_to(server.url, keep=0.05)
        await transport.exchange(POST, total=30)
        await asyncio.wait_for(gone.wait(), 5)
        assert (await transport.exchange(POST, total=30)).status == 200
        assert server.connections == 2


async def test_7_the_event_transport_skips_a_connection_that_was_idle_too_long(
    events_to: Callable[..., EventTransport],
) -> None:
    """Also when the loop was blocked and could not close it in time: the server may be about to close it."""
    async with ScriptedServer() as server:
        transport = events_to(server.url, keep=0.02)
        await transport.exchange(POST, total=30)
        time.sleep(0.05)  # noqa: ASYNC251 - the loop runs no timer in this time
        await transport.exchange(POST, total=30)
        assert server.connections == 2


async def test_7_the_event_transport_skips_a_connection_that_is_closing(
    events_to: Callable[..., EventTransport],
) -> None:
    """Already broken, though connection_lost has not run, at any turn of the loop: the request uses another."""
    for turns in range(12):
        async with ScriptedServer() as server:
            speak = asyncio.Event()

            async def unasked(connection: Connection, speak: asyncio.Event = speak) -> None:
                await speak.wait()
                await connection.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")

            server.on(1, (*scripts.received(), unasked))
            transport = events_to(server.url)
            await transport.exchange(POST, total=30)
            speak.set()
            for _ in range(2 + turns):
                await asyncio.sleep(0)
            assert (await transport.exchange(POST, total=30)).status == 200
            assert (server.begun, server.connections) == (2, 2)
