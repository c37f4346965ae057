"""`Emulator`: the emulated API as an HTTP server on loopback, in the running loop or in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from .api import EmulatedApi
from .expect import check_absent, check_tracked
from .inspector import Inspector
from .inspector.guard import is_loopback
from .limits import RateLimit
from .thread import served_in_thread

__all__ = ["Emulator", "serve"]

_AT_ONCE = 0.01
"""Seconds that closing gives a request in progress; for aiohttp, 0 means no bound."""


class Emulator(EmulatedApi):
    """The API of one business: ``async with Emulator() as emulator``, then use ``emulator.url``.

    `rate_limit` can be replaced while it runs. `requests` holds the newest `history` requests,
    `events` the accepted events as dicts, `counts` how many of each action, `statuses` how many
    answers of each status. `faults` are the failures to emulate. It listens on `host` (loopback) and
    `port` (0: a free one). Everything but changes of `store` may be used from any thread; for those,
    see `Store.lock`.
    """

    def __init__(
        self,
        port: int = 0,
        token: str = "test-token",
        business_id: str = "test-business",
        rate_limit: RateLimit | None = None,
        *,
        host: str = "127.0.0.1",
        history: int = 100_000,
        keep_events: bool = True,
    ) -> None:
        if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError("port: expected a number from 0 to 65535")
        super().__init__(token, business_id, rate_limit, history, keep_events=keep_events)
        self._host = host
        self._port = port
        self._inspector = Inspector(self, loopback=is_loopback(host))
        self._runner: web.ServerRunner | None = None
        self._handling: set[asyncio.Task[Any] | None] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def in_thread(
        cls,
        port: int = 0,
        token: str = "test-token",
        business_id: str = "test-business",
        rate_limit: RateLimit | None = None,
        *,
        host: str = "127.0.0.1",
        history: int = 100_000,
        keep_events: bool = True,
    ) -> AbstractContextManager[Self]:
        """An emulator that serves from a thread of its own: ``with Emulator.in_thread() as emulator``.

        It needs no event loop, so plain tests, frameworks' test clients and several loops can use it.
        """
        made = cls(port, token, business_id, rate_limit, host=host, history=history, keep_events=keep_events)
        return served_in_thread(made)

    @property
    def url(self) -> str:
        """Where clients reach it."""
        host = self._host
        if host in ("", "0.0.0.0"):
            host = "127.0.0.1"
        elif host == "::":
            host = "::1"
        return f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"

    # Its life.

    async def start(self) -> Self:
        """Listen; after `aclose`, again on the same port with the same state.

        Raises OSError if the address cannot be used.
        """
        await self._in_own_loop(self._start())
        return self

    async def aclose(self) -> None:
        """Stop at once and close every connection. An emulator in a thread may be stopped from any loop."""
        await self._in_own_loop(self._stop())

    async def _in_own_loop(self, action: Coroutine[Any, Any, None]) -> None:
        """Run in the loop that serves, if that is another running one."""
        loop = self._loop
        if loop is None or loop is asyncio.get_running_loop() or not loop.is_running():
            await action
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(action, loop))

    async def _start(self) -> None:
        server = web.Server(self._dispatch, access_log=None, keepalive_timeout=75, lingering_time=0)
        runner = web.ServerRunner(server, shutdown_timeout=_AT_ONCE)
        self._runner, self._loop = runner, asyncio.get_running_loop()
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, backlog=1024).start()
        except OSError:
            await self._stop()
            raise
        self._port = runner.addresses[0][1]

    async def _dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        self._handling.add(task)
        try:
            if self._inspector.serves(request):
                return await self._inspector.handle(request)
            return await self.handle(request)
        finally:
            self._handling.discard(task)

    async def _stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        for task in (left := [task for task in self._handling if task is not None]):
            task.cancel()  # its client went away, and aiohttp lets it go on
        await asyncio.gather(*left, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # Assertions.

    def assert_tracked(
        self, action: str, /, *, times: int | None = None, within: float | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Assert that an event of `action` with these `fields` was accepted, and return the first one.

        Objects match if they contain what is given; a field given as None matches if it is absent.
        `times` asks for exactly so many. `within` waits so many seconds for it, for an application
        that delivers in another thread; in the emulator's own loop use ``await queue.flush()``.

        Raises AssertionError that names the nearest events and the refused ones.
        """
        __tracebackhide__ = True
        return check_tracked(self, action, fields, times=times, timeout=self._may_wait(within))

    def assert_not_tracked(self, action: str | None = None, /, **fields: Any) -> None:
        """Assert that no event of `action` (None: of any) with these `fields` was accepted."""
        __tracebackhide__ = True
        check_absent(self, action, fields)

    def _may_wait(self, timeout: float | None) -> float:
        if timeout is None:
            return 0.0
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is not None and here is self._loop:
            raise RuntimeError("within: this would block the emulator's own loop; use `await queue.flush()`")
        return timeout


async def serve(emulator: Emulator, stop: asyncio.Event) -> None:
    """Run `emulator` until `stop` is set."""
    async with emulator:
        await stop.wait()
