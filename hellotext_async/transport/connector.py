"""aiohttp's connector, watched: when an exchange gets its connection, whether that is fit, and whether it is too late.

Rules. An exchange is unsent until its first connection was acquired; if aiohttp never called
`connect`, every exchange would count as sent. A kept connection that holds unread bytes or an EOF is
not used: aiohttp would take unsolicited bytes for the reply.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

import aiohttp

from .._clock import boottime
from .._diagnosis import diagnose
from .addresses import Addresses
from .unread import UnreadCheck, unread_check

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from .._wire.call import Reply
    from . import Reason

__all__ = [
    "PROXY_AUTHENTICATION",
    "Connector",
    "NotWritten",
    "PoolExchange",
    "current",
    "diagnose_client_error",
    "proxy_refusal",
]

PROXY_AUTHENTICATION: Final = 407

_KEEP_ALIVE: Final = 15.0  # aiohttp's own
_LATE_PASSES: Final = 1024
_QUIET_PASSES: Final = 3  # bytes that were read reach the task within so many passes of the loop


class NotWritten(Exception):
    """The exchange had a connection, and its time was over before it could be written."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def diagnose_client_error(error: Exception) -> OSError:
    """The cause of a failure to connect, of a proxy's too; aiohttp's own errors hold the token."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return proxy_refusal(error.status)
        case aiohttp.ClientProxyConnectionError():
            return ConnectionError(f"the proxy cannot be reached: {diagnose(error.os_error)}")
        case aiohttp.ClientConnectorCertificateError():
            return diagnose(error.certificate_error)
        case aiohttp.ClientConnectorError():
            return diagnose(error.os_error)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientResponseError():
            return ConnectionError("the proxy did not answer in HTTP, or ended the connection")
        case _:
            return diagnose(error)


def proxy_refusal(status: int) -> OSError:
    """The cause when a proxy answers instead of the API; a PermissionError does not go away by itself."""
    if status == PROXY_AUTHENTICATION:
        return PermissionError(f"the proxy refused the credentials (HTTP {status})")
    return ConnectionError(f"the proxy refused (HTTP {status})")


class PoolExchange:
    """One exchange: until when, whether it may have been sent, and what has arrived of its reply.

    `last_activity` is when bytes last moved; it is inf until there is a connection.
    """

    __slots__ = (
        "_cancelling", "_interrupted", "_passes", "_quiet", "connects", "last_activity", "not_after", "partial_reply",
        "protocol", "sent", "task", "timed_out", "transport", "unread", "until",
    )  # fmt: skip

    def __init__(self, until: float, not_after: float) -> None:
        self.task = cast("asyncio.Task[object]", asyncio.current_task())
        self._cancelling = self.task.cancelling()
        self._passes = self._quiet = 0
        self._interrupted = False
        self.until = until
        self.not_after = not_after
        self.last_activity = inf
        self.unread: UnreadCheck = bool
        self.timed_out = False
        self.connects = 0
        self.protocol: ResponseHandler | None = None
        self.transport: asyncio.Transport | None = None
        self.sent = True
        self.partial_reply: Reply | None = None

    def cancelled(self) -> bool:
        """Whether a CancelledError comes from outside, not from the watchdog, from a close or from aiohttp."""
        if self._interrupted:
            self.task.uncancel()
        return self.task.cancelling() > self._cancelling

    def may_continue(self) -> bool:
        """Whether an exchange whose time is over may still read what has arrived of its reply; bounded."""
        self._passes += 1
        self._quiet = 0 if self.unread() else self._quiet + 1
        return self._quiet <= _QUIET_PASSES and self._passes <= _LATE_PASSES

    def disown(self) -> None:
        """In a forked child: it is the parent's, and is not written here, now or by a task that writes it later."""
        self.not_after = -inf
        self.transport = None
        if self.protocol is not None:
            self.protocol.transport = None

    def time_out(self) -> None:
        """End it, for its time is over."""
        self.timed_out = True
        self.interrupt()

    def interrupt(self) -> None:
        """End it; its CancelledError is not one from outside."""
        if not self._interrupted:
            self._interrupted = True
            self.task.cancel()

    def abort_if_closing(self) -> None:
        """Drop what its connection has not written yet: aiohttp's close waits until the peer has read it, for ever."""
        if self.transport is not None and self.transport.is_closing():
            self.transport.abort()


