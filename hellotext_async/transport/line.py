"""One connection of the event lane: a request leaves in one write, and its reply is read as it comes.

Rules. One request at a time. Its end is told once: a `Reply`, or the `Reason` why there is none. A
status line that was read is a reply, whatever becomes of the rest. A connection that spoke unasked,
or did not say all that it announced, is not used again.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from .._wire.call import Missing, Reply
from . import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["End", "Line", "Wire"]

End: TypeAlias = Reply | Reason

_BLANK: Final = b"\r\n\r\n"
_STATUS_LINE: Final = re.compile(rb"(?:\r\n)*HTTP/1\.[01] ([2-5]\d\d)(?: [^\r\n]*)?\r")
_BUFFER: Final = 8 * 1024  # asyncio's own choice, 256 KiB, doubles what a small reply costs
_CHATTER: Final = 64 * 1024  # bytes of a reply beside its body: head, chunk sizes, trailers


class Wire(Protocol):
    """What a line uses of a transport."""

    def write(self, data: bytes, /) -> None: ...
    def is_closing(self) -> bool: ...
    def get_write_buffer_size(self) -> int: ...
    def abort(self) -> None: ...


class Line(asyncio.BufferedProtocol):
    """A connection; `heard` is when it last had a sign of life, `until` when its exchange must have ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop, cap: int, lost: Callable[[Line], None]) -> None:
        self._loop = loop
        self._cap = cap
        self._lost = lost
        self._transport: Wire | None = None
        self._buffer = memoryview(bytearray(_BUFFER))
        self._waiter: asyncio.Future[End] | None = None
        self.kept = True
        self.heard = self.until = inf
        # What has come: the bytes up to the first of the body, how many in all, messages begun, pieces of the body.
        # The parser calls methods of C where it can: it would spend most of its time in ours.
        self._head = b""
        self._status = self._interim = self._came = 0
        self._begun: list[None] = []
        self._body: list[bytes] = []
        self.on_message_begin = partial(self._begun.append, None)
        self.on_body = self._body.append
        self._parser = HttpResponseParser(self)

    @property
    def busy(self) -> bool:
        """Whether it carries a request."""
        return self._waiter is not None

    @property
    def usable(self) -> bool:
        """Whether a request may be written to it; False is certain, True may have changed unseen."""
        transport = self._transport
        if transport is None or not self.kept or self._waiter is not None:
            return False
        return not transport.is_closing() and not transport.get_write_buffer_size()

    def send(self, data: bytes, now: float, until: float) -> asyncio.Future[End]:
        """Write one request to a usable line; the future ends when the exchange does."""
        self._head = b""
        self._status = self._came = 0
        self._begun.clear()
        self._body.clear()
        self.heard = now
        self.until = until
        waiter = self._waiter = self._loop.create_future()
        transport = self._transport
        if transport is not None:
            transport.write(data)
        return waiter

    def abort(self, reason: Reason = "disconnected", *, missing: Missing = "cut off") -> None:
        """Break the connection off, and end its exchange with what has come of the reply, else with `reason`."""
        self.kept = False
        if self._waiter is not None:
            self._tell(self._whole() if self._status else self._torso(missing) or reason)
        if self._transport is not None:
            self._transport.abort()

    def _tell(self, end: End) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(end)

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport | Wire) -> None:
        """It is open."""
        self._transport = cast("Wire", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes came."""
        if self._waiter is None:
            self.abort()  # nobody asked
            return
        data = self._buffer[:nbytes].tobytes()
        if not self._body:
            self._head += data
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.abort("malformed", missing="unreadable")
            return
        if self._status:
            self.kept = self.kept and len(self._begun) == 1
            self._tell(self._whole())
        else:
            self._go_on(nbytes)

    def on_message_complete(self) -> None:
        """The parser has all of a reply."""
        status = self._parser.get_status_code()
        if self._status:
            return
        if 100 <= status < 200:
            self._interim += 1
            self._begun.clear()
        elif 200 <= status < 600:
            self._status = status
            self.kept = self._parser.should_keep_alive()
        else:
            raise ValueError("no such status")  # comes out of `feed_data` as its own error

    def _go_on(self, nbytes: int) -> None:
        self.heard = self._loop.time()
        self._came = nbytes if self._interim else self._came + nbytes
        self._pass_over()
        if self._came > _CHATTER + (self._cap if self._body else 0):
            self.abort("malformed", missing="too large")

    def _pass_over(self) -> None:
        """Interim replies are heads alone."""
        for _ in range(self._interim):
            self._head = self._head.lstrip().partition(_BLANK)[2]
        self._interim = 0

    def eof_received(self) -> None:
        """The peer will send no more, which is how a reply without a length ends."""
        torso = self._torso("cut off")
        if torso is not None and _BLANK in self._head and not _measured(torso):
            self._status = torso.status
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.abort()
        self._transport = None
        self._lost(self)

    # What has come of the reply.

    def _whole(self) -> Reply:
        if self._interim:
            self._pass_over()
        body = b"".join(self._body)
        if len(body) > self._cap:
            return Reply(self._status, self._head, missing="too large")
        reply = Reply(self._status, self._head, body)
        # No coding was asked for, and none is undone; none makes ASCII.
        if not body.isascii() and any(coding.lower() != "identity" for coding in reply.header("content-encoding")):
            return Reply(self._status, self._head, missing="unreadable")
        return reply

    def _torso(self, missing: Missing) -> Reply | None:
        self._pass_over()
        line = _STATUS_LINE.match(self._head)
        return None if line is None else Reply(int(line[1]), self._head, missing=missing)


def _measured(reply: Reply) -> bool:
    return bool(reply.header("content-length") or reply.header("transfer-encoding"))
