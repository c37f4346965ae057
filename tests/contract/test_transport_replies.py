"""Every transport: a reply has the status of its status line, whatever its body is, in bounded memory."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hellotext_async._wire.call import EVENTS_PATH, Reply, Request
from hellotext_async.config import Timeouts
from hellotext_async.transport import Unanswered
from tests.harness import scripts
from tests.harness.scripts import RECEIVED, Steps

from .asking import POST, ask, connected, status_or_doubt
from .conftest import Opens, Serves

MIB = 1 << 20
CLOSE = {"Connection": "close"}


@contextmanager
def memory_within(limit: int) -> Iterator[None]:
    """Fail if the block uses more than so many bytes at any moment."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504])
async def test_a_reply_is_handed_on_as_it_came(opened: Opens, status: int, serve: Serves) -> None:
    """Status, headers and any bytes of a body arrive unchanged, and the request arrived complete, once."""
    body = bytes(range(256)) * 10
    async with serve(scripts.reply(status, body, (("X-One", "1"), ("X-One", "2")))) as server:
        end = await opened(server.url).exchange(POST, total=30)
        assert (end.status, end.body, end.missing) == (status, body, "")
        assert end.header("x-one") == ("1", "2")
        [seen] = server.history
        assert (seen.method, seen.target, seen.body) == (POST.method, POST.target, POST.body)
        assert seen.header("host") == server.url.partition("//")[2]
        assert seen.header("content-type") == "application/json"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (scripts.head(204), b""),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", b"{}"),
        (scripts.head(200, {"Connection": "close"}) + b"{}", b"{}"),
        (scripts.head(200, {"Transfer-Encoding": "chunked"}) + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX-End: 1\r\n\r\n", b"{}"),
        (scripts.response(200), b""),
    ],
    ids=["204", "no reason", "HTTP/1.0 to the end", "to the end", "chunked", "empty"],
)
async def test_every_form_of_body_is_read(opened: Opens, raw: bytes, body: bytes, serve: Serves) -> None:
    """With a length, in chunks, until the end, or none; in one piece or byte by byte."""
    whole = (*scripts.APPLY, scripts.send(raw))
    dripped = (*scripts.APPLY, scripts.drip(raw, 0))
    for script in (whole, dripped):
        async with serve((*script, scripts.fin)) as server:
            end = await opened(server.url).exchange(POST, total=30)
            assert (end.body, end.missing) == (body, "")


async def test_a_large_body_is_read_and_written_whole(opened: Opens, serve: Serves) -> None:
    """Megabytes are sent and returned unchanged, over one connection."""
    big = bytes(range(256)) * (12 * 1024)
    async with serve(scripts.reply(200, big)) as server:
        transport = opened(server.url, response_bytes=4 * MIB)
        for _ in range(2):
            assert (await transport.exchange(Request("POST", EVENTS_PATH, big), total=30)).body == big
        assert [seen.body == big for seen in server.history] == [True, True]
        assert server.connections == 1


@pytest.mark.parametrize("status", [200, 422, 500])
async def test_12_a_body_cut_off_leaves_its_status(opened: Opens, status: int, serve: Serves) -> None:
    """Fewer bytes than announced: the status is kept, the body is missing, and the connection is closed."""
    async with serve() as server:
        server.on(1, scripts.truncated_body(status))
        transport = opened(server.url)
        end = await transport.exchange(POST, total=30)
        assert (end.status, end.missing) == (status, "cut off")
        assert (await transport.exchange(POST, total=30)).missing == ""


async def test_12_a_body_reset_in_the_middle_leaves_its_status(opened: Opens, serve: Serves) -> None:
    """The same when the connection is reset rather than ended."""
    begun = scripts.send(scripts.head(200, {"Content-Length": "100"}) + b"x")
    async with serve((*scripts.APPLY, begun, scripts.sleep(0.05), scripts.rst)) as server:
        end = await opened(server.url).exchange(POST, total=30)
        assert (end.status, end.missing) == (200, "cut off")


