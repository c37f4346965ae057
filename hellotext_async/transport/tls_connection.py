"""TLS between an HttpConnection and its socket: the standard library's engine over memory, with nothing around it.

Rules. The connection is made when the handshake is done, certificate and host name checked by the
context, and not before. EOF without close_notify aborts the connection: what has arrived is not
taken for a whole reply. asyncio's own TLS protocol does the same and more: a request over it costs
1.4 times as much (`benchmarks/tls.py`).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from .http_connection import HttpConnection

__all__ = ["RECORD", "TlsConnection"]

RECORD: Final = 20 * 1024  # one record, and its framing


class TlsConnection(asyncio.BufferedProtocol):
    """The protocol of a socket, and the SocketTransport of an HttpConnection."""

    def __init__(
        self,
        connection: HttpConnection,
        context: ssl.SSLContext,
        host: str,
        loop: asyncio.AbstractEventLoop,
        buffer: memoryview,
    ) -> None:
        self._connection = connection
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._buffer = buffer
        self._transport: asyncio.Transport | None = None
        self.ready: asyncio.Future[None] = loop.create_future()
        self._handshake_done = False

    # Callbacks of the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected: begin the handshake."""
        self._transport = cast("asyncio.Transport", transport)
        self._do_handshake()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put received bytes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """`nbytes` were received."""
        self._incoming.write(self._buffer[:nbytes])
        if not self._handshake_done:
            self._do_handshake()
        if self._handshake_done:
            self._read()

    def eof_received(self) -> None:
        """EOF without close_notify."""
        self._connection.abort()
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._fail(ConnectionResetError("connection lost during the handshake"))
        if self._handshake_done:
            self._connection.connection_lost(exc)

    def _do_handshake(self) -> None:
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
            self._handshake_done = True
            self._connection.connection_made(self)
            if not self.ready.done():
                self.ready.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self._handshake_done and not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # the waiter may have been cancelled

    def _read(self) -> None:
        connection, tls = self._connection, self._tls
        try:
            while self._incoming.pending or tls.pending():
                size = cast("int", tls.read(RECORD, connection.get_buffer(-1)))
                if not size:
                    connection.eof_received()
                    return
                connection.buffer_updated(size)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            connection.abort()
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    # The methods of a SocketTransport.

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
        """Whether what is written would not be sent."""
        return self._transport is None or self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """How many bytes have not been sent yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()
