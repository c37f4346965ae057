"""Every transport: a request that may have been sent and has no answer is reported as sent, once, within its time."""

from __future__ import annotations

import asyncio
import random

import pytest

from hellotext_async._wire.call import EVENTS_PATH, Reply, Request
from hellotext_async.config import Timeouts
from hellotext_async.transport import Unanswered
from tests.harness import scripts
from tests.harness.fault_proxy import FaultProxy
from tests.harness.scripts import Steps

from .asking import POST, ask, connected, numbered, status_or_doubt
from .conftest import Opens, Serves


def in_doubt(end: Reply | Unanswered) -> str:
    """The reason of an exchange that was sent and not answered."""
    assert isinstance(end, Unanswered), end
    assert end.sent
    return end.reason


@pytest.mark.parametrize(
    "script",
    [scripts.rst_before_reading(), scripts.apply_then_rst(), scripts.apply_then_fin()],
    ids=["4 reset before reading", "5 reset after reading", "5 end after reading"],
)
async def test_a_connection_that_breaks_unanswered_is_uncertain(opened: Opens, script: Steps, serve: Serves) -> None:
    """Closed before a status line: sent, disconnected, requested once, and the next request is answered."""
    async with serve() as server:
        server.on(1, script)
        transport = opened(server.url)
        assert in_doubt(await ask(transport)) == "disconnected"
        assert server.begun == 1
        assert (await transport.exchange(POST, total=5)).status == 200
        assert server.connections == 2


async def test_4_a_reset_at_accept_is_never_an_answer(opened: Opens, serve: Serves) -> None:
    """The connection is reset at once: unanswered, whether or not a byte was written before."""
    async with serve() as server:
        server.on_connection(1, (scripts.rst,))
        transport = opened(server.url)
        assert isinstance(await ask(transport), Unanswered)
        assert server.history == []


@pytest.mark.parametrize("limits", [Timeouts(read=60, total=1), Timeouts(read=0.2, total=60)], ids=["total", "read"])
async def test_6_an_unanswered_request_ends_at_the_limit(opened: Opens, limits: Timeouts, serve: Serves) -> None:
    """No answer: sent, timed out; the connection is not used again, its slot is free. The total includes a handshake."""
    async with serve() as server:
        server.on(1, scripts.silence())
        transport = opened(server.url, timeouts=limits, concurrency=1)
        assert in_doubt(await asyncio.wait_for(ask(transport, total=60), 5)) == "timeout"
        assert (await transport.exchange(POST, total=5)).status == 200
        assert server.connections == 2


async def test_6_a_body_that_keeps_arriving_does_not_time_out(opened: Opens, serve: Serves) -> None:
    """It may take longer than `read` in total, as long as no pause does."""
    body = scripts.drip(b"012345678", 0.2)
    async with serve((*scripts.READ, scripts.send(scripts.head(200, {"Content-Length": "9"})), body)) as server:
        end = await opened(server.url, timeouts=Timeouts(read=1.5, total=60)).exchange(POST, total=60)
        assert end == Reply(200, end.headers, b"012345678")


async def test_6_a_shorter_total_of_the_call_is_kept(opened: Opens, serve: Serves) -> None:
    """The limit of this exchange ends it before the transport's own limits."""
    async with serve(scripts.silence()) as server:
        transport = await connected(opened, server)
        assert in_doubt(await asyncio.wait_for(ask(transport, total=0.1), 5)) == "timeout"


async def test_6_each_exchange_has_its_own_time(opened: Opens, serve: Serves) -> None:
    """Of many concurrent exchanges, each ends at its own limit and none at another's."""
    async with serve(scripts.silence()) as server:
        transport = opened(server.url, timeouts=Timeouts(read=60, total=60))
        totals = [0.4, 0.1, 0.3, 0.2]
        ended: list[float] = []

        async def one(total: float) -> None:
            end = await ask(transport, total=total)
            assert isinstance(end, Unanswered) and end.reason in ("timeout", "connect"), end  # also while it connects
            ended.append(total)

        await asyncio.wait_for(asyncio.gather(*map(one, totals)), 5)
        assert ended == sorted(totals)


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE", "PATCH"])
async def test_7_8_a_kept_connection_that_ends_is_not_retried(opened: Opens, method: str, serve: Serves) -> None:
    """An idle connection is closed under the next request: uncertain, and the server received each request once."""
    async with serve() as server:
        server.on(2, scripts.fin_before_reading())
        transport = opened(server.url)
        body = None if method in ("GET", "DELETE") else b"{}"
        assert (await transport.exchange(POST, total=5)).status == 200
        in_doubt(await ask(transport, Request(method, "/v1/profiles/1", body)))
        assert (server.begun, server.connections) == (2, 1)


