"""The aiohttp session pool: every call goes through it, and events where the event transport cannot.

Rules. A request is unsent only if it failed while aiohttp was getting its first connection; everything
later counts as sent, whatever the exception's class. No exception of aiohttp leaves: they
carry the token. aiohttp's silent second try of idempotent requests is switched off.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from math import inf
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from .. import _process
from .._diagnosis import diagnose
from .._watchdog import Watchdog
from .._wire.call import Reply, mark_unsent
from . import TARGET, Credentials, Reason, Unanswered
from .connector import (
    PROXY_AUTHENTICATION,
    Connector,
    NotWritten,
    PoolExchange,
    current,
    diagnose_client_error,
    proxy_refusal,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .._wire.call import Request
    from ..config import Timeouts

__all__ = ["Pool"]

_CHUNK: Final = 64 * 1024
_HEADER: Final = 64 * 1024  # bytes; aiohttp's own limits, 8 KiB and 128 headers, lose the status of a reply
_HEADERS: Final = 512
_LARGE: Final = 1 << 20  # aiohttp warns of larger bodies given as bytes


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
        self._read_limit = timeouts.read
        self._total = timeouts.total
        self._cap = response_bytes
        self._proxy = proxy
        self._plain = origin.startswith("http://")  # its proxy answers in its place; TLS goes through the proxy
        self._last_target, self._last_url = "", URL(origin)
        self._loop = asyncio.get_running_loop()
        self._exchanges: set[PoolExchange] = set()
        self._all_ended = asyncio.Event()
        self._process = _process.current_process
        _process.disown_after_fork(self)
        self._watchdog = Watchdog(self._loop, self._sweep)
        self._connector = Connector(self._connected, longest=timeouts.total, limit=concurrency, ssl=ssl_context or True)
        self._closing: list[Awaitable[object]] = []
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "User-Agent": user_agent},
            # The watchdog enforces the other limits: aiohttp's timers for each request cost a fifth of its speed.
            timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect, ceil_threshold=inf),
            trust_env=False,
            max_line_size=_HEADER,
            max_field_size=_HEADER,
            max_headers=_HEADERS,
        )
        if hasattr(self._session, "_retry_connection"):
            self._session._retry_connection = False  # pyright: ignore[reportPrivateUsage]

    async def exchange(self, request: Request, /, *, total: float, not_after: float = inf) -> Reply:
        """The reply to `request` within `total` seconds, or Unanswered."""
        if self._session.closed:
            raise Unanswered(False, "closed")
        if self._process is not _process.current_process:
            raise Unanswered(False, "expired")  # a forked child: its parent has the call, and makes it
        if not TARGET.fullmatch(request.target):
            raise Unanswered(False, "malformed")
        exchange = PoolExchange(self._loop.time() + min(total, self._total), not_after)
        outer = current.set(exchange)
        self._exchanges.add(exchange)
        self._watchdog.schedule(exchange.until)
        try:
            return await self._exchange(request, exchange)
        except asyncio.CancelledError as error:
            if exchange.cancelled():
                # Its context holds the token in its locals, and a traceback may be shown with locals.
                error.__context__ = None
                if not exchange.sent:
                    mark_unsent(error)
                raise error.with_traceback(None) from None
            reason = _late(exchange)
            cause = diagnose(TimeoutError()) if reason == "connect" else None
        except Unanswered:
            raise
        except Exception as error:
            reason = _reason(error, sent=exchange.sent, proxied=self._proxy is not None and not self._session.closed)
            cause = None if exchange.sent or isinstance(error, NotWritten) else diagnose_client_error(error)
        finally:
            exchange.abort_if_closing()
            self._exchanges.discard(exchange)
            if not self._exchanges:
                self._all_ended.set()
            current.reset(outer)
        if exchange.partial_reply is not None:
            return exchange.partial_reply
        self._connector.forget_addresses()
        raise Unanswered(exchange.sent, reason, cause)

    async def _exchange(self, request: Request, exchange: PoolExchange) -> Reply:
        body = request.body
        self._authorize(self._credentials.token.header())
        response = await self._session.request(
            request.method,
            self._url(request.target),
            data=None if body is None else _payload(body),
            headers=request.headers or None,
            allow_redirects=False,
            proxy=self._proxy,
        )
        try:
            if response.status == PROXY_AUTHENTICATION and self._proxy is not None and self._plain:
                raise Unanswered(False, "proxy", proxy_refusal(response.status))
            if not 200 <= response.status < 600:
                raise ValueError("no such status")
            # The status line was read: that is the evidence, whatever happens to the body.
            headers = tuple(response.headers.items())
            exchange.partial_reply = Reply(response.status, headers, missing="cut off")
            return await self._read(response, headers, exchange)
        except BaseException:
            response.close()
            raise

    def _authorize(self, authorization: str) -> None:
        headers = self._session.headers
        if headers.get("Authorization") != authorization:
            headers["Authorization"] = authorization

    def _url(self, target: str) -> URL:
        """The URL of `target`; the last one is kept, for events have one target."""
        if target != self._last_target:
            self._last_target, self._last_url = target, URL(self._origin + target, encoded=True)
        return self._last_url

    def _connected(self, exchange: PoolExchange) -> None:
        exchange.sent = True
        exchange.last_activity = self._loop.time()
        self._watchdog.schedule(exchange.last_activity + self._read_limit)

    async def _read(
        self, response: aiohttp.ClientResponse, headers: tuple[tuple[str, str], ...], exchange: PoolExchange
    ) -> Reply:
        content = response.content
        parts: list[bytes] = []
        left = self._cap
        while not content.at_eof():
            most = min(_CHUNK, left + 1)
            if content.is_eof():
                chunk = content.read_nowait(most)
            else:
                exchange.last_activity = self._loop.time()
                chunk = await content.read(most)
            left -= len(chunk)
            if left < 0:
                response.close()
                return Reply(response.status, headers, missing="too large")
            parts.append(chunk)
        if not response.closed:
            response.release()
        return Reply(response.status, headers, b"".join(parts))

    def _sweep(self, now: float) -> float:
        due = inf
        for exchange in self._exchanges:
            if exchange.timed_out:
                continue
            limit = min(exchange.until, exchange.last_activity + self._read_limit)
            if limit <= now and not exchange.may_continue():
                exchange.time_out()
            else:
                due = min(due, max(limit, now))
        return due

    def disown(self) -> None:
        """In a forked child: what is in flight is the parent's, and nothing of it is written here."""
        for exchange in self._exchanges:
            exchange.disown()

    def abort(self) -> None:
        """Close every connection at once, and open none any more; what is in flight ends. Safe to call twice."""
        self._watchdog.stop()
        self._closing += self._connector.abort()
        self._session.detach()
        for exchange in self._exchanges:  # aiohttp wakes neither who connects, nor who writes or reads a body
            exchange.interrupt()
            exchange.abort_if_closing()

    async def aclose(self) -> None:
        """`abort`, and wait until every connection is closed, also one that was being made."""
        self.abort()
        if self._exchanges:
            self._all_ended.clear()
            await self._all_ended.wait()
        await asyncio.gather(*self._closing, return_exceptions=True)


def _payload(body: bytes) -> aiohttp.Payload:
    if len(body) > _LARGE:
        return aiohttp.BytesIOPayload(io.BytesIO(body), content_type="application/json")
    return aiohttp.BytesPayload(body, content_type="application/json")


def _late(exchange: PoolExchange) -> Reason:
    if not exchange.timed_out:
        return "disconnected" if exchange.sent else "closed"
    return "timeout" if exchange.sent else "connect"


def _reason(error: Exception, *, sent: bool, proxied: bool) -> Reason:
    """A word for what went wrong; it informs, and decides nothing but that a bad certificate is not retried."""
    match error:
        case NotWritten():
            return error.reason
        case aiohttp.ClientHttpProxyError() | aiohttp.ClientProxyConnectionError() if not sent:
            return "proxy"
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
        case aiohttp.ClientConnectionError() | aiohttp.ClientResponseError() if not sent and proxied:
            return "proxy"  # it was asked for the way to the API, and did not answer in HTTP
        case UnicodeError() if not sent:
            return "dns"
        case _:
            return "disconnected" if sent else "closed"
