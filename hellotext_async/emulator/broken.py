"""Broken replies: dropped, garbled, truncated or dripped instead of sent whole."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .faults import Fault
from .refusal import Refusal, refuse

__all__ = ["JSON", "drip", "drop", "spoil", "status_of"]

JSON = "application/json; charset=utf-8"


def status_of(fault: Fault) -> Refusal:
    """The refusal that a "status" fault answers with."""
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return refuse("fault", status=fault.status or 500, headers=headers)


def drop(request: web.BaseRequest) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def drip(request: web.BaseRequest, status: int, body: bytes, pause: float) -> web.StreamResponse:
    """Send the answer byte by byte, `pause` seconds apart."""
    response = web.StreamResponse(status=status, headers={"Content-Type": JSON, "Content-Length": str(len(body))})
    await response.prepare(request)
    for place in range(len(body)):
        await response.write(body[place : place + 1])
        await asyncio.sleep(pause)
    await response.write_eof()
    return response


def spoil(request: web.BaseRequest, kind: str, status: int, body: bytes) -> web.Response:
    """Send "garbage" that is not HTTP, or "truncate" the body; then close the connection."""
    if request.transport is not None:
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: {JSON}\r\nContent-Length: {len(body) + 100}\r\n\r\n"
        half = head.encode() + body[: len(body) // 2]
        request.transport.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n" if kind == "garbage" else half)
        request.transport.close()
    return web.Response()
