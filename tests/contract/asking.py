"""Requests of the transport tests and their outcomes; names and certificates of their servers."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import trustme

from hellotext_async._wire.call import EVENTS_PATH, Reply, Request
from hellotext_async.transport import Transport, Unanswered
from tests.harness import scripts
from tests.harness.server import ScriptedServer

__all__ = [
    "POST",
    "ask",
    "at",
    "connected",
    "named",
    "names",
    "not_sent",
    "numbered",
    "served",
    "status_or_doubt",
    "trusting",
]

POST: Final = Request("POST", EVENTS_PATH, b'{"action":"page.viewed"}')


def numbered(number: int) -> Request:
    """An event with a number, so that events can be distinguished."""
    return Request("POST", EVENTS_PATH, b'{"action":"page.viewed","ref":%d}' % number)


async def ask(transport: Transport, request: Request = POST, *, total: float = 30) -> Reply | Unanswered:
    """The outcome of one exchange."""
    try:
        return await transport.exchange(request, total=total)
    except Unanswered as nothing:
        return nothing


async def connected(opened: Callable[..., Transport], server: ScriptedServer) -> Transport:
    """A transport that has a connection: the handshake of one, on a busy machine, takes nothing of a short total."""
    server.on(1, scripts.received())
    transport = opened(server.url)
    assert (await transport.exchange(POST, total=30)).status == 200
    return transport


def status_or_doubt(end: Reply | Unanswered) -> int | None:
    """The status that was read; None if the request was sent without a status. An unsent request fails the test."""
    if isinstance(end, Unanswered):
        assert end.sent, end
        return None
    return end.status


def not_sent(end: Reply | Unanswered) -> str:
    """The reason of an exchange that was not sent."""
    assert isinstance(end, Unanswered), end
    assert not end.sent
    return end.reason


@contextmanager
def names(lookup: Any) -> Iterator[None]:
    """The running loop resolves names with `lookup`."""
    loop: Any = asyncio.get_running_loop()
    loop.getaddrinfo = lookup
    try:
        yield
    finally:
        del loop.getaddrinfo


@contextmanager
def named(lookup: Any) -> Iterator[None]:
    """The running loop resolves api.test with `lookup`, and the rest as ever: uvloop asks for addresses too."""
    real = asyncio.get_running_loop().getaddrinfo

    async def resolve(host: Any, *rest: Any, **how: Any) -> Any:
        return await (lookup() if host in ("api.test", "api.test.") else real(host, *rest, **how))

    with names(resolve):
        yield


def at(*places: tuple[str, int]) -> list[Any]:
    """What a look-up finds: IPv4 and IPv6 addresses with ports."""
    return [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, port, 0, 0))
        if ":" in host
        else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
        for host, port in places
    ]


def served(*names: str, authority: trustme.CA, **how: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **how).configure_cert(context)
    return context


def trusting(*authorities: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for authority in authorities:
        authority.configure_trust(context)
    return context
