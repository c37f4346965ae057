"""The aiohttp session pool: every call goes through it, and events where the event lane cannot.

Rules. Whether a byte left is told by aiohttp's own signal that the head was handed to the
connection, never by an exception's class. No exception of aiohttp's goes on: they carry the
token. aiohttp's silent second try of idempotent requests is switched off; were it ever to
happen, the signal would count it.
"""

from __future__ import annotations

import asyncio
import ssl
from types import SimpleNamespace
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from .._wire.call import Reply
from . import Credentials, Reason, Unanswered

if TYPE_CHECKING:
    from .._wire.call import Request
    from ..config import Timeouts

__all__ = ["Pool"]

_CHUNK = 64 * 1024


class Sent:
    """What one exchange left behind: how many times a request head was handed to a connection."""

    __slots__ = ("heads",)

    def __init__(self, **_: object) -> None:
        self.heads = 0


async def _head_sent(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.heads += 1


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
        self._timeouts = timeouts
        self._cap = response_bytes
        self._proxy = proxy
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_head_sent)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=concurrency, ssl=ssl_context or True, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "User-Agent": user_agent},
            timeout=self._limits(timeouts.total),
            trace_configs=[trace],
            trust_env=False,
        )
        self._usual = self._limits(timeouts.total)
        if hasattr(self._session, "_retry_connection"):
            self._session._retry_connection = False

    def _limits(self, total: float) -> aiohttp.ClientTimeout:
        limits = self._timeouts
        return aiohttp.ClientTimeout(total=total, connect=limits.connect, sock_read=limits.read, ceil_threshold=60)

    async def exchange(self, request: Request, /, *, total: float) -> Reply:
        """The reply to `request` within `total` seconds, or Unanswered."""
        sent = Sent()
        try:
            return await self._exchange(request, sent, total)
        except asyncio.CancelledError as cancelled:
            # The frames below hold the token in their locals, and a traceback may be shown with locals.
            raise cancelled.with_traceback(None) from None
        except Exception as error:
            reason = _reason(error, sent=sent.heads > 0)
        raise Unanswered(sent.heads > 0, reason)

    async def _exchange(self, request: Request, sent: Sent, total: float) -> Reply:
        headers = {"Authorization": self._credentials.header()}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        response = await self._session.request(
            request.method,
            URL(self._origin + request.target, encoded=True),
            data=request.body,
            headers=headers,
            allow_redirects=False,
            proxy=self._proxy,
            timeout=self._usual if total == self._timeouts.total else self._limits(total),
            trace_request_ctx=sent,
        )
        try:
            return await self._read(response)
        except Exception:
            # The status line was read: that is the evidence, whatever happened to the body.
            response.close()
            return Reply(response.status, tuple(response.headers.items()), missing="cut off")
        except BaseException:
            response.close()
            raise

    async def _read(self, response: aiohttp.ClientResponse) -> Reply:
        headers = tuple(response.headers.items())
        parts: list[bytes] = []
        left = self._cap
        while chunk := await response.content.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                response.close()
                return Reply(response.status, headers, missing="too large")
            parts.append(chunk)
        response.release()
        return Reply(response.status, headers, b"".join(parts))

    async def aclose(self) -> None:
        """Give back every connection; safe to call twice."""
        await self._session.close()


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
