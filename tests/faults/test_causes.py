"""Errors of calls that could not be made: they name the cause in an operator's terms and contain no secret."""

from __future__ import annotations

import asyncio
import socket
import ssl
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from hellotext_async import Hellotext, NoAnswer, NotSent, OutcomeUnknown, Retry, TimedOut, Timeouts
from hellotext_async._wire.call import Request
from hellotext_async.config import Token
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.transport import Unanswered
from hellotext_async.transport.event_transport import EventTransport
from tests.contract.asking import names
from tests.harness.canary import TOKEN, assert_unseen
from tests.harness.credentials import Credentials
from tests.harness.scripts import reply
from tests.harness.server import ScriptedServer

ONCE = Retry(attempts=1)
PASSWORD = "hunter2"


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@asynccontextmanager
async def proxy_that_answers(status: bytes) -> AsyncIterator[str]:
    """A proxy that refuses every CONNECT; its URL holds a password."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield f"http://will:{PASSWORD}@127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def failure(url: str, **settings: Any) -> NotSent:
    """The error that a call raises."""
    timeouts = Timeouts(connect=0.5, read=1, total=2)
    async with Hellotext(TOKEN, base_url=url, timeouts=timeouts, **{"retry": ONCE, **settings}) as client:
        with pytest.raises(NotSent) as caught:
            await client.profiles.retrieve("MzYwlE50")
    assert_unseen("".join(traceback.format_exception(caught.value)))
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    return caught.value


def assert_says(error: NotSent, reason: str, detail: str, cause: type[OSError]) -> None:
    """The error contains the word and the sentence; its cause has neither traceback nor context."""
    assert error.reason == reason
    assert error.detail.startswith(detail)
    assert error.detail in str(error)
    assert type(error.__cause__) is cause
    assert str(error.__cause__) == error.detail
    assert error.__cause__.__traceback__ is error.__cause__.__context__ is None


async def test_a_refused_connection() -> None:
    """Nothing listens on the port."""
    error = await failure(f"http://127.0.0.1:{free_port()}")
    assert_says(error, "connect", "the connection is refused", ConnectionRefusedError)


@pytest.mark.parametrize(
    ("number", "detail"),
    [
        (socket.EAI_NONAME, "the host's name is not found"),
        (socket.EAI_AGAIN, "the host's name cannot be looked up at present: no name server answers"),
    ],
)
async def test_a_name_that_is_not_found(number: int, detail: str) -> None:
    """There is none, or nothing that could say so answers."""

    async def lookup(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(number, "as the system says it")

    with names(lookup):
        error = await failure("https://api.test")
    assert_says(error, "dns", detail, socket.gaierror)


async def test_a_certificate_that_is_not_trusted() -> None:
    """The message includes OpenSSL's reason."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with ScriptedServer(reply(200), tls=context) as server:
        error = await failure(server.url)
    assert_says(error, "tls", "the server's certificate is not trusted: ", ssl.SSLCertVerificationError)


async def test_plain_http_on_a_port_that_should_speak_tls() -> None:
    """A wrong scheme or port."""
    async with Emulator() as emulator:
        error = await failure(emulator.url.replace("http://", "https://"))
    assert_says(error, "tls", "the server does not speak TLS on this port", ssl.SSLError)


@pytest.mark.parametrize(
    ("status", "detail", "cause"),
    [
        (b"407 Proxy Authentication Required", "the proxy refused the credentials (HTTP 407)", PermissionError),
        (b"403 Forbidden", "the proxy refused (HTTP 403)", ConnectionError),
        (b"502 Bad Gateway", "the proxy refused (HTTP 502)", ConnectionError),
    ],
)
async def test_a_proxy_that_refuses(status: bytes, detail: str, cause: type[OSError]) -> None:
    """The proxy's URL, which holds the password, is not shown."""
    async with proxy_that_answers(status) as proxy:
        error = await failure("https://api.hellotext.com", proxy=proxy)
    assert_says(error, "proxy", detail, cause)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://api.hellotext.com"])
async def test_credentials_that_a_proxy_refuses_are_not_sent_again(url: str) -> None:
    """The API received nothing, with TLS or without, and another attempt would fail in the same way."""
    async with proxy_that_answers(b"407 Proxy Authentication Required") as proxy:
        error = await failure(url, proxy=proxy, retry=Retry(attempts=3))
    assert_says(error, "proxy", "the proxy refused the credentials (HTTP 407)", PermissionError)
    assert error.attempts == 1


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 Conn", b"\x15\x03 no HTTP\r\n\r\n"], ids=["nothing", "half", "garbage"]
)
async def test_a_proxy_that_dies(answer: bytes) -> None:
    """It reads the CONNECT, and ends the connection without an answer in HTTP."""

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(die, "127.0.0.1", 0) as server:
        proxy = f"http://will:{PASSWORD}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        error = await failure("https://api.hellotext.com", proxy=proxy)
    assert_says(error, "proxy", "the proxy did not answer in HTTP, or ended the connection", ConnectionError)


async def test_a_proxy_that_is_not_there() -> None:
    """The proxy refused the connection, not the API."""
    error = await failure("https://api.hellotext.com", proxy=f"http://will:{PASSWORD}@127.0.0.1:{free_port()}")
    assert_says(error, "proxy", "the proxy cannot be reached: the connection is refused", ConnectionError)


async def test_a_handshake_without_an_end() -> None:
    """The handshake ends at the connect limit, and the error names that limit."""
    async with ScriptedServer(reply(200)) as server:  # waits for the end of a request's head
        error = await failure(server.url.replace("http://", "https://"))
    assert_says(error, "connect", "no connection within the time allowed", TimeoutError)


async def test_the_event_transport_raises_the_same() -> None:
    """For a refused connection, a peer without TLS and an unknown name."""
    async with Emulator() as emulator:
        for url, cause in (
            (f"http://127.0.0.1:{free_port()}", ConnectionRefusedError),
            (emulator.url.replace("http://", "https://"), ssl.SSLError),
            ("https://api.invalid", socket.gaierror),
        ):
            transport = EventTransport(
                url,
                Credentials(Token(TOKEN)),
                timeouts=Timeouts(),
                concurrency=1,
                response_bytes=1000,
                user_agent="x",
                ssl_context=None,
            )
            with pytest.raises(Unanswered) as caught:
                await transport.exchange(Request("POST", "/v1/attribution/events", b"{}"), total=2)
            await transport.aclose()
            assert type(caught.value.cause) is cause


async def test_a_read_that_is_not_answered_changed_nothing() -> None:
    """A GET that times out raises TimeoutError; a POST raises OutcomeUnknown."""
    timeouts = Timeouts(read=0.2, total=0.2)
    async with (
        Emulator() as emulator,
        Hellotext(emulator.token, base_url=emulator.url, timeouts=timeouts, retry=ONCE) as client,
    ):
        emulator.faults.add(Fault("delay", "GET *", delay=2), Fault("drop_before", "GET *"))
        with pytest.raises(TimedOut, match=r"^no answer \(timeout\) after 1 attempt") as timed_out:
            await client.profiles.list(limit=1)
        assert isinstance(timed_out.value, TimeoutError)
        with pytest.raises(NoAnswer, match=r"^no answer \(disconnected\)") as gone:
            await client.profiles.list(limit=1)
        assert not isinstance(gone.value, TimeoutError)
        emulator.faults.add(Fault("delay", "POST *", delay=2))
        with pytest.raises(OutcomeUnknown, match="whether it was applied is unknown") as unknown:
            await client.lists.create(name="Greens")
        assert not isinstance(unknown.value, NoAnswer)
