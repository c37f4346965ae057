"""TLS between a line and its socket: the standard library's engine over memory, with nothing around it.

Rules. The line is connected when the handshake is done, certificate and host name checked by the
context, and not before. An end that the peer did not announce in TLS breaks the line off: what
has come is not taken for all there was. asyncio's own TLS protocol does the same and more, at
twice the cost.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from .line import Line

__all__ = ["Secure"]

_BUFFER: Final = 20 * 1024  # one record, and what is around it


class Secure(asyncio.BufferedProtocol):
    """The protocol of a socket, and the wire of a line."""

    def __init__(self, line: Line, context: ssl.SSLContext, host: str, loop: asyncio.AbstractEventLoop) -> None:
        self._line = line
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._buffer = memoryview(bytearray(_BUFFER))
        self._transport: asyncio.Transport | None = None
        self.ready: asyncio.Future[None] = loop.create_future()
        self._up = False

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open: shake hands."""
        self._transport = cast("asyncio.Transport", transport)
        self._shake()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes came."""
        self._incoming.write(self._buffer[:nbytes])
        if not self._up:
            self._shake()
        if self._up:
            self._read()

    def eof_received(self) -> None:
        """The peer has ended without a word."""
        self._line.abort()
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._fail(ConnectionResetError("broken off during the handshake"))
        if self._up:
            self._line.connection_lost(exc)

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()  # the alert that says why
            self._fail(error)
            self.abort()
        else:
            self._flush()
            self._up = True
            self._line.connection_made(self)
            if not self.ready.done():
                self.ready.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self._up and not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # nobody may be waiting for it any more

    def _read(self) -> None:
        line, tls = self._line, self._tls
        try:
            while self._incoming.pending or tls.pending():
                size = cast("int", tls.read(_BUFFER, line.get_buffer(-1)))
                if not size:
                    line.eof_received()
                    return
                line.buffer_updated(size)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            line.abort()
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    # What a line uses of a transport.

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        left = memoryview(data)
        try:
            while left:
                left = left[self._tls.write(left) :]
        except ssl.SSLError:
            self.abort()
        self._flush()

    def is_closing(self) -> bool:
        """Whether it is no use to write."""
        return self._transport is None or self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """How many bytes have not left yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Break the connection off."""
        if self._transport is not None:
            self._transport.abort()
