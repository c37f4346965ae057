"""What a client and its views share: the settings, and, once opened, one engine in one event loop.

Rules. Building does no I/O and needs no loop. The first use opens it in the running loop; from
then on another loop, another thread or a forked child gets a typed error. aiohttp is imported
only when a client opens.
"""

from __future__ import annotations

import asyncio
import random
import time
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar
from uuid import uuid4

import msgspec

from . import _calls, _process
from ._policy.breaker import Breaker
from ._policy.pacer import Pacer
from ._reports import Reports
from ._site import creation_site
from ._version import __version__
from .engine import Engine
from .errors import ClientClosed, Forked, WrongLoop, in_another_loop
from .limiter import Limiter
from .transport.deferred import DeferredTransport
from .transport.disabled import DisabledTransport
from .transport.event_transport import EventTransport

if TYPE_CHECKING:
    import ssl as ssl_module
    from collections.abc import Callable, Sequence

    from ._wire.call import Call
    from .config import EventFormat, Limits, Options, Timeouts, Token
    from .hooks import Hooks
    from .limiter import Priority, RateState
    from .queue.queue import EventQueue
    from .transport import Transport

__all__ = ["CallSender", "Core"]

T = TypeVar("T")

USER_AGENT = f"hellotext-async/{__version__}"


class Connections(TypedDict):
    """The settings of a transport's connections."""

    timeouts: Timeouts
    concurrency: int
    response_bytes: int
    user_agent: str
    ssl_context: ssl_module.SSLContext | None


