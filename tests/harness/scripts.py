"""Scripts of a scripted server: the steps for one request, and ready scripts made of them.

Rules. A script is a tuple of steps, played in order; scripts are joined with `+`. What a script
leaves unread of its request is read after it, unless it broke the connection. A ready script that
reads the whole request and does not refuse it also applies it: for a client that might
send again, that is the worst case.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from http.client import responses
from typing import Final, TypeAlias

from .connection import Connection

Step: TypeAlias = Callable[[Connection], Awaitable[None]]
Steps: TypeAlias = tuple[Step, ...]

RECEIVED: Final = b'{"status":"received"}'
_MIB: Final = 1 << 20


# Steps


async def read_headers(connection: Connection) -> None:
    """Read the request line and the headers."""
    await connection.read_headers()


async def read_body(connection: Connection) -> None:
    """Read the whole request."""
    await connection.read_body()


async def apply(connection: Connection) -> None:
    """Do what the request asks: it counts as applied from here on."""
    connection.history.apply(connection.seen, asyncio.get_running_loop().time())


async def fin(connection: Connection) -> None:
    """End the server's side (FIN)."""
    await connection.finish()


async def rst(connection: Connection) -> None:
    """Reset the connection."""
    connection.reset()


async def never(connection: Connection) -> None:
    """Do nothing until the peer closes."""
    await connection.until_gone()


def send(data: bytes) -> Step:
    """Write these bytes."""

    async def step(connection: Connection) -> None:
        await connection.write(data)

    return step


def sleep(seconds: float) -> Step:
    """Let the loop's time pass."""

    async def step(_: Connection) -> None:
        await asyncio.sleep(seconds)

    return step


def drip(data: bytes, interval: float, size: int = 1) -> Step:
    """Write these bytes `size` at a time, `interval` seconds apart."""

    async def step(connection: Connection) -> None:
        for start in range(0, len(data), size):
            await connection.write(data[start : start + size])
            await asyncio.sleep(interval)

    return step


def repeat(data: bytes, times: int | None = None) -> Step:
    """Write these bytes again and again, for ever unless `times` is given."""

    async def step(connection: Connection) -> None:
        written = 0
        while times is None or written < times:
            await connection.write(data)
            written += 1
            await asyncio.sleep(0)  # `write` alone does not yield while the peer keeps up

    return step


# Ready scripts

Headers: TypeAlias = Mapping[str, str] | tuple[tuple[str, str], ...]
READ: Final[Steps] = (read_headers, read_body)
APPLY: Final[Steps] = (*READ, apply)


def head(status: int, headers: Headers = ()) -> bytes:
    """A status line and headers, as bytes; a tuple of pairs can name a header twice."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unnamed')}", *(f"{name}: {value}" for name, value in pairs)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def response(status: int, body: bytes = b"", headers: Headers = ()) -> bytes:
    """One whole response, as bytes."""
    pairs = tuple(headers.items()) if isinstance(headers, Mapping) else headers
    usual = (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
    named = {name.lower() for name, _ in pairs}
    return head(status, (*(pair for pair in usual if pair[0].lower() not in named), *pairs)) + body


def reply(status: int, body: bytes = b"", headers: Headers = (), *, applied: bool | None = None) -> Steps:
    """A whole answer; applied if it is a 2xx, unless `applied` is given."""
    does = 200 <= status < 300 if applied is None else applied
    return (*(APPLY if does else READ), send(response(status, body, headers)))


def received() -> Steps:
    """The API's answer to an event."""
    return reply(200, RECEIVED)


def refusal(status: int, kind: str, parameter: str | None = None) -> Steps:
    """An answer with the API's error body."""
    return reply(status, json.dumps({"errors": [{"type": kind, "message": kind, "parameter": parameter}]}).encode())


def redirect(location: str, status: int = 302) -> Steps:
    """An answer with another location."""
    return reply(status, headers={"Location": location})


def apply_then_rst() -> Steps:
    """Applied, then reset without an answer."""
    return (*APPLY, rst)


def apply_then_fin() -> Steps:
    """Applied, then ended without an answer."""
    return (*APPLY, fin)


def rst_before_reading() -> Steps:
    """Reset at the first byte of the request."""
    return (rst,)


def fin_before_reading() -> Steps:
    """Ended at the first byte of the request: an idle connection closed too late to notice."""
    return (fin,)


def silence(*, applied: bool = True) -> Steps:
    """The whole request is read, and never answered."""
    return (*(APPLY if applied else READ), never)


def close_after_reply(delay: float = 0.001) -> Steps:
    """Announces keep-alive, and closes a moment later."""
    return (*reply(200, RECEIVED, {"Connection": "keep-alive"}), sleep(delay), fin)


def early_413(*, reset: bool = False) -> Steps:
    """Refused as too large before the body was read; `reset` resets the connection while the rest arrives."""
    return (read_headers, send(response(413, b"{}", {"Connection": "close"})), rst if reset else fin)


def two_responses(second: bytes = b'{"status":"unsolicited"}') -> Steps:
    """The answer and, in the same write, an unsolicited one."""
    return (*APPLY, send(response(200, RECEIVED) + response(200, second)))


def garbage_status_line() -> Steps:
    """A status line that is not HTTP."""
    return (*APPLY, send(b"\x16\x03\x01 certainly not HTTP\r\n\r\n"), fin)


def huge_header(size: int = 20_000, count: int = 1) -> Steps:
    """A 200 with `count` headers of `size` bytes."""
    fillers = tuple((f"X-Filler-{n}", "x" * size) for n in range(count))
    return (*APPLY, send(response(200, RECEIVED, fillers)))


def informational_flood(count: int | None = 10_000, final: bytes | None = None) -> Steps:
    """`count` (None: for ever) responses 103, then `final` or the usual answer."""
    return (*APPLY, repeat(head(103), count), send(response(200, RECEIVED) if final is None else final))


def truncated_body(status: int = 200, promised: int = 100) -> Steps:
    """`promised` bytes announced, five sent."""
    return (*APPLY, send(head(status, {"Content-Length": str(promised)}) + b'{"id"'), fin)


def endless_chunked(piece: bytes = b"x" * _MIB) -> Steps:
    """A body in chunks that never ends."""
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
    return (*APPLY, send(head(200, {"Transfer-Encoding": "chunked"})), repeat(chunk))


def gzip_bomb(size: int = 200 * _MIB) -> Steps:
    """A small body that decompresses to `size` bytes."""
    headers = {"Content-Encoding": "gzip"}
    return (*APPLY, send(response(200, _gzipped_blanks(size), headers)))


@cache
def _gzipped_blanks(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(b" " * min(_MIB, size - start)) for start in range(0, size, _MIB)]
    return b"".join(pieces) + packer.flush()
