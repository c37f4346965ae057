"""`Emulator`: the emulated API as an HTTP server on loopback."""

# What comes in is JSON of any shape.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import msgspec
from aiohttp import web

from .faults import Fault, Faults
from .forms import body_of, query_of
from .history import History, Seen
from .limits import Limiter, RateLimit, retry_after
from .refusal import Refusal, refuse
from .routes import PUBLIC, answer
from .store import Store

__all__ = ["Emulator", "serve"]

_JSON = "application/json; charset=utf-8"
_encode = msgspec.json.Encoder().encode


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
        self._slow: set[asyncio.Task[Any]] = set()

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
        server = web.Server(self._handle, access_log=None, keepalive_timeout=75)
        self._runner = web.ServerRunner(server, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def aclose(self) -> None:
        """Stop at once, whoever is connected."""
        for task in list(self._slow):
            task.cancel()
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
        if not self.faults:
            return await self._respond(request)
        # A fault may take its time: it is cut off when the emulator closes.
        task = asyncio.current_task()
        if task is not None:
            self._slow.add(task)
        try:
            return await self._respond(request)
        except ConnectionResetError:
            return web.Response()
        finally:
            if task is not None:
                self._slow.discard(task)

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, _, query = request.raw_path.partition("?")
        path = unquote(raw_path) if "%" in raw_path else raw_path
        fault = self.faults.meet(request.method, path) if self.faults else None
        if fault is not None and fault.kind == "drop_before":
            return self._drop(request)
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep(fault.delay or 0.1)
        raw = await request.read()
        seen = self._note(request, path, query)
        if fault is not None and fault.kind == "status":
            status, told, headers = _faulty(fault)
        else:
            status, told, headers = self._answer(request, raw_path, seen, raw)
        seen.status = status
        self.requests.counts[status] += 1
        if fault is not None and fault.kind in ("drop_after", "garbage", "truncate", "drip"):
            return await self._spoil(request, fault, status, told)
        return web.Response(status=status, body=_encode(told), headers={"Content-Type": _JSON, **headers})

    def _note(self, request: web.BaseRequest, path: str, query: str) -> Seen:
        headers = {name: "Bearer …" if name == "Authorization" else value for name, value in request.headers.items()}
        now = asyncio.get_running_loop().time()
        seen = Seen(request.method, path, query_of(query) if query else {}, headers, None, now, id(request.transport))
        self.requests.append(seen)
        return seen

    def _answer(self, request: web.BaseRequest, path: str, seen: Seen, raw: bytes) -> tuple[int, Any, dict[str, str]]:
        try:
            self._authorize(request, path)
            wait = None if self._limiter is None else self._limiter.admit(seen.at)
            if wait is not None and self._rate_limit is not None:
                told = {"errors": [{"type": "rate_limited", "message": "Too many requests.", "parameter": None}]}
                return 429, told, retry_after(self._rate_limit, wait, time.time())
            seen.body = body_of(raw, request.headers.get("Content-Type", ""))
            return *answer(self.store, request.method, _segments(path), seen.query, seen.body), {}
        except Refusal as refusal:
            return refusal.status, refusal.body, {}

    def _authorize(self, request: web.BaseRequest, path: str) -> None:
        given = request.headers.get("Authorization", "")
        wanted = self.business_id if path in PUBLIC else self.token
        if given != f"Bearer {wanted}":
            raise refuse("invalid", "token", status=401)

    # Doing it wrong.

    def _drop(self, request: web.BaseRequest) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _spoil(self, request: web.BaseRequest, fault: Fault, status: int, told: Any) -> web.StreamResponse:
        transport, body = request.transport, _encode(told)
        if transport is None or fault.kind == "drop_after":
            return self._drop(request)
        if fault.kind == "drip":
            return await _drip(request, status, body, fault.delay or 0.05)
        if fault.kind == "garbage":
            transport.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        else:
            head = f"HTTP/1.1 {status} OK\r\nContent-Type: {_JSON}\r\nContent-Length: {len(body) + 100}\r\n\r\n"
            transport.write(head.encode() + body[: len(body) // 2])
        transport.close()
        return web.Response()


def _segments(path: str) -> str:
    """The path decoded, with a slash inside a segment kept apart from those between segments."""
    return "/".join(unquote(part).replace("/", "\x00") for part in path.split("/")) if "%" in path else path


def _faulty(fault: Fault) -> tuple[int, Any, dict[str, str]]:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    status = fault.status or 500
    return status, {"errors": [{"type": "fault", "message": "A fault was asked for.", "parameter": None}]}, headers


async def _drip(request: web.BaseRequest, status: int, body: bytes, pause: float) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers={"Content-Type": _JSON, "Content-Length": str(len(body))})
    await response.prepare(request)
    for place in range(len(body)):
        await response.write(body[place : place + 1])
        await asyncio.sleep(pause)
    await response.write_eof()
    return response


async def serve(emulator: Emulator, stop: asyncio.Event) -> None:
    """Run `emulator` until `stop` is set."""
    async with emulator:
        await stop.wait()
