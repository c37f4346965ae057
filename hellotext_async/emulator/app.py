"""`Emulator`: the emulated API as an HTTP server on loopback."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote
from weakref import WeakKeyDictionary

import msgspec
from aiohttp import web

from .faults import Fault, Faults
from .forms import body_of, query_of
from .history import History, Seen, redacted
from .limits import Limiter, RateLimit, retry_after
from .refusal import Refusal, refuse
from .routes import PUBLIC, answer
from .store import Store

__all__ = ["Emulator", "serve"]

Reply = tuple[int, bytes, dict[str, str]]
_JSON = "application/json; charset=utf-8"
_encode = msgspec.json.Encoder().encode
_AT_ONCE = 0.01
"""Seconds that closing gives a request in progress; aiohttp takes 0 for as long as it likes."""


class Emulator:
    """The API of one business: ``async with Emulator() as emulator``, then use ``emulator.url``.

    `rate_limit` can be replaced while it runs. `requests` holds the newest `history` requests,
    `events` the accepted events as dicts, `counts` how many of each action, `statuses` how many
    answers of each status. `faults` are what it is to do wrong. Nothing leaves loopback.
    """

    def __init__(
        self,
        port: int = 0,
        token: str = "test-token",
        business_id: str = "test-business",
        rate_limit: RateLimit | None = None,
        *,
        history: int = 100_000,
        keep_events: bool = True,
    ) -> None:
        self.token = token
        self.business_id = business_id
        self.store = Store(keep_events=keep_events)
        self.faults = Faults()
        self.requests = History(history)
        self.rate_limit = rate_limit
        self._port = port
        self._runner: web.ServerRunner | None = None
        self._numbers: WeakKeyDictionary[asyncio.Transport, int] = WeakKeyDictionary()
        self._number = itertools.count(1)

    @property
    def rate_limit(self) -> RateLimit | None:
        """The limit that is imposed, if any."""
        return self._rate_limit

    @rate_limit.setter
    def rate_limit(self, limit: RateLimit | None) -> None:
        self._rate_limit = limit
        self._limiter: Limiter | None = None if limit is None else limit.limiter()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The accepted events, in order."""
        return self.store.events

    @property
    def counts(self) -> Counter[str]:
        """How many events of each action were accepted."""
        return self.store.counts

    @property
    def statuses(self) -> Counter[int]:
        """How many requests were answered with each status."""
        return self.requests.counts

    async def start(self) -> Self:
        """Listen."""
        server = web.Server(self._handle, access_log=None, keepalive_timeout=75, lingering_time=0)
        self._runner = web.ServerRunner(server, shutdown_timeout=_AT_ONCE)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024).start()
        except OSError:
            await self.aclose()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def aclose(self) -> None:
        """Stop at once, whoever is connected; `start` goes on with the same state on the same port."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # One request.

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = self._note(request)
        fault = self.faults.meet(seen.method, seen.path) if self.faults else None
        try:
            if fault is not None:
                return await self._answer_badly(fault, request, seen)
            return _response(*await self._reply(request, seen))
        except ConnectionError:  # the client has gone
            return _drop(request)

    def _note(self, request: web.BaseRequest) -> Seen:
        path, now = request.raw_path.partition("?")[0], asyncio.get_running_loop().time()
        plain = unquote(path) if "%" in path else path
        seen = Seen(request.method, plain, {}, {}, None, now, self._number_of(request.transport))
        if self.requests.maxlen:
            seen.headers = redacted(request.headers)
            self.requests.append(seen)
        return seen

    def _number_of(self, connection: asyncio.Transport | None) -> int:
        number = 0 if connection is None else self._numbers.get(connection)
        if number is None and connection is not None:
            number = self._numbers[connection] = next(self._number)
        return number or 0

    async def _reply(self, request: web.BaseRequest, seen: Seen, *, instead: Refusal | None = None) -> Reply:
        """The answer to a request, or a fault's `instead` of it."""
        path, _, query = request.raw_path.partition("?")
        try:
            raw = await _body(request)
            self._authorize(request, path)
            seen.query = query_of(query) if query else {}
            seen.body = body_of(raw, request.headers.get("Content-Type", ""))
            if instead is not None:
                raise instead
            self._throttle(seen.at)
            status, told = answer(self.store, seen.method, path, seen.query, seen.body)
            headers: dict[str, str] = {}
        except Refusal as refusal:
            status, told, headers = refusal.status, refusal.body, refusal.headers
        seen.status = status
        self.requests.counts[status] += 1
        return status, _encode(told), headers

    def _authorize(self, request: web.BaseRequest, path: str) -> None:
        wanted = self.business_id if path in PUBLIC else self.token
        if request.headers.get("Authorization", "") != f"Bearer {wanted}":
            raise refuse("invalid", "token", status=401)

    def _throttle(self, now: float) -> None:
        if self._rate_limit is not None and self._limiter is not None:
            wait = self._limiter.admit(now)
            if wait is not None:
                headers = retry_after(self._rate_limit, wait, time.time())
                raise refuse("rate_limited", status=429, headers=headers)

    # Doing it wrong.

    async def _answer_badly(self, fault: Fault, request: web.BaseRequest, seen: Seen) -> web.StreamResponse:
        if fault.kind == "drop_before":
            return _drop(request)
        if fault.kind == "delay":
            await asyncio.sleep(fault.delay or 0.1)
        instead = _status_of(fault) if fault.kind == "status" else None
        status, body, headers = await self._reply(request, seen, instead=instead)
        if fault.kind == "drop_after":
            return _drop(request)
        if fault.kind == "drip":
            return await _drip(request, status, body, fault.delay or 0.05)
        if fault.kind in ("garbage", "truncate"):
            return _spoil(request, fault.kind, status, body)
        return _response(status, body, headers)


async def _body(request: web.BaseRequest) -> bytes:
    try:
        return await request.read()
    except web.RequestPayloadError:
        raise refuse("invalid", "body", status=400, headers={"Connection": "close"}) from None
    except web.HTTPRequestEntityTooLarge:
        async for _ in request.content.iter_any():
            pass  # or the client would be cut off before it reads the answer
        raise refuse("too_large", "body", status=413) from None


def _response(status: int, body: bytes, headers: dict[str, str]) -> web.Response:
    return web.Response(status=status, body=body, headers={"Content-Type": _JSON, **headers})


def _status_of(fault: Fault) -> Refusal:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return refuse("fault", status=fault.status or 500, headers=headers)


async def _drip(request: web.BaseRequest, status: int, body: bytes, pause: float) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers={"Content-Type": _JSON, "Content-Length": str(len(body))})
    await response.prepare(request)
    for place in range(len(body)):
        await response.write(body[place : place + 1])
        await asyncio.sleep(pause)
    await response.write_eof()
    return response


def _drop(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _spoil(request: web.BaseRequest, kind: str, status: int, body: bytes) -> web.Response:
    if request.transport is not None:
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: {_JSON}\r\nContent-Length: {len(body) + 100}\r\n\r\n"
        half = head.encode() + body[: len(body) // 2]
        request.transport.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n" if kind == "garbage" else half)
        request.transport.close()
    return web.Response()


async def serve(emulator: Emulator, stop: asyncio.Event) -> None:
    """Run `emulator` until `stop` is set."""
    async with emulator:
        await stop.wait()
