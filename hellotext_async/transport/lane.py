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
from collections import deque
from math import inf
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType]

from . import TARGET, Unanswered
from .line import Line
from .secure import Secure
from .watchdog import Watchdog

if TYPE_CHECKING:
    from .._wire.call import Reply, Request
    from ..config import Timeouts
    from . import Credentials, Reason

__all__ = ["Lane"]

KEEP: Final = 4.0
"""Seconds for which an idle connection is kept; less than servers do, so that they rarely close one under a request."""

_LOOKUP: Final = 60.0


class _Head:
    """The first bytes of a request, up to the length of its body; they hold the token."""

    def __init__(self, request: Request, host: str, authorization: str, user_agent: str) -> None:
        if not TARGET.fullmatch(request.target):
            raise Unanswered(False, "malformed")
        self.method = request.method
        self.target = request.target
        self.authorization = authorization
        lines = (
            f"{request.method} {request.target} HTTP/1.1",
            f"Host: {host}",
            f"Authorization: {authorization}",
            f"User-Agent: {user_agent}",
            "Accept: application/json",
            "Accept-Encoding: identity",
            "Content-Type: application/json",
            "Content-Length: ",
        )
        self.data = "\r\n".join(lines).encode("ascii")

    def fits(self, request: Request, authorization: str) -> bool:
        """Whether `request` begins with these bytes."""
        same = request.target == self.target and request.method == self.method
        return same and authorization == self.authorization


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
        self._authority = url.netloc
        self._ssl = (ssl_context or ssl.create_default_context()) if secure else None
        self._credentials = credentials
        self._user_agent = user_agent
        self._connect_limit = timeouts.connect
        self._read = timeouts.read
        self._total = timeouts.total
        self._most = concurrency
        self._cap = response_bytes
        self._keep = keep
        self._head: _Head | None = None
        self._lines: set[Line] = set()
        self._idle: list[Line] = []
        self._waiting: deque[asyncio.Future[Line]] = deque()
        self._opening: set[asyncio.Timeout] = set()
        self._addresses: list[Any] = []
        self._looked_up = -inf
        self._lookup = asyncio.Lock()
        self._watchdog = Watchdog(self._loop, self._look)
        self._closed = False
        self._gone = asyncio.Event()

    async def exchange(self, request: Request, /, *, total: float) -> Reply:
        """The reply to `request` within `total` seconds, or Unanswered."""
        now = self._loop.time()
        until = now + (total if total < self._total else self._total)
        line = self._ready(now)
        if line is None:
            line = await self._line(until)
            now = self._loop.time()
        try:
            # No name is given to the bytes: a traceback may be shown with its locals.
            waiter = line.send(self._data(request), now=now, until=until)
            heard_by = now + self._read
            self._watchdog.by(until if until < heard_by else heard_by)
            end = await waiter
        except BaseException:
            line.abort()
            raise
        self._rest(line)
        if isinstance(end, str):
            raise Unanswered(True, end)
        return end

    def _data(self, request: Request) -> bytes:
        authorization = self._credentials.header()
        head = self._head
        if head is None or not head.fits(request, authorization):
            head = self._head = _Head(request, self._authority, authorization, self._user_agent)
        body = request.body or b""
        return b"%b%d\r\n\r\n%b" % (head.data, len(body), body)

    # Which connection: one that rests, a new one, or the next that comes free.

    def _ready(self, now: float) -> Line | None:
        idle = self._idle
        while idle:
            line = idle.pop()
            if line.usable and now - line.heard < self._keep:
                return line
            line.abort()
        return None

    def _rest(self, line: Line) -> None:
        """The exchange is over: the line goes to the next in line, or rests."""
        if not line.kept or self._closed:
            line.abort()
            return
        line.heard = self._loop.time()
        if not self._hand_over(line):
            self._idle.append(line)
            self._watchdog.by(line.heard + self._keep)

    def _hand_over(self, line: Line) -> bool:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(line)
                return True
        return False

    async def _line(self, until: float) -> Line:
        """A connection, as soon as there is a place for it; Unanswered if there is none in time."""
        if self._closed:
            raise Unanswered(False, "closed")
        reason: Reason = "pool"
        limit = asyncio.timeout_at(min(until, self._loop.time() + self._connect_limit))
        self._opening.add(limit)
        try:
            async with limit:
                line = await self._place()
                reason = "connect"
                return line if line.usable else await self._open(line)
        except (OSError, ValueError) as error:
            reason = _reason(error, reason)
        finally:
            self._opening.discard(limit)
        raise Unanswered(False, "closed" if self._closed else reason)

    async def _place(self) -> Line:
        """A line that may be used or opened."""
        while True:
            line = self._new() if len(self._lines) < self._most else await self._next()
            if line.fresh or line.usable:
                return line
            line.abort()

    def _new(self) -> Line:
        line = Line(self._loop, self._cap, self._lost)
        self._lines.add(line)
        return line

    async def _next(self) -> Line:
        waiter: asyncio.Future[Line] = self._loop.create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self._refuse(waiter.result())
            raise

    def _refuse(self, line: Line) -> None:
        if line.fresh:
            self._lost(line)
        else:
            self._rest(line)

    def _lost(self, line: Line) -> None:
        """The line is gone, or will never be: its place is free."""
        if line not in self._lines:
            return
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        if self._waiting and not self._closed:
            fresh = self._new()
            if not self._hand_over(fresh):
                self._lines.discard(fresh)
        if not self._lines:
            self._gone.set()

    async def _open(self, line: Line) -> Line:
        try:
            await self._connect(line)
        except BaseException:
            self._looked_up = -inf
            self._lost(line)
            line.abort()
            raise
        return line

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
        for line in [line for line in self._lines if not line.fresh]:
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
        for limit in self._opening:
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
