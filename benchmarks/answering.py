"""The responder in Python, for TLS and for machines without a C compiler: one selector, no event loop.

Run as ``python -m benchmarks.answering REPLY [CERTIFICATE]``. It listens on a free port of 127.0.0.1
and prints it. A line on stdin is answered with the number of requests so far; the end of stdin ends
the process. Bodies are measured by Content-Length only.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import ssl
import sys
from typing import Final

__all__ = ["Responder"]

_LENGTH: Final = re.compile(rb"\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNK: Final = 64 * 1024
_AGAIN: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """One peer: the received part of its next request."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.shaken = not isinstance(sock, ssl.SSLSocket)
        self._head = b""
        self._left = 0

    def take(self, data: bytes) -> int:
        """Add received bytes; return how many requests they completed."""
        done = 0
        while data:
            if self._left:
                part = min(self._left, len(data))
                self._left -= part
                data = data[part:]
            else:
                head, found, data = (self._head + data).partition(b"\r\n\r\n")
                self._head = b"" if found else head
                if not found:
                    return done
                length = _LENGTH.search(head)
                self._left = int(length[1]) if length else 0
            done += not self._left
        return done


class Responder:
    """Answers every request with `reply`."""

    def __init__(self, reply: bytes, context: ssl.SSLContext | None = None) -> None:
        self.requests = 0
        self._reply = reply
        self._context = context
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Until stdin ends."""
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, Connection):
                    self._serve(key.data)
                elif key.fileobj is self._listener:
                    self._welcome()
                elif os.read(0, 64):
                    print(self.requests, flush=True)
                else:
                    return

    def _welcome(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self._selector.register(sock, selectors.EVENT_READ, Connection(sock))

    def _serve(self, peer: Connection) -> None:
        try:
            if not peer.shaken and isinstance(peer.sock, ssl.SSLSocket):
                peer.sock.do_handshake()
                peer.shaken = True
            while data := peer.sock.recv(_CHUNK):
                done = peer.take(data)
                self.requests += done
                if done:
                    peer.sock.send(self._reply * done)
                if not (isinstance(peer.sock, ssl.SSLSocket) and peer.sock.pending()):
                    return
        except _AGAIN:
            return
        except OSError:
            pass
        self._selector.unregister(peer.sock)
        peer.sock.close()


def main(reply: str, certificate: str | None = None) -> None:
    """Serve, with TLS if there is a certificate."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    responder = Responder(reply.encode(), context)
    print(responder.port, flush=True)
    responder.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
