"""The scripted server sends what its scripts say."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Callable

import pytest
import trustme

from tests.harness import scripts
from tests.harness.raw import BODY, ask, body_of, connection, post
from tests.harness.scripts import RECEIVED, Steps
from tests.harness.server import ScriptedServer


async def test_the_default_answer_keeps_the_connection_and_logs_what_came() -> None:
    """Two requests on one connection are answered, logged with their parts, and applied in their order."""
    async with ScriptedServer() as server:
        answer = await ask(server.url, post() + post(b"{}", "content-length: 2", "X-Name: a"))
    assert answer == scripts.response(200, RECEIVED) * 2
    first, second = server.history
    assert (first.method, first.target, first.body, first.complete) == ("POST", "/v1/attribution/events", BODY, True)
    assert (second.number, second.connection, second.header("x-name"), second.json) == (2, 1, "a", {})
    assert server.history.applied == [first, second]
    assert "e1" not in repr(first)


async def test_a_chunked_request_is_read_whole() -> None:
    """The body of a chunked request is joined, and the next request begins after its end."""
    chunked = post(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
    async with ScriptedServer() as server:
        await ask(server.url, chunked + post())
    assert [seen.body for seen in server.history] == [b"abcde", BODY]


async def test_scripts_are_chosen_by_number_then_in_turn_then_by_the_hook() -> None:
    """A number takes precedence over the upcoming scripts, these over the hook, the hook over the default."""
    server = ScriptedServer(hook=lambda seen: scripts.reply(202) if seen.number == 4 else None)
    server.on(2, scripts.reply(500))
    server.upcoming(scripts.refusal(422, "invalid"), scripts.reply(429, headers={"Retry-After": "1"}))
    async with server:
        answer = await ask(server.url, post() * 5)
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [422, 500, 429, 202, 200]
    assert [seen.number for seen in server.history.applied] == [4, 5]


@pytest.mark.parametrize(
    ("script", "read", "applied"),
    [
        (scripts.rst_before_reading(), 0, 0),
        (scripts.apply_then_rst(), 1, 1),
        ((scripts.read_headers, scripts.send(b"HTTP/1.1 "), scripts.rst), 1, 0),
    ],
)
async def test_rst_breaks_the_connection_off(script: Steps, read: int, applied: int) -> None:
    """The peer sees a reset, and the history shows how much of the request arrived."""
    async with ScriptedServer(script) as server:
        with pytest.raises(ConnectionResetError):
            await ask(server.url, half_close=False)
        assert (server.begun, len(server.history), len(server.history.applied)) == (1, read, applied)


@pytest.mark.parametrize(("script", "read"), [(scripts.apply_then_fin(), 1), (scripts.fin_before_reading(), 0)])
async def test_fin_ends_the_connection_in_good_order(script: Steps, read: int) -> None:
    """The peer sees the end of the data and no error."""
    async with ScriptedServer(script) as server:
        assert await ask(server.url, half_close=False) == b""
        assert len(server.history.applied) == read


async def test_a_connection_can_break_before_anything_is_read() -> None:
    """A script for a connection is played when it is accepted; the next connection is served."""
    async with ScriptedServer() as server:
        server.on_connection(1, (scripts.rst,))
        async with connection(server.url) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        assert body_of(await ask(server.url)) == RECEIVED
    assert (server.connections, server.begun) == (2, 1)


async def test_silence_applies_and_never_answers() -> None:
    """The request is in the history, and no answer comes until the server closes."""
    async with ScriptedServer(scripts.silence()) as server, connection(server.url) as (reader, writer):
        writer.write(post())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        assert len(server.history.applied) == 1


async def test_an_early_refusal_comes_while_the_body_is_still_on_its_way() -> None:
    """413 answers the headers alone, and the rest of the upload is accepted without a reset."""
    async with ScriptedServer(scripts.early_413()) as server, connection(server.url) as (reader, writer):
        writer.write(post(b"x" * 10, "Content-Length: 1000000"))
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413")
        writer.write(b"x" * 999_990)
        await writer.drain()
        await reader.read()
        assert server.history.applied == [] and not server.history[0].complete


def _is_truncated(answer: bytes) -> bool:
    return b"Content-Length: 100\r\n" in answer and body_of(answer) == b'{"id"'


@pytest.mark.parametrize(
    ("script", "right"),
    [
        (scripts.close_after_reply(), lambda answer: b"keep-alive" in answer and body_of(answer) == RECEIVED),
        (scripts.two_responses(), lambda answer: answer.count(b"HTTP/1.1 200 OK") == 2 and b"unsolicited" in answer),
        (scripts.garbage_status_line(), lambda answer: answer and not answer.startswith(b"HTTP/")),
        (scripts.huge_header(20_000), lambda answer: len(answer) > 20_000 and body_of(answer) == RECEIVED),
        (scripts.huge_header(1, 10_000), lambda answer: answer.count(b"\r\nX-Filler") == 10_000),
        (scripts.informational_flood(50), lambda answer: answer.count(b"HTTP/1.1 103 Early Hints\r\n\r\n") == 50),
        (scripts.truncated_body(), _is_truncated),
        (scripts.redirect("http://other/", 307), lambda answer: b"307 " in answer and b"Location: http://o" in answer),
        (scripts.gzip_bomb(10_000_000), lambda answer: len(answer) < 20_000 < len(gzip.decompress(body_of(answer)))),
    ],
)  # fmt: skip
async def test_the_ready_scripts_put_on_the_wire_what_they_name(script: Steps, right: Callable[[bytes], bool]) -> None:
    """Each fault is visible in the bytes."""
    async with ScriptedServer(script) as server:
        assert right(await ask(server.url))


async def test_endless_answers_do_not_end() -> None:
    """A chunked body and a flood of 103s continue as long as the peer reads."""
    async with ScriptedServer(scripts.endless_chunked(b"x" * 1000)) as server:
        server.on(2, scripts.informational_flood(None))
        for _ in range(2):
            async with connection(server.url) as (reader, writer):
                writer.write(post())
                await reader.readexactly(1_000_000)


async def test_a_drip_takes_its_time() -> None:
    """Bytes come one after another with the pause between them."""
    async with ScriptedServer((*scripts.READ, scripts.drip(b"abcde", 0.01), scripts.fin)) as server:
        begun = asyncio.get_running_loop().time()
        assert await ask(server.url) == b"abcde"
        assert asyncio.get_running_loop().time() - begun >= 0.04


async def test_a_mistake_in_a_script_is_not_swallowed() -> None:
    """An exception of a hook is raised when the server closes."""
    with pytest.raises(ExceptionGroup) as raised:
        async with ScriptedServer(hook=lambda seen: seen.json["absent"]) as server:
            await ask(server.url)
    assert raised.group_contains(KeyError)


async def test_it_speaks_tls() -> None:
    """The same server behind a certificate."""
    authority = trustme.CA()
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(trusting)
    async with ScriptedServer(tls=context) as server, connection(server.url, trusting) as (reader, writer):
        server.on(2, scripts.apply_then_fin())
        writer.write(post() * 2)
        assert await reader.read() == scripts.response(200, RECEIVED)
        assert server.url.startswith("https://") and len(server.history.applied) == 2
