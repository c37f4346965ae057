"""The aiohttp session pool: every call goes through it, and events where the event lane cannot.

Rules. Not sent is only what failed while aiohttp was getting its first connection; everything
later counts as sent, whatever the exception's class. No exception of aiohttp's goes on: they
carry the token. aiohttp's silent second try of idempotent requests is switched off.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from contextvars import ContextVar
from math import inf
from typing import TYPE_CHECKING, Final, cast

import aiohttp
from yarl import URL

from .._wire.call import Reply
from . import TARGET, Credentials, Reason, Unanswered
from .watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from .._wire.call import Request
    from ..config import Timeouts

__all__ = ["Pool"]

_CHUNK: Final = 64 * 1024
_LARGE: Final = 1 << 20  # aiohttp warns of larger bodies that it is given as bytes


class _Flight:
    """One exchange on its way: until when, whether it may be sent, and what has come of its reply.

    `heard` is when there was the last sign of life; none is asked for until there is a connection.
    """

    __slots__ = ("cancelling", "connects", "heard", "late", "sent", "task", "torso", "until")

    def __init__(self, until: float) -> None:
        self.task = cast("asyncio.Task[object]", asyncio.current_task())
        self.cancelling = self.task.cancelling()
        self.until = until
        self.heard = inf
        self.late = False
        self.connects = 0
        self.sent = True
        self.torso: Reply | None = None

    def cancelled(self) -> bool:
        """Whether a CancelledError is somebody's who cancels the task, not the watchdog's or aiohttp's own."""
        if self.late:
            self.task.uncancel()
        return self.task.cancelling() > self.cancelling


_flight: ContextVar[_Flight] = ContextVar("_flight")


class _Connector(aiohttp.TCPConnector):
    """Tells the exchange when it gets its connection; were it never called, nothing would pass for not sent."""

    connected: Callable[[_Flight], None]

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        flight = _flight.get()
        flight.sent = flight.connects > 0
        flight.connects += 1
        connection = await super().connect(req, traces, timeout)
        # aiohttp would take what came unasked while it was idle for the reply to this request.
        while connection.protocol is not None and connection.protocol.should_close:
            connection.close()
            connection = await super().connect(req, traces, timeout)
        self.connected(flight)
        return connection


class Pool:
    """Keep-alive connections to one origin; at most `concurrency` of them."""

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
        proxy: str | None = None,
    ) -> None:
        self._origin = origin
        self._credentials = credentials
        self._silence = timeouts.read
        self._total = timeouts.total
        self._cap = response_bytes
        self._proxy = proxy
        self._target, self._place = "", URL(origin)
        self._loop = asyncio.get_running_loop()
        self._flights: set[_Flight] = set()
        self._watchdog = Watchdog(self._loop, self._look)
        connector = _Connector(limit=concurrency, ssl=ssl_context or True, ttl_dns_cache=60)
        connector.connected = self._connected
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "User-Agent": user_agent},
            # The other limits are the watchdog's: timers of aiohttp's for each request cost a fifth of its speed.
            timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect, ceil_threshold=inf),
            trust_env=False,
        )
        if hasattr(self._session, "_retry_connection"):
            self._session._retry_connection = False  # pyright: ignore[reportPrivateUsage]

    async def exchange(self, request: Request, /, *, total: float) -> Reply:
        """The reply to `request` within `total` seconds, or Unanswered."""
        if self._session.closed:
            raise Unanswered(False, "closed")
        if not TARGET.fullmatch(request.target):
            raise Unanswered(False, "malformed")
        flight = _Flight(self._loop.time() + min(total, self._total))
        outer = _flight.set(flight)
        self._flights.add(flight)
        self._watchdog.by(flight.until)
        try:
            return await self._exchange(request, flight)
        except asyncio.CancelledError as error:
            if flight.cancelled():
                # What hangs on it holds the token in its locals, and a traceback may be shown with locals.
                error.__context__ = None
                raise error.with_traceback(None) from None
            reason = _late(flight)
        except Exception as error:
            reason = _reason(error, sent=flight.sent)
        finally:
            self._flights.discard(flight)
            _flight.reset(outer)
        if flight.torso is not None:
            return flight.torso
        raise Unanswered(flight.sent, reason)

    async def _exchange(self, request: Request, flight: _Flight) -> Reply:
        body = request.body
        self._authorize(self._credentials.header())
        response = await self._session.request(
            request.method,
            self._url(request.target),
            data=None if body is None else _payload(body),
            allow_redirects=False,
            proxy=self._proxy,
        )
        try:
            if not 200 <= response.status < 600:
                raise ValueError("no such status")
            # The status line was read: that is the evidence, whatever happens to the body.
            headers = tuple(response.headers.items())
            flight.torso = Reply(response.status, headers, missing="cut off")
            return await self._read(response, headers, flight)
        except BaseException:
            response.close()
            raise

    def _authorize(self, authorization: str) -> None:
        headers = self._session.headers
        if headers.get("Authorization") != authorization:
            headers["Authorization"] = authorization

    def _url(self, target: str) -> URL:
        """The usual target again and again: events go to one place."""
        if target != self._target:
            self._target, self._place = target, URL(self._origin + target, encoded=True)
        return self._place

    def _connected(self, flight: _Flight) -> None:
        flight.sent = True
        flight.heard = self._loop.time()
        self._watchdog.by(flight.heard + self._silence)

    async def _read(
        self, response: aiohttp.ClientResponse, headers: tuple[tuple[str, str], ...], flight: _Flight
    ) -> Reply:
        content = response.content
        parts: list[bytes] = []
        left = self._cap
        while not content.at_eof():
            most = min(_CHUNK, left + 1)
            if content.is_eof():
                chunk = content.read_nowait(most)
            else:
                flight.heard = self._loop.time()
                chunk = await content.read(most)
            left -= len(chunk)
            if left < 0:
                response.close()
                return Reply(response.status, headers, missing="too large")
            parts.append(chunk)
        if not response.closed:
            response.release()
        return Reply(response.status, headers, b"".join(parts))

    def _look(self, now: float) -> float:
        due = inf
        for flight in self._flights:
            if flight.late:
                continue
            limit = min(flight.until, flight.heard + self._silence)
            if limit <= now:
                flight.late = True
                flight.task.cancel()
            else:
                due = min(due, limit)
        return due

    async def aclose(self) -> None:
        """Give back every connection; safe to call twice."""
        self._watchdog.stop()
        await self._session.close()


def _payload(body: bytes) -> aiohttp.Payload:
    if len(body) > _LARGE:
        return aiohttp.BytesIOPayload(io.BytesIO(body), content_type="application/json")
    return aiohttp.BytesPayload(body, content_type="application/json")


def _late(flight: _Flight) -> Reason:
    if not flight.late:
        return "disconnected" if flight.sent else "closed"
    return "timeout" if flight.sent else "connect"


def _reason(error: Exception, *, sent: bool) -> Reason:
    """A word for what went wrong; it informs, and decides nothing but that a bad certificate is not retried."""
    match error:
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case TimeoutError():
            return "timeout" if sent else "connect"
        case aiohttp.ClientConnectorError() | OSError() if not sent:
            return "connect"
        case aiohttp.ClientResponseError() | ValueError() if sent:
            return "malformed"
        case _:
            return "disconnected" if sent else "closed"
