"""A connection for events over the package's TLS against the same over asyncio's: why the package has its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Iterator
from math import inf
from typing import Final
from urllib.parse import urlsplit

from hellotext_async.transport.http_connection import HttpConnection, receive_buffer
from hellotext_async.transport.tls_connection import RECORD, TlsConnection

from .contender import Entry, Idle, Place
from .ground import Ground, present
from .load import BODY, CONNECTIONS, PATH
from .raw import over, trusting
from .row import Row

__all__ = ["AsyncioTls", "OwnTls", "rows"]

_HEAD: Final = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(BODY)}\r\n\r\n".encode()


class OwnTls(Idle):
    """Requests over 64 connections, and nothing else."""

    def __init__(self, place: Place) -> None:
        self._port = urlsplit(place.url).port
        self._trusted = trusting(place) or ssl.create_default_context()

    async def open(self) -> None:
        """Connect."""
        self._loop = asyncio.get_running_loop()
        self._buffer, self._records = receive_buffer(), receive_buffer(RECORD)
        self._free = [await self._connected() for _ in range(CONNECTIONS)]

    async def _connected(self) -> HttpConnection:
        connection = HttpConnection(self._loop, 1024 * 1024, lambda _: None, self._buffer)
        tls = TlsConnection(connection, self._trusted, "localhost", self._loop, self._records)
        await self._loop.create_connection(lambda: tls, "127.0.0.1", self._port)
        await tls.ready
        return connection

    async def run(self, units: int) -> None:
        """Send so many requests, and read their replies."""
        await over(units, CONNECTIONS, self._post)

    async def _post(self, turns: Iterable[int]) -> None:
        connection = self._free.pop()
        for _ in turns:
            await connection.send(_HEAD + BODY, 0.0, inf)
        self._free.append(connection)

    async def close(self) -> None:
        """Disconnect."""
        for connection in self._free:
            connection.abort()
        await asyncio.sleep(0)


class AsyncioTls(OwnTls):
    """The same over asyncio's protocol for TLS."""

    async def _connected(self) -> HttpConnection:
        connection = HttpConnection(self._loop, 1024 * 1024, lambda _: None, self._buffer)
        await self._loop.create_connection(
            lambda: connection, "127.0.0.1", self._port, ssl=self._trusted, server_hostname="localhost"
        )
        return connection


def rows(ground: Ground) -> Iterator[Row]:
    """By the CPU of one request, its reply included."""
    if present("trustme"):
        own, other = (Entry(f"benchmarks.tls:{name}", secure=True) for name in ("OwnTls", "AsyncioTls"))
        yield Row("tls", "a request over a connection", ground.race(own, other), "x asyncio's TLS")
