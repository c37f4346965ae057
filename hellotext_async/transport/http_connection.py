"""One HTTP/1.1 connection for events: a request leaves in one write, and its reply is parsed as it arrives.

Rules. One request at a time. An exchange ends once: with a `Reply`, or with the `Reason` why there is
none. A status line that was read is a reply, whatever happens to the rest of it. A connection that
received unsolicited bytes or a truncated reply is closed and not used again.
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
from .unread import UnreadCheck

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HttpConnection", "Result", "SocketTransport", "receive_buffer"]

Result: TypeAlias = Reply | Reason

_END_OF_HEAD: Final = b"\r\n\r\n"
_STATUS_LINE: Final = re.compile(rb"(?:\r\n)*HTTP/1\.[01] ([2-5]\d\d)(?: [^\r\n]*)?\r")
_BUFFER: Final = 8 * 1024  # asyncio's own choice, 256 KiB, doubles what a small reply costs
_MAX_OVERHEAD: Final = 64 * 1024  # bytes of a reply beside its body: head, chunk sizes, trailers
_LATE_READS: Final = 1024  # a whole receive buffer of Linux (6 MiB), which is read at most 8 KiB at a time


def receive_buffer(size: int = _BUFFER) -> memoryview:
    """Memory for received bytes. The connections of one loop share it: each takes its bytes out at once."""
    return memoryview(bytearray(size))


class SocketTransport(Protocol):
    """The methods of an asyncio transport that a connection uses."""

    def write(self, data: bytes, /) -> None: ...
    def is_closing(self) -> bool: ...
    def get_write_buffer_size(self) -> int: ...
    def abort(self) -> None: ...


class HttpConnection(asyncio.BufferedProtocol):
    """A connection: `last_activity` is when it last sent or received, `until` when its exchange must have ended.

    Both are in the loop's time; `idle_since` is in `boottime`, for servers do not sleep when this machine does.
    `unread` says whether received bytes, or an EOF, wait in the socket. `on_lost` is called once, when it is closed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        cap: int,
        on_lost: Callable[[HttpConnection], None],
        buffer: memoryview,
    ) -> None:
        self._loop = loop
        self._cap = cap
        self._on_lost = on_lost
        self._transport: SocketTransport | None = None
        self._buffer = buffer
        self.exchange: asyncio.Future[Result] | None = None
        """Of the request that it carries."""
        self.keep_alive = True
        self.last_activity = self.until = inf
        self.idle_since = inf
        self.unread: UnreadCheck = bool
        self._late_reads = 0
        # What has arrived: the bytes up to the first of the body, how many in all, messages begun, pieces of the body.
        # The parser calls methods of C where it can: it would spend most of its time in ours.
        self._head = b""
        self._status = self._interim = self._received = 0
        self._begun: list[None] = []
        self._body: list[bytes] = []
        self.on_message_begin = partial(self._begun.append, None)
        self.on_body = self._body.append
        self._parser = HttpResponseParser(self)

    @property
    def usable(self) -> bool:
        """Whether a request may be written to it; False is certain, True may have changed unseen."""
        transport = self._transport
        if transport is None or not self.keep_alive or self.exchange is not None:
            return False
        return not transport.is_closing() and not transport.get_write_buffer_size()

    def send(self, data: bytes, now: float, until: float) -> asyncio.Future[Result]:
        """Write one request to a usable connection; the future ends when the exchange does."""
        self._head = b""
        self._status = self._received = self._late_reads = 0
        self._begun.clear()
        self._body.clear()
        self.last_activity = now
        self.until = until
        waiter = self.exchange = self._loop.create_future()
        transport = self._transport
        if transport is not None:
            transport.write(data)
        return waiter

    def abort(self, reason: Reason = "disconnected", *, missing: Missing = "cut off") -> None:
        """Close the connection, and end its exchange with what has arrived of the reply, else with `reason`."""
        self.keep_alive = False
        if self.exchange is not None:
            self._resolve(self._reply() if self._status else self._partial_reply(missing) or reason)
        if self._transport is not None:
            self._transport.abort()

    def may_continue(self) -> bool:
        """Whether an exchange whose time is over has unread bytes of its reply: they count, within a bound."""
        self._late_reads += 1
        return self._late_reads <= _LATE_READS and bool(self.unread())

    def _resolve(self, result: Result) -> None:
        waiter, self.exchange = self.exchange, None
        if waiter is not None and not waiter.done():
            waiter.set_result(result)

    # Callbacks of the event loop.

    def connection_made(self, transport: asyncio.BaseTransport | SocketTransport) -> None:
        """The socket is connected."""
        self._transport = cast("SocketTransport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put received bytes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """`nbytes` were received."""
        if self.exchange is None:
            self.abort()  # unsolicited
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
            self.keep_alive = self.keep_alive and len(self._begun) == 1
            self._resolve(self._reply())
        else:
            self._continue(nbytes)

    def on_message_complete(self) -> None:
        """The parser has read a whole reply."""
        status = self._parser.get_status_code()
        if self._status:
            return
        if 100 <= status < 200:
            self._interim += 1
            self._begun.clear()
        elif 200 <= status < 600:
            self._status = status
            self.keep_alive = self._parser.should_keep_alive()
        else:
            raise ValueError("no such status")  # comes out of `feed_data` as its own error

    def _continue(self, nbytes: int) -> None:
        """The reply is not complete: note the activity, and bound what it may take."""
        self.last_activity = self._loop.time()
        self._received = nbytes if self._interim else self._received + nbytes
        self._skip_interim()
        if self._received > _MAX_OVERHEAD + (self._cap if self._body else 0):
            self.abort("malformed", missing="too large")

    def _skip_interim(self) -> None:
        """Skip 1xx responses: they have no body."""
        for _ in range(self._interim):
            self._head = self._head.lstrip().partition(_END_OF_HEAD)[2]
        self._interim = 0

    def eof_received(self) -> None:
        """EOF, which is how a reply without a length ends."""
        partial_reply = self._partial_reply("cut off")
        if partial_reply is not None and _END_OF_HEAD in self._head and not _has_length(partial_reply):
            self._status = partial_reply.status
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self.abort()
        self._transport = None
        self.unread = bool  # the number of the socket may belong to another one from now on
        self._on_lost(self)

    # The reply, or what has arrived of it.

    def _reply(self) -> Reply:
        if self._interim:
            self._skip_interim()
        body = b"".join(self._body)
        if len(body) > self._cap:
            return Reply(self._status, self._head, missing="too large")
        reply = Reply(self._status, self._head, body)
        # No coding was asked for, and none is decoded; no coding yields ASCII.
        if not body.isascii() and any(coding.lower() != "identity" for coding in reply.header("content-encoding")):
            return Reply(self._status, self._head, missing="unreadable")
        return reply

    def _partial_reply(self, missing: Missing) -> Reply | None:
        self._skip_interim()
        line = _STATUS_LINE.match(self._head)
        return None if line is None else Reply(int(line[1]), self._head, missing=missing)


def _has_length(reply: Reply) -> bool:
    return bool(reply.header("content-length") or reply.header("transfer-encoding"))
