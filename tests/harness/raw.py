"""Raw requests over raw connections, to test the tools with sockets only."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

BODY = b'{"action":"page.viewed","metadata":{"ref":"e1"}}'


def post(body: bytes = BODY, *headers: str) -> bytes:
    """One request, as bytes."""
    fields = [*headers] or [f"Content-Length: {len(body)}"]
    return "\r\n".join(["POST /v1/attribution/events HTTP/1.1", "Host: api", *fields, "", ""]).encode() + body


@asynccontextmanager
async def connection(
    url: str, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]), ssl=tls)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        try:
            await writer.wait_closed()
        except OSError:
            pass


async def ask(url: str, request: bytes | None = None, *, half_close: bool = True) -> bytes:
    """All bytes returned for one request on a separate connection."""
    async with connection(url) as (reader, writer):
        writer.write(post() if request is None else request)
        if half_close:
            writer.write_eof()
        return await reader.read()


def body_of(response: bytes) -> bytes:
    """The bytes after the headers."""
    return response.partition(b"\r\n\r\n")[2]
