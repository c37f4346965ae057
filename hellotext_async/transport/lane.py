"""The event lane: held connections to one origin, each request one write of bytes that are mostly made already.

Rules. A request is sent once a connection has been given its bytes; until then another connection
may be tried. Replies are read as they are: no redirect, no cookie, no decompression. One watchdog
looks after all time limits, and gives idle connections back before a server would. Nothing that
holds the token is shown by a repr or left in a frame of what is raised.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import lru_cache, partial
from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType]

from .._wire.call import EVENTS_PATH, Reply
from . import TARGET, Unanswered
from .line import Line
from .secure import Secure
from .watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .._wire.call import Request
    from ..config import Timeouts
    from . import Credentials, Reason

__all__ = ["Lane"]

T = TypeVar("T")

KEEP: Final = 4.0
"""Seconds for which an idle connection is kept; less than servers do, so that they rarely close one under a request."""

_LOOKUP: Final = 60.0


def _head(host: str, user_agent: str, method: str, target: str, authorization: str) -> bytes:
    """The first bytes of a request, up to the length of its body."""
    lines = (
        f"{method} {target} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: {authorization}",
        f"User-Agent: {user_agent}",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
        "Content-Length: ",
    )
    return "\r\n".join(lines).encode("ascii")


class Lane:
    """Keep-alive connections to one origin; at most `concurrency` of them, idle ones kept for `keep` seconds."""

    def __init__(
        self,
        origin: str,
        credentials: Credentials,
        *,
        timeouts: Timeouts,
        concurrency: int,
        response_bytes: int,
        user_agent: str,
        ssl_context: ssl.SSLContext | None = None,
        keep: float = KEEP,
    ) -> None:
        url = urlsplit(origin)
        secure = url.scheme == "https"
        self._loop = asyncio.get_running_loop()
        self._host = url.hostname or ""
        self._port = url.port or (443 if secure else 80)
        self._ssl = (ssl_context or ssl.create_default_context()) if secure else None
        self._credentials = credentials
        self._connect_limit = timeouts.connect
        self._read = timeouts.read
        self._total = timeouts.total
        self._cap = response_bytes
        self._keep = keep
        # Events have one head until the token is replaced. It holds the token, which no repr of a cache shows.
        self._head = lru_cache(maxsize=1)(partial(_head, url.netloc, user_agent))
        self._places = asyncio.Semaphore(concurrency)
        self._limits: set[asyncio.Timeout] = set()
        self._lines: set[Line] = set()
        self._idle: list[Line] = []
        self._addresses: list[Any] = []
        self._looked_up = -inf
        self._lookup = asyncio.Lock()
        self._watchdog = Watchdog(self._loop, self._look)
        self._soon = min(keep, timeouts.read)
        self._closed = False
        self._gone = asyncio.Event()

    async def exchange(self, request: Request, /, *, total: float) -> Reply:
        """The reply to `request` within `total` seconds, or Unanswered."""
        if request.target != EVENTS_PATH and not TARGET.fullmatch(request.target):
            raise Unanswered(False, "malformed")
        now = begun = self._loop.time()
        until = begun + (total if total < self._total else self._total)
        if self._places.locked():
            await self._in_time(self._places.acquire, "pool", begun, until)
            now = self._loop.time()
        else:
            await self._places.acquire()
        line = None
        try:
            line = self._rested(now)
            if line is None:
                line = await self._in_time(self._open, "connect", begun, until)
                now = self._loop.time()
            # No name is given to the bytes: a traceback may be shown with its locals.
            waiter = line.send(self._data(request), now, until)
            soon = now + self._soon
            if soon < self._watchdog.due or until < self._watchdog.due:
                self._watchdog.by(min(soon, until))
            end = await waiter
        finally:
            self._leave(line)
        if isinstance(end, Reply):
            return end
        raise Unanswered(True, end)

    def _data(self, request: Request) -> bytes:
        head = self._head(request.method, request.target, self._credentials.header())
        body = request.body or b""
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)

    def _leave(self, line: Line | None) -> None:
        """The exchange is over: its connection rests if it can be used again, and its place goes to the next."""
        if line is not None:
            if line.kept and not line.busy and not self._closed:
                line.heard = self._loop.time()
                self._idle.append(line)
            else:
                line.abort()
        self._places.release()

    async def _in_time(self, get: Callable[[], Awaitable[T]], missed: Reason, begun: float, until: float) -> T:
        """What `get` gives; Unanswered if the time is over, or the lane closes, before it does."""
        if self._closed:
            raise Unanswered(False, "closed")
        limit = asyncio.timeout_at(min(until, begun + self._connect_limit))
        self._limits.add(limit)
        try:
            async with limit:
                return await get()
        except (OSError, ValueError) as error:
            reason = "closed" if self._closed else _reason(error, missed)
        finally:
            self._limits.discard(limit)
        raise Unanswered(False, reason)

    # Connections.

    def _rested(self, now: float) -> Line | None:
        while self._idle:
            line = self._idle.pop()
            if line.usable and now - line.heard < self._keep:
                return line
            line.abort()
        return None

    async def _open(self) -> Line:
        line = Line(self._loop, self._cap, self._lost)
        self._lines.add(line)
        try:
            await self._connect(line)
            if not line.usable:
                raise ConnectionResetError
        except BaseException:
            self._looked_up = -inf
            self._lost(line)
            line.abort()
            raise
        return line

    def _lost(self, line: Line) -> None:
        """The connection is gone."""
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        if not self._lines:
            self._gone.set()

    async def _connect(self, line: Line) -> None:
        sock = await start_connection(await self._found(), happy_eyeballs_delay=0.25, interleave=1)
        if self._ssl is None:
            await self._loop.create_connection(lambda: line, sock=sock)
            return
        secure = Secure(line, self._ssl, self._host, self._loop)
        await self._loop.create_connection(lambda: secure, sock=sock)
        try:
            await secure.ready
        except BaseException:
            secure.abort()
            raise

    async def _found(self) -> list[Any]:
        """The addresses of the host; asked for once, however many connections are opened at once."""
        async with self._lookup:
            if self._loop.time() - self._looked_up >= _LOOKUP:
                self._addresses = await self._loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                self._looked_up = self._loop.time()
        return self._addresses

    def _look(self, now: float) -> float:
        """End what is over; say when the next limit is due."""
        due = inf
        for line in list(self._lines):
            at = min(line.until, line.heard + self._read) if line.busy else line.heard + self._keep
            if at <= now:
                line.abort("timeout")
            else:
                due = min(due, at)
        return due

    async def aclose(self) -> None:
        """Give back every connection; safe to call twice."""
        self._closed = True
        self._watchdog.stop()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(self._loop.time())
        for line in list(self._lines):
            line.abort()
        if self._lines:
            self._gone.clear()
            await self._gone.wait()


def _reason(error: OSError | ValueError, waited_for: Reason) -> Reason:
    """Why there is no connection, in a word; a bad certificate is not tried again."""
    match error:
        case ssl.SSLError():
            return "tls"
        case socket.gaierror() | UnicodeError():
            return "dns"
        case _:
            return waited_for