@pytest.mark.parametrize(
    "script",
    [
        scripts.endless_chunked(b"x" * 65536),
        (
            *scripts.APPLY,
            scripts.send(scripts.head(200, {"Content-Length": str(1 << 30)})),
            scripts.repeat(b"x" * 65536),
        ),
        scripts.reply(200, b"x" * (MIB + 1)),
    ],
    ids=["endless", "1 GB", "one byte too many"],
)
async def test_13_a_body_without_bounds_is_abandoned_at_the_cap(opened: Opens, script: Steps, serve: Serves) -> None:
    """Above the cap nothing is kept or read any more; the status is kept."""
    async with serve() as server:
        server.on(1, script)
        transport = opened(server.url, response_bytes=MIB, timeouts=Timeouts(read=20, total=20))
        with memory_within(16 * MIB):
            end = await transport.exchange(POST, total=20)
        assert (end.status, end.missing, end.body) == (200, "too large", b"")
        assert (await transport.exchange(POST, total=30)).status == 200


async def test_13_a_body_of_exactly_the_cap_is_whole(opened: Opens, serve: Serves) -> None:
    """A body of the cap's size is allowed."""
    async with serve(scripts.reply(200, b"x" * MIB)) as server:
        end = await opened(server.url, response_bytes=MIB).exchange(POST, total=30)
        assert (len(end.body), end.missing) == (MIB, "")


async def test_13_endless_chunk_extensions_end(opened: Opens, serve: Serves) -> None:
    """A chunk whose size line never ends stops at a bound or at the total, with its status."""
    begun = scripts.send(scripts.head(200, {"Transfer-Encoding": "chunked"}) + b"1;")
    async with serve((*scripts.APPLY, begun, scripts.repeat(b"x" * 65536))) as server:
        transport = await connected(opened, server)
        with memory_within(16 * MIB):
            assert status_or_doubt(await ask(transport, total=0.5)) in (200, None)


@pytest.mark.parametrize("script", [scripts.huge_header(60_000), scripts.huge_header(100, 300)], ids=["one", "many"])
async def test_17_a_large_head_is_read(opened: Opens, script: Steps, serve: Serves) -> None:
    """Up to 64 KiB of headers, as load balancers and their cookies produce them: the status is not lost."""
    async with serve(script) as server:
        assert (await opened(server.url).exchange(POST, total=5)).body == scripts.RECEIVED


async def test_17_an_endless_head_takes_no_memory(opened: Opens, serve: Serves) -> None:
    """A header that never ends is abandoned at a bound; its status is kept, or the exchange is uncertain."""
    begun = scripts.send(b"HTTP/1.1 200 OK\r\nX: ")
    async with serve((*scripts.APPLY, begun, scripts.repeat(b"y" * 65536))) as server:
        transport = opened(server.url, timeouts=Timeouts(read=20, total=20))
        with memory_within(2 * MIB):
            assert status_or_doubt(await asyncio.wait_for(ask(transport, total=20), 10)) in (200, None)


async def test_14_a_gzip_bomb_takes_no_memory(opened: Opens, serve: Serves) -> None:
    """200 kB that would decompress to 200 MB: the cap applies to the decompressed size."""
    script = scripts.gzip_bomb()
    async with serve() as server:
        server.on(1, script)
        transport = opened(server.url, response_bytes=MIB)
        with memory_within(32 * MIB):
            end = await transport.exchange(POST, total=30)
        assert end.status == 200
        assert end.missing in ("too large", "unreadable")
        assert (await transport.exchange(POST, total=30)).status == 200


@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip", b"no gzip at all"), ("br", b"\x00\x01"), ("made-up", b"{}"), ("gzip, gzip", gzip.compress(b"{}"))],
    ids=["wrong", "unknown", "made up", "double"],
)
async def test_15_a_coding_that_cannot_be_decoded_is_no_failure(
    opened: Opens, coding: str, body: bytes, serve: Serves
) -> None:
    """The status is kept if it was read, otherwise the exchange is uncertain; the transport stays usable."""
    async with serve() as server:
        server.on(1, scripts.reply(200, body, {"Content-Encoding": coding}))
        transport = opened(server.url)
        assert status_or_doubt(await ask(transport)) in (200, None)
        assert (await transport.exchange(POST, total=30)).status == 200


