"""Every transport: a reply that has arrived counts, however late the loop reads it; nothing is written too late."""

from __future__ import annotations

import asyncio
import ssl
import time

import pytest

from hellotext_async._clock import boottime
from hellotext_async._wire.call import EVENTS_PATH, Reply, Request, is_unsent
from hellotext_async.config import Timeouts
from hellotext_async.transport import Unanswered
from tests.harness import scripts
from tests.harness.cancel import Step, fuzz
from tests.harness.threaded import ThreadedServer

from .asking import POST, ask, numbered
from .conftest import Opens, Serves


def hold_the_loop(seconds: float) -> None:
    """Block the loop, as a long computation in the program does."""
    time.sleep(seconds)


def unsent(end: Reply | Unanswered) -> str:
    """The reason of an exchange that was not sent."""
    assert isinstance(end, Unanswered), end
    assert not end.sent
    return end.reason


async def test_45_a_reply_that_arrived_while_the_loop_was_held_counts(
    opened: Opens, tls: ssl.SSLContext | None
) -> None:
    """The program blocks the loop beyond every limit: the reply in the socket is read before the time is checked.

    Small ones and large ones, over new connections and over kept ones.
    """
    sizes = (21, 300_000, 21, 300_000)
    with ThreadedServer(*(scripts.response(200, b"x" * size) for size in sizes), tls=tls) as server:
        transport = opened(server.url, timeouts=Timeouts(connect=5, read=0.4, total=0.5), concurrency=4)
        for _ in range(2):
            tasks = [asyncio.create_task(ask(transport, total=60)) for _ in sizes]
            while server.waiting.qsize() < len(sizes):
                assert not any(task.done() for task in tasks), "the requests must come within the limits"
                await asyncio.sleep(0)
            server.answer()
            hold_the_loop(0.5)
            ends = await asyncio.gather(*tasks)
            found = [isinstance(end, Reply) and (end.status, len(end.body)) for end in ends]
            assert sorted(found) == sorted((200, size) for size in sizes)
        await transport.aclose()


async def test_45_nothing_is_written_after_its_time(opened: Opens, serve: Serves) -> None:
    """At `not_after` an exchange is unsent, and its connection is used for the next."""
    async with serve() as server:
        transport = opened(server.url)
        assert (await transport.exchange(POST, total=5, not_after=boottime() + 60)).status == 200
        with pytest.raises(Unanswered) as late:
            await transport.exchange(numbered(2), total=5, not_after=boottime())
        assert unsent(late.value) == "expired"
        assert (await transport.exchange(POST, total=5)).status == 200
        assert (server.begun, server.connections) == (2, 1)


@pytest.mark.parametrize(("total", "not_after", "reason"), [(60.0, 0.05, "expired"), (0.05, 60.0, "connect")])
async def test_45_nothing_is_written_when_its_time_passed_while_it_connected(
    opened: Opens, total: float, not_after: float, reason: str, serve: Serves
) -> None:
    """Checked after the connection was acquired, not before: with `not_after`, and with the total."""
    async with serve() as server:
        exchange = opened(server.url).exchange(POST, total=total, not_after=boottime() + not_after)
        task = asyncio.create_task(exchange)
        await asyncio.sleep(0)
        hold_the_loop(0.06)
        with pytest.raises(Unanswered) as late:
            await task
        assert unsent(late.value) == reason
        assert server.begun == 0


@pytest.mark.parametrize("by", ["loop", "task", "arrival"])
async def test_29_a_cancelled_exchange_reports_whether_it_was_written(opened: Opens, by: Step, serve: Serves) -> None:
    """Cancelled anywhere, also while waiting for a connection: an exchange reported unsent never reaches the server."""
    unsent_numbers: list[int] = []
    async with serve() as server:
        number = 0

        async def one() -> None:
            transport = opened(server.url)
            nonlocal number
            number += 1
            try:
                await transport.exchange(numbered(number), total=5)
            except asyncio.CancelledError as error:
                if is_unsent(error):
                    unsent_numbers.append(number)
                raise

        async for run in fuzz(one, 40, by=by):
            assert run.end in ("cancelled", "returned")
        assert unsent_numbers
        await opened(server.url).exchange(numbered(0), total=5)
        assert not {seen.json["ref"] for seen in server.history if seen.body} & set(unsent_numbers)


async def test_29_cancelled_after_the_write_it_is_not_unsent(opened: Opens, serve: Serves) -> None:
    """The server has received it."""
    async with serve(scripts.silence()) as server:
        task = asyncio.create_task(opened(server.url).exchange(POST, total=5))
        await server.history.until(seen=1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        assert not is_unsent(cancelled.value)


async def test_7_a_connection_that_closes_with_its_reply_is_not_written_to(opened: Opens, serve: Serves) -> None:
    """Unannounced: the end is in the socket with the reply, and is checked in the step that writes."""
    async with serve((*scripts.received(), scripts.fin)) as server:
        transport = opened(server.url)
        ends = [await ask(transport, Request("POST", EVENTS_PATH, b"{}")) for _ in range(5)]
        assert [isinstance(end, Reply) and end.status for end in ends] == [200] * 5
        assert (server.begun, server.connections) == (5, 5)
