"""One connection of the event lane: a request leaves in one write, and its reply is read as it comes.

Rules. One request at a time. Its end is told once: a `Reply`, or the `Reason` why there is none. A
status line that was read is a reply, whatever becomes of the rest. A connection that spoke unasked,
or did not say all that it announced, is not used again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from .._wire.call import Reply
from . import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["End", "Line", "Wire"]

End: TypeAlias = Reply | Reason

_BUFFER: Final = 8 * 1024  # asyncio's own choice, 256 KiB, doubles what a small reply costs
_CHATTER: Final = 64 * 1024  # bytes in a row that are no body: head, interim replies, chunk extensions, trailers


class Wire(Protocol):
    """What a line uses of a transport."""

    def write(self, data: bytes, /) -> None: ...
    def is_closing(self) -> bool: ...
    def get_write_buffer_size(self) -> int: ...
    def abort(self) -> None: ...


class Line(asyncio.BufferedProtocol):
    """A connection; `heard` is when it last had a sign of life, `until` when its exchange must have ended."""

    # What has come of the reply: `_left` bytes of body may still come, `_chatter` came since the last body byte.
    _reply: Reply | None
    _status: int
    _headed: bool
    _coded: bool
    _headers: list[tuple[str, str]]
    _body: list[bytes]
    _left: int
    _chatter: int

    def __init__(self, loop: asyncio.AbstractEventLoop, cap: int, lost: Callable[[Line], None]) -> None:
        self._loop = loop
        self._cap = cap
        self._lost = lost
        self._transport: Wire | None = None
        self._buffer = memoryview(bytearray(_BUFFER))
        self._parser = HttpResponseParser(self)
        self._waiter: asyncio.Future[End] | None = None
        self.fresh = True
        self.kept = True
        self.heard = self.until = 0.0
        self._begin()

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

    def send(self, data: bytes, *, now: float, until: float) -> asyncio.Future[End]:
        """Write one request to a usable line; the future ends when the exchange does."""
        self._begin()
        self.heard = now
        self.until = until
        waiter = self._waiter = self._loop.create_future()
        cast("Wire", self._transport).write(data)
        return waiter

    def abort(self, reason: Reason = "disconnected", *, missing: Literal["cut off", "unreadable"] = "cut off") -> None:
        """Break the connection off, and end its exchange with what has come of the reply, else with `reason`."""
        self.kept = False
        if self._waiter is not None:
            self._tell(self._reply or self._torso(missing) or reason)
        if self._transport is not None:
            self._transport.abort()

    def _tell(self, end: End) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(end)

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport | Wire) -> None:
        """It is open."""
        self.fresh = False
        self._transport = cast("Wire", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes came."""
        if self._waiter is None:
            self.abort()  # nobody asked
            return
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (HttpParserError, HttpParserUpgrade):
            self.abort("malformed", missing="unreadable")
            return
        if self._reply is not None:
            self._tell(self._reply)
        else:
            self._go_on(nbytes)

    def _go_on(self, nbytes: int) -> None:
        self.heard = self._loop.time()
        self._chatter += nbytes
        if self._left < 0:
            self._reply = self._made()
            self.abort()
        elif self._chatter > _CHATTER:
            self.abort("malformed", missing="unreadable")

    def eof_received(self) -> None:
        """The peer will send no more, which is how a reply without a length ends."""
        if self._headed and not self._measured():
            self._reply = self._made()
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.abort()
        self._transport = None
        self._lost(self)

    # What the parser tells.

    def _begin(self) -> None:
        self._reply = None
        self._status = 0
        self._headed = self._coded = False
        self._headers = []
        self._body = []
        self._left = self._cap
        self._chatter = 0

    def on_message_begin(self) -> None:
        """A reply begins, or one too many."""
        if self._reply is not None:
            self.kept = False

    def on_status(self, status: bytes) -> None:
        """The status was read."""
        if self._reply is None:
            self._status = self._parser.get_status_code()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header was read."""
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))
        if len(name) == 16 and name.lower() == b"content-encoding":
            self._coded = value.lower() != b"identity"

    def on_headers_complete(self) -> None:
        """All headers were read."""
        if self._reply is None:
            self._status = self._parser.get_status_code()  # `on_status` is not called for an empty reason phrase
            self._headed = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body was read."""
        self._chatter = 0
        self._left -= len(body)
        self._body.append(body)

    def on_message_complete(self) -> None:
        """All of a reply is here."""
        if self._reply is not None:
            return
        if 100 <= self._status < 200:
            self._begin()
            return
        if not 200 <= self._status < 600:
            raise ValueError("no such status")  # comes out of `feed_data` as its own error
        self.kept = self.kept and self._parser.should_keep_alive()
        self._reply = self._made()

    def _made(self) -> Reply:
        headers = tuple(self._headers)
        if self._left < 0:
            return Reply(self._status, headers, missing="too large")
        if self._coded:  # no coding was asked for, and none is undone
            return Reply(self._status, headers, missing="unreadable")
        return Reply(self._status, headers, b"".join(self._body))

    def _torso(self, missing: Literal["cut off", "unreadable"]) -> Reply | None:
        if 200 <= self._status < 600:
            return Reply(self._status, tuple(self._headers), missing=missing)
        return None

    def _measured(self) -> bool:
        return any(name.lower() in ("content-length", "transfer-encoding") for name, _ in self._headers)