async def test_7_a_closed_connection_is_not_used(opened: Opens, serve: Serves) -> None:
    """A connection that was closed in time is not used: the next request uses another."""
    async with serve() as server:
        server.on(1, (*scripts.received(), scripts.fin))
        transport = opened(server.url)
        assert (await transport.exchange(POST, total=5)).status == 200
        await asyncio.sleep(0.05)
        assert (await transport.exchange(POST, total=5)).status == 200
        assert server.connections == 2


async def test_9_a_server_that_breaks_keep_alive_causes_no_duplicate(opened: Opens, serve: Serves) -> None:
    """Closed at random after the answer or in its place: every request is answered or uncertain, none applied twice."""
    chance = random.Random(9)
    async with serve(hook=lambda _: _lying(chance)) as server:
        transport = opened(server.url)

        async def worker(first: int) -> list[tuple[int, Reply | Unanswered]]:
            return [(number, await ask(transport, numbered(number))) for number in range(first, first + 60)]

        ends = [end for some in await asyncio.gather(*map(worker, range(0, 600, 60))) for end in some]
        applied = [seen.json["ref"] for seen in server.history.applied]
        assert len(applied) == len(set(applied))
        answered = {number for number, end in ends if isinstance(end, Reply)}
        unsent = {number for number, end in ends if isinstance(end, Unanswered) and not end.sent}
        assert answered <= set(applied)
        assert not unsent & set(applied)
        assert len(answered) > 300


def _lying(chance: random.Random) -> Steps:
    ends = (scripts.close_after_reply(0.001), (*scripts.APPLY, scripts.fin), scripts.received())
    return chance.choices(ends, (0.3, 0.05, 0.65))[0]


async def test_10_a_peer_that_vanishes_is_abandoned_at_the_limit(opened: Opens, serve: Serves) -> None:
    """Bytes are lost on the way: uncertain at the limit, and that connection is not used again."""
    async with serve() as server, FaultProxy(server.url) as wire:
        transport = opened(wire.url)
        assert (await transport.exchange(POST, total=5)).status == 200
        wire.up.set(blackhole=True)
        assert in_doubt(await ask(transport, total=0.3)) == "timeout"
        wire.clear()
        assert (await transport.exchange(POST, total=5)).status == 200
        assert wire.connections == 2


async def test_11_a_dripping_head_ends_at_the_total(opened: Opens, serve: Serves) -> None:
    """Occasional bytes reset the read limit, not the total."""
    drip = scripts.drip(b"HTTP/1.1" + b" " * 1000, 0.02)
    async with serve((*scripts.APPLY, drip)) as server:
        transport = await connected(opened, server)
        in_doubt(await asyncio.wait_for(ask(transport, total=0.3), 5))


async def test_11_a_dripping_body_ends_at_the_total_with_its_status(opened: Opens, serve: Serves) -> None:
    """The status was read: that is the reply, and its body is truncated."""
    drip = scripts.drip(scripts.response(200, b"x" * 1000), 0.02, 50)
    async with serve((*scripts.APPLY, drip)) as server:
        transport = await connected(opened, server)
        end = await asyncio.wait_for(ask(transport, total=0.3), 5)
        assert isinstance(end, Reply)
        assert (end.status, end.missing) == (200, "cut off")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01 certainly not HTTP\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 20",
        b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"",
    ],
)
async def test_17_an_invalid_status_line_is_uncertain(opened: Opens, raw: bytes, serve: Serves) -> None:
    """Not HTTP, half a line, or an interim reply alone: sent, no answer, and no 400."""
    async with serve((*scripts.APPLY, scripts.send(raw), scripts.fin)) as server:
        assert status_or_doubt(await ask(opened(server.url))) is None


@pytest.mark.parametrize(
    "script",
    [
        scripts.huge_header(20_000),
        scripts.huge_header(2_000_000),
        scripts.huge_header(10, 10_000),
        (*scripts.APPLY, scripts.send(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n")),
        (*scripts.APPLY, scripts.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx")),
    ],
    ids=["20 kB", "2 MB", "10,000 headers", "no header", "two lengths"],
)
async def test_17_a_bad_head_is_its_status_or_uncertain(opened: Opens, script: Steps, serve: Serves) -> None:
    """After a 200 it is a 200 or uncertain; the connection is not used again."""
    async with serve() as server:
        server.on(1, script)
        transport = opened(server.url)
        assert status_or_doubt(await ask(transport)) in (None, 200)
        assert (await transport.exchange(POST, total=5)).status == 200


async def test_19_an_early_refusal_is_read_or_uncertain(opened: Opens, serve: Serves) -> None:
    """413 while the body is still being written, then the end: 413, or uncertain."""
    big = Request("POST", EVENTS_PATH, b"x" * (8 << 20))
    for reset in (False, True):
        async with serve(scripts.early_413(reset=reset)) as server:
            transport = opened(server.url)
            assert status_or_doubt(await ask(transport, big)) in ((413,) if not reset else (413, None))
            assert server.begun == 1
