"""Keep-alive HTTP/1.1 transport for events: one write() per request.

Rules. A request counts as sent once its bytes were handed to a connection; until then another
connection may be tried. A forked child writes nothing. Whether it may still be written, and whether
the peer has closed an idle connection, is judged in the same step as the write. Replies are passed
on as they are: no redirect, no cookie, no decompression. One watchdog enforces all time limits;
what has arrived in time is read before it ends an exchange; it closes idle connections before a
server would. Nothing that holds the token is shown by a repr or left in a frame of what is raised.
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

from .. import _process
from .._clock import boottime, time_of
from .._diagnosis import diagnose
from .._watchdog import Watchdog
from .._wire.call import EVENTS_PATH, Reply, mark_unsent
from . import TARGET, Unanswered
from .addresses import Addresses
from .http_connection import HttpConnection, receive_buffer
from .slots import Slots
from .tls_connection import RECORD, TlsConnection
from .unread import unread_check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .._wire.call import Request
    from ..config import Timeouts, Token
    from . import Credentials, Reason

__all__ = ["EventTransport"]

T = TypeVar("T")

KEEP_ALIVE: Final = 4.0
"""Seconds for which an idle connection is kept; less than servers do, so that they rarely close one under a request."""


def _head(host: str, user_agent: str, method: str, target: str, token: Token) -> bytes:
    """The first bytes of a request, up to the length of its body."""
    lines = (
        f"{method} {target} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: {token.header()}",
        f"User-Agent: {user_agent}",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "Content-Type: application/json",
        "Content-Length: ",
    )
    return "\r\n".join(lines).encode("ascii")


class EventTransport:
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
        keep: float = KEEP_ALIVE,
    ) -> None:
        url = urlsplit(origin)
        secure = url.scheme == "https"
        self._loop = asyncio.get_running_loop()
        self._time = time_of(self._loop)
        self._process = _process.current_process
        self._host = url.hostname or ""
        self._port = url.port or (443 if secure else 80)
        self._secure = secure
        self._ssl_context = ssl_context
        self._credentials = credentials
        self._connect_limit = timeouts.connect
        self._read = timeouts.read
        self._total = timeouts.total
        self._cap = response_bytes
        self._keep = keep
        # Events have one head until the token is replaced. It holds the token, which no repr of a cache shows.
        self._head = lru_cache(maxsize=1)(partial(_head, url.netloc, user_agent))
        self._buffer, self._records = receive_buffer(), receive_buffer(RECORD if secure else 0)
        self._slots = Slots(concurrency)
        self._limits: set[asyncio.Timeout] = set()
        self._connections: set[HttpConnection] = set()
        self._idle: list[HttpConnection] = []
        self._addresses: Addresses[Any] = Addresses(self._look_up)
        self._preparing = asyncio.Lock()
        self._watchdog = Watchdog(self._loop, self._sweep)
        self._shortest = min(keep, timeouts.read)
        self._closed = False
        self._all_lost = asyncio.Event()

    async def exchange(self, request: Request, /, *, total: float, not_after: float = inf) -> Reply:
        """The reply to `request` within `total` seconds, or Unanswered."""
        if request.target != EVENTS_PATH and not TARGET.fullmatch(request.target):
            raise Unanswered(False, "malformed")
        now = self._time()
        until = now + (total if total < self._total else self._total)
        slots = self._slots
        connection = self._take_idle() if slots.free else None
        if connection is not None:
            slots.free -= 1
        else:
            try:
                connection = await self._acquire(now, until)
            except asyncio.CancelledError as error:
                mark_unsent(error)
                raise
            now = self._time()
        try:
            if self._process is not _process.current_process:
                raise Unanswered(False, "expired")  # a forked child: its parent has the event, and sends it
            if now >= until or (not_after < inf and boottime() >= not_after):
                raise Unanswered(False, "expired" if now < until else "connect")
            # No name is given to the bytes: a traceback may be shown with its locals.
            waiter = connection.send(self._data(request), now, until)
            next_check = now + self._shortest
            if next_check < self._watchdog.due or until < self._watchdog.due:
                self._watchdog.schedule(min(next_check, until))
            result = await waiter
        finally:
            self._release(connection)
        if isinstance(result, Reply):
            return result
        self._addresses.forget()
        raise Unanswered(True, result)

    async def _acquire(self, begun: float, until: float) -> HttpConnection:
        """A slot, and a connection that may be written to."""
        await self._in_time(self._slots.acquire, "pool", begun, until)
        try:
            idle = self._take_idle()
            return await self._in_time(self._open, "connect", begun, until) if idle is None else idle
        except BaseException:
            self._slots.release()
            raise

    def _data(self, request: Request) -> bytes:
        head = self._head(request.method, request.target, self._credentials.token)
        body = request.body or b""
        if request.headers:
            own = "".join(f"\r\n{name}: {value}" for name, value in request.headers).encode("ascii")
            return b"%b%d%b\r\n\r\n%b" % (head, len(body), own, body)
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)

    def _release(self, connection: HttpConnection) -> None:
        """Return the connection to the idle list or close it, and free its slot."""
        if connection.keep_alive and connection.exchange is None and not self._closed:
            connection.idle_since = boottime()
            self._idle.append(connection)
        else:
            connection.abort()
        self._slots.release()

    async def _in_time(self, get: Callable[[], Awaitable[T]], missed: Reason, begun: float, until: float) -> T:
        """The result of `get`; Unanswered if the time is over, or the transport closes, before there is one."""
        if self._closed:
            raise Unanswered(False, "closed")
        limit = asyncio.timeout_at(min(until, begun + self._connect_limit))
        self._limits.add(limit)
        try:
            async with limit:
                return await get()
        except (OSError, ValueError) as error:
            reason = "closed" if self._closed else _reason(error, missed)
            cause = diagnose(error) if reason in ("connect", "tls", "dns") else None
        finally:
            self._limits.discard(limit)
        raise Unanswered(False, reason, cause)

    # Connections.

    def _take_idle(self) -> HttpConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and boottime() - connection.idle_since < self._keep and not connection.unread():
                return connection
            connection.abort()
        return None

    async def _open(self) -> HttpConnection:
        connection = HttpConnection(self._loop, self._cap, self._lost, self._buffer)
        self._connections.add(connection)
        try:
            await self._connect(connection)
            if not connection.usable or (not self._secure and connection.unread()):
                raise ConnectionResetError
        except BaseException:
            self._addresses.forget()
            self._lost(connection)
            connection.abort()
            raise
        return connection

    def _lost(self, connection: HttpConnection) -> None:
        """The connection's socket is closed."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if not self._connections:
            self._all_lost.set()

    async def _connect(self, connection: HttpConnection) -> None:
        context = await self._trusted() if self._secure else None
        sock = await start_connection(await self._addresses.get(), happy_eyeballs_delay=0.25, interleave=1)
        connection.unread = unread_check(sock.fileno())
        if context is None:
            await self._loop.create_connection(lambda: connection, sock=sock)
            return
        name = self._host.rstrip(".")  # certificates name hosts without the dot of a fully qualified name
        tls = TlsConnection(connection, context, name, self._loop, self._records)
        await self._loop.create_connection(lambda: tls, sock=sock)
        try:
            await tls.ready
        except BaseException:
            tls.abort()
            raise

    async def _trusted(self) -> ssl.SSLContext:
        """What certificates are checked with; reading the system's authorities takes 30 ms, which a thread spends."""
        async with self._preparing:
            if self._ssl_context is None:
                self._ssl_context = await self._loop.run_in_executor(None, ssl.create_default_context)
            return self._ssl_context

    async def _look_up(self) -> list[Any]:
        return await self._loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)

    def _sweep(self, now: float) -> float:
        """Close what is over its limit; return when the next limit is due."""
        due = inf
        ahead = boottime() - now
        for connection in list(self._connections):
            at = self._limit(connection, ahead)
            if at <= now and (connection.exchange is None or not connection.may_continue()):
                connection.abort("timeout")
            else:
                due = min(due, max(at, now))
        return due

    def _limit(self, connection: HttpConnection, ahead: float) -> float:
        """When, in the loop's time, its exchange or its idle time is over; `boottime` is `ahead` of that."""
        if connection.exchange is not None:
            return min(connection.until, connection.last_activity + self._read)
        return connection.idle_since - ahead + self._keep

    def abort(self) -> None:
        """Close every connection at once, and open none any more; what is in flight ends. Safe to call twice."""
        self._closed = True
        self._watchdog.stop()
        self._addresses.close()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(self._loop.time())
        for connection in list(self._connections):
            connection.abort()

    async def aclose(self) -> None:
        """`abort`, and wait until every connection is closed."""
        self.abort()
        if self._connections:
            self._all_lost.clear()
            await self._all_lost.wait()
        if lookups := self._addresses.close():
            await asyncio.wait(lookups)


def _reason(error: OSError | ValueError, waited_for: Reason) -> Reason:
    """Why there is no connection, in a word; a bad certificate is not tried again."""
    match error:
        case ssl.SSLError():
            return "tls"
        case socket.gaierror() | UnicodeError():
            return "dns"
        case _:
            return waited_for