class Core:
    """The shared inside of a client."""

    def __init__(
        self,
        token: Token,
        origin: str,
        *,
        name: str | None,
        event_format: EventFormat,
        timeouts: Timeouts,
        limits: Limits,
        ssl: ssl_module.SSLContext | None,
        proxy: str | None,
        enabled: bool,
        on_throttle: Callable[[RateState], Any] | None,
        hooks: Sequence[Hooks] = (),
        strict: bool = False,
        idempotency_keys: bool = False,
        business_id: str | None = None,
    ) -> None:
        self.wall = time.time
        self.token = token
        self.origin = origin
        self.name = name
        self.created_at = creation_site()
        self.event_format: EventFormat = event_format
        self.timeouts = timeouts
        self.limits = limits
        self.ssl = ssl
        self.proxy = proxy
        self.enabled = enabled
        self.reports = Reports(name, hooks, on_throttle, waiting=self._waiting)
        self.strict = strict
        self.idempotency_keys = idempotency_keys
        self.business_id = business_id
        self.queues: set[EventQueue] = set()
        self._engine: Engine | None = None
        self._events_engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = _process.current_process
        self._closed = False
        self._closing: asyncio.Future[None] | None = None

    def keyed(self, call: Call[T]) -> Call[T]:
        """`call` with a key by which the API recognises a repeat, if such keys are sent; then it may be repeated."""
        if not self.idempotency_keys or call.idempotency != "non_idempotent":
            return call if call.key is None else replace(call, key=None)
        return replace(call, idempotency="idempotent", key=call.key or str(uuid4()))

    def running(self) -> Engine:
        """The engine, opened if this is the first use; ClientClosed, WrongLoop or Forked if it is not ours to use."""
        if self._closed:
            raise ClientClosed("this client was closed; make a new one")
        if self._engine is None:
            self._open()
        self.check_place()
        if self._engine is None:
            raise AssertionError("an open client has an engine")
        return self._engine

    def for_events(self, transport: Literal["pool"] | None, priority: Literal["live", "background"] = "live") -> Engine:
        """The engine of a queue: the same rate and breaker, over the event transport unless the pool is asked for.

        Through a proxy, and when nothing is sent at all, there is only the one transport.
        """
        engine = self.running()
        level: Priority = "event" if priority == "live" else "background"
        if transport == "pool" or self.proxy is not None or not self.enabled:
            return engine.over(priority=level)
        if self._events_engine is None:
            self._events_engine = engine.over(EventTransport(self.origin, self, **self._connections()))
        return self._events_engine.over(priority=level)

    def check_place(self) -> None:
        """WrongLoop or Forked unless this is the loop and the process that opened the client."""
        if self._loop is None:
            return
        if self._process is not _process.current_process:
            raise Forked("this client was opened before a fork; make one in the child")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is not self._loop:
            raise in_another_loop("client", "run")

    def _open(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise WrongLoop("a client needs a running event loop of asyncio's (trio is not supported)") from None
        uniform = random.uniform
        limiter = Limiter(
            self.limits.concurrency,
            pacer=Pacer(ceiling=self.limits.rate, uniform=uniform),
            breaker=Breaker(uniform),
            loop=loop,
            on_throttle=self._throttled,
        )
        self._engine = Engine(
            self._transport(),
            limiter,
            total=self.timeouts.total,
            clock=loop.time,
            wall=self.wall,
            sleep=self.pause,
            uniform=uniform,
            reports=self.reports.attempts(self.origin, self.wall),
            outages=self.reports.outages(loop.time),
            credentials=self,
        )
        self._loop = loop
        self._closing = loop.create_future()
        self._process = _process.current_process
        _process.own_selector_after_fork(loop)

    async def pause(self, seconds: float) -> None:
        """Return after so many seconds, or when the client closes."""
        if self._closing is None:
            raise AssertionError("nothing waits for a client that was never opened")
        await asyncio.wait({self._closing}, timeout=seconds)

    def rate(self) -> RateState:
        """What is known of the API's rate limit at this moment."""
        state = self.running().limiter.state(wall=self.wall())
        return msgspec.structs.replace(state, away_since=self.reports.away_since)

    def rate_if_open(self) -> RateState | None:
        """The same, from whichever thread; None unless it is open."""
        if self._engine is None or self._closed:
            return None
        state = self._engine.limiter.state(wall=self.wall())
        return msgspec.structs.replace(state, away_since=self.reports.away_since)

    def _throttled(self) -> None:
        self.reports.throttled(self.rate())

    def _waiting(self) -> int:
        """How many events wait in the queues."""
        found = [queue.stats() for queue in self.queues]
        return sum(stats.queued + stats.in_flight + stats.pending for stats in found)

    def _transport(self) -> Transport:
        if not self.enabled:
            return DisabledTransport()
        return DeferredTransport(f"{__package__}.transport.pool", self._pool)

    def _pool(self) -> Transport:
        from .transport.pool import Pool

        return Pool(self.origin, self, proxy=self.proxy, **self._connections())

    def _connections(self) -> Connections:
        """What every transport is built from."""
        return {
            "timeouts": self.timeouts,
            "concurrency": self.limits.concurrency,
            "response_bytes": self.limits.response_bytes,
            "user_agent": USER_AGENT,
            "ssl_context": self.ssl,
        }

    async def aclose(self) -> None:
        """Drain and close the queues, then the connections; safe to call twice.

        Cancelled, or when a queue cannot be closed, it closes the connections all the same.
        """
        self.check_place()
        if self._closed:
            return
        try:
            errors = await self._close_queues()
        finally:
            self._closed = True
            if self._closing is not None and not self._closing.done():
                self._closing.set_result(None)
            engines = [engine for engine in (self._engine, self._events_engine) if engine is not None]
            for engine in engines:
                engine.limiter.close()
                engine.transport.abort()
        for engine in engines:
            await engine.transport.aclose()
        await self.reports.aclose()
        if errors:
            raise errors[0]

    async def _close_queues(self) -> list[Exception]:
        """Close every queue, also when one of them cannot be closed; the errors of those that cannot."""
        errors: list[Exception] = []
        while self.queues:
            try:
                await self.queues.pop().aclose()
            except Exception as error:
                errors.append(error)
        return errors

    def __del__(self) -> None:
        if self._engine is not None and not self._closed and self._process is _process.current_process:
            which = "a Hellotext client" if self.name is None else f"the Hellotext client {self.name!r}"
            warnings.warn(
                f"{which}, made at {self.created_at}, was not closed: use `async with` or `await client.aclose()`",
                ResourceWarning,
                stacklevel=2,
            )


class CallSender:
    """Sends calls through a core with the options of one view."""

    def __init__(self, core: Core, options: Options) -> None:
        self._core = core
        self._options = options

    async def send(self, call: Call[T], /) -> T:
        """The answer to `call`, or the error that it ended in."""
        return await _calls.send(self._core.running(), self._core.keyed(call), self._options)

    async def pause(self, seconds: float, /) -> None:
        """Return after so many seconds, or when the client closes."""
        await self._core.pause(seconds)