@pytest.mark.parametrize("count", [1, 3, 10_000])
async def test_18_interim_replies_are_skipped(opened: Opens, count: int, serve: Serves) -> None:
    """After any number of 103s, the final reply is returned."""
    async with serve() as server:
        server.on(1, scripts.informational_flood(count))
        transport = opened(server.url)
        end = await transport.exchange(POST, total=30)
        assert (end.status, end.body) == (200, RECEIVED)
        assert (await transport.exchange(POST, total=30)).status == 200


async def test_18_interim_replies_without_end_end_at_the_total(opened: Opens, serve: Serves) -> None:
    """Only 103s: uncertain when the time is over."""
    async with serve(scripts.informational_flood(None)) as server:
        end = await ask(await connected(opened, server), total=0.3)
        assert isinstance(end, Unanswered)
        assert end.sent


@pytest.mark.parametrize("extra", [scripts.response(200, b"second"), b"HT", b"\x00", b"HTTP/1.1 500 No\r\n\r\n"])
async def test_20_an_unsolicited_reply_is_not_the_next_answer(opened: Opens, extra: bytes, serve: Serves) -> None:
    """More than the reply arrived: the next request gets its own, or is uncertain."""
    async with serve() as server:
        server.on(1, (*scripts.APPLY, scripts.send(scripts.response(200, b"first") + extra)))
        transport = opened(server.url)
        first, second = await ask(transport), await ask(transport)
        assert status_or_doubt(first) in (200, None)
        assert isinstance(second, Reply)
        assert second.body == RECEIVED


async def test_20_a_later_unsolicited_reply_is_not_the_next_answer(opened: Opens, serve: Serves) -> None:
    """A reply without a request, while the connection is idle: the connection is closed."""
    late = scripts.send(scripts.response(200, b"late"))
    async with serve() as server:
        server.on(1, (*scripts.received(), scripts.sleep(0.02), late))
        transport = opened(server.url)
        assert (await transport.exchange(POST, total=30)).body == RECEIVED
        await server.history.until(applied=1)
        async with serve() as clock:
            clock.on(1, (*scripts.READ, scripts.sleep(0.1), scripts.send(scripts.response(200))))
            await opened(clock.url).exchange(POST, total=30)
        assert (await transport.exchange(POST, total=30)).body == RECEIVED
        assert server.connections == 2


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_21_a_redirect_is_an_answer(opened: Opens, status: int, serve: Serves) -> None:
    """It is returned, and its target receives nothing: no token, no body."""
    async with serve() as other, serve(scripts.redirect(other.url, status)) as server:
        end = await opened(server.url).exchange(POST, total=30)
        assert isinstance(end, Reply)
        assert (end.status, end.header("location")) == (status, (other.url,))
        assert (other.connections, server.begun) == (0, 1)


async def test_cookies_are_not_kept(opened: Opens, serve: Serves) -> None:
    """A cookie that a server sets is not sent back."""
    async with serve(scripts.reply(200, b"{}", {"Set-Cookie": "a=b"})) as server:
        transport = opened(server.url.replace("127.0.0.1", "localhost"))  # aiohttp stores none for IP addresses anyway
        await transport.exchange(POST, total=30)
        await transport.exchange(POST, total=30)
        assert [seen.header("cookie") for seen in server.history] == [None, None]


async def test_a_connection_that_ends_with_its_reply_is_not_used_again(opened: Opens, serve: Serves) -> None:
    """`Connection: close` is obeyed, though the server keeps the connection open."""
    async with serve() as server:
        server.on(1, scripts.reply(200, b"{}", CLOSE))
        transport = opened(server.url)
        await transport.exchange(POST, total=30)
        await transport.exchange(POST, total=30)
        assert server.connections == 2
