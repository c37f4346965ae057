"""A server in its own threads: it answers while the event loop of the test is blocked."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from io import BufferedReader
from queue import Queue
from typing import Self

__all__ = ["ThreadedServer"]


class ThreadedServer:
    """Answers the requests that came with one of `responses` each, at each call of `answer`, for use as `with`."""

    def __init__(self, *responses: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.waiting: Queue[socket.socket] = Queue()
        self._responses = itertools.cycle(responses)
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = [self._listening]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._shut(self._listening)
        self._threads[0].join()  # of the thread that accepts: no connection is added from here on
        for each in self._open:
            self._shut(each)
        for thread in self._threads:
            thread.join()
        for each in self._open:
            each.close()

    def _shut(self, each: socket.socket) -> None:
        """Every thread that waits for this socket returns."""
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)

    def answer(self) -> None:
        """Send its response to every request that waits for one."""
        while not self.waiting.empty():
            self.waiting.get().sendall(next(self._responses))

    def _start(self, work: Callable[..., None], *args: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=args))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                self._open.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            with connection.makefile("rb") as reader:
                while reader.readline():
                    self._read(connection, reader)

    def _read(self, connection: socket.socket, reader: BufferedReader) -> None:
        length = 0
        while line := reader.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        reader.read(length)
        self.waiting.put(connection)