current: ContextVar[PoolExchange] = ContextVar("current")


class _Kept:
    """What is known of a connection that aiohttp keeps: how to look at its socket, and when it was last acquired."""

    __slots__ = ("acquired_at", "unread")

    def __init__(self, unread: UnreadCheck) -> None:
        self.unread = unread
        self.acquired_at = boottime()


class Resolver(aiohttp.ThreadedResolver):
    """Looks up the API's host and its proxy's; of several addresses each connection begins with another."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str, int, int], Addresses[Any]] = {}
        self._turn = 0

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        """The addresses."""
        key = (host, port, family)
        if key not in self._known:
            self._known[key] = Addresses(partial(super().resolve, host, port, family))
        found = await self._known[key].get()
        self._turn += 1
        first = self._turn % max(1, len(found))
        return found[first:] + found[:first]

    def forget(self) -> None:
        """Look up every host again at its next connection."""
        for known in self._known.values():
            known.forget()

    def abort(self) -> list[asyncio.Task[None]]:
        """Cancel every lookup; those that have not ended yet."""
        return [lookup for known in self._known.values() for lookup in known.close()]


class Connector(aiohttp.TCPConnector):
    """Calls `on_connected` with an exchange that has its connection and is about to be written.

    `longest` is how long an exchange may take.
    """

    def __init__(self, on_connected: Callable[[PoolExchange], None], *, longest: float, **settings: Any) -> None:
        self._kept: WeakKeyDictionary[ResponseHandler, _Kept] = WeakKeyDictionary()
        self._on_connected = on_connected
        self._stale_after = longest + _KEEP_ALIVE
        self._names = Resolver()
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            keepalive_timeout=_KEEP_ALIVE, resolver=self._names, use_dns_cache=False, **settings
        )

    def abort(self) -> list[Awaitable[object]]:
        """Close every connection at once; what is returned ends when they are closed. `close` would need a task."""
        return [*self._close(abort_ssl=True), *self._names.abort()]

    def forget_addresses(self) -> None:
        """Look up every host again: it may have moved."""
        self._names.forget()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """A connection that may be written to at once; NotWritten if it comes too late."""
        exchange = current.get()
        exchange.sent = exchange.connects > 0
        exchange.connects += 1
        connection = await super().connect(req, traces, timeout)
        while not self._fit(connection, exchange):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        late = self._loop.time() >= exchange.until
        if late or boottime() >= exchange.not_after:
            connection.release()
            raise NotWritten("connect" if late else "expired")
        self._on_connected(exchange)
        return connection

    def _fit(self, connection: Connection, exchange: PoolExchange) -> bool:
        """Whether a request may be written to it. ConnectionResetError if it is new and is not: no other is tried.

        A new one may hold TLS session tickets: they are not looked for.
        """
        protocol = connection.protocol
        if protocol is None or protocol.transport is None:
            return True  # aiohttp raises for it
        kept = self._kept.get(protocol)
        if kept is None:
            fd: int = protocol.transport.get_extra_info("socket").fileno()
            kept = self._kept[protocol] = _Kept(unread_check(fd))
            secure = protocol.transport.get_extra_info("sslcontext") is not None
            if protocol.should_close or (not secure and kept.unread()):
                connection.close()
                raise ConnectionResetError
        elif protocol.should_close or kept.unread() or boottime() - kept.acquired_at > self._stale_after:
            return False
        kept.acquired_at = boottime()
        exchange.unread, exchange.protocol, exchange.transport = kept.unread, protocol, protocol.transport
        return True
