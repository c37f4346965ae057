"""`EmulatedApi`: answers one HTTP request at a time, with the faults and the rate limit that are set."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from typing import Any
from urllib.parse import unquote
from weakref import WeakKeyDictionary

import msgspec
from aiohttp import web

from .broken import JSON, drip, drop, spoil, status_of
from .faults import Fault, Faults
from .forms import body_of, query_of
from .history import History, Seen, redacted
from .idempotency import KeyedAnswers
from .limits import Many, RateLimit, retry_after
from .refusal import Refusal, refuse
from .routes import PUBLIC, answer
from .store import Store
from .traffic import Traffic

__all__ = ["EmulatedApi"]

Reply = tuple[int, bytes, dict[str, str]]
_encode = msgspec.json.Encoder().encode
LONGEST_ANSWER = 65_536
"""Bytes of an answer that the history keeps."""


class EmulatedApi:
    """The API of one business, without a socket. With `idempotency_keys` it applies what has the same key once."""

    def __init__(self, token: str, business_id: str, rate_limit: RateLimit | None, history: int, *, keep_events: bool):
        for name, value in (("token", token), ("business_id", business_id)):
            if not isinstance(value, str) or not value:  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ValueError(f"{name}: expected a text that is not empty")
        self.token = token
        self.business_id = business_id
        self.store = Store(keep_events=keep_events)
        self.faults = Faults()
        self.requests = History(history)
        self.traffic = Traffic()
        self.instance = time.time_ns()
        self.rate_limit = rate_limit
        self.idempotency_keys = False
        self._keyed = KeyedAnswers()
        self._numbers: WeakKeyDictionary[asyncio.Transport, int] = WeakKeyDictionary()
        self._number = itertools.count(1)
        self._request_ids = itertools.count(1)

    @property
    def rate_limit(self) -> RateLimit | None:
        """The limit that is imposed, if any; a new one starts full."""
        limited = self._limited
        return None if limited is None else limited[0]

    @rate_limit.setter
    def rate_limit(self, limit: RateLimit | None) -> None:
        if limit is not None and not isinstance(limit, RateLimit):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError("rate_limit: expected None or a RateLimit")
        self._limited: tuple[RateLimit, Many] | None = None if limit is None else (limit, Many(limit))

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

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        seen = self._note(request)
        fault = self.faults.match(seen.method, seen.path) if self.faults else None
        try:
            if fault is not None:
                return await self._answer_with(fault, request, seen)
            return _response(*await self._reply(request, seen))
        except ConnectionError:  # the client has disconnected
            return drop(request)

    def _note(self, request: web.BaseRequest) -> Seen:
        path, now = request.raw_path.partition("?")[0], time.monotonic()
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
        headers: dict[str, str] = {}
        try:
            raw = await _body(request)
            self._authorize(request, path)
            seen.query = query_of(query) if query else {}
            seen.body = body_of(raw, request.headers.get("Content-Type", ""))
            if instead is not None:
                raise instead
            self._throttle(seen)
            with self.store.lock:
                status, found = self._answer(request, raw, seen, path)
                body = _encode(found)
        except Refusal as refusal:
            status, body, headers = refusal.status, _encode(refusal.body), refusal.headers
        self._record(seen, status, body)
        return status, body, {"X-Request-Id": f"request-{next(self._request_ids)}", **headers}

    def _answer(self, request: web.BaseRequest, raw: bytes, seen: Seen, path: str) -> tuple[int, Any]:
        def make() -> tuple[int, Any]:
            return answer(self.store, seen.method, path, seen.query, seen.body, request.headers)

        key = request.headers.get("Idempotency-Key") if self.idempotency_keys else None
        return make() if key is None else self._keyed.answer(seen.method, path, key, raw, make)

    def _record(self, seen: Seen, status: int, body: bytes) -> None:
        with self.store.lock:
            if self.requests.maxlen:
                seen.answer = body if len(body) <= LONGEST_ANSWER else b""
            seen.status = status
            self.requests.counts[status] += 1
            self.traffic.count(status, time.monotonic())
            self.store.lock.notify_all()

    def _authorize(self, request: web.BaseRequest, path: str) -> None:
        wanted = self.business_id if path.startswith(PUBLIC) else self.token
        if request.headers.get("Authorization", "") != f"Bearer {wanted}":
            raise refuse("invalid", "token", status=401)

    def _throttle(self, seen: Seen) -> None:
        limited = self._limited
        if limited is not None and limited[0].concerns(f"{seen.method} {seen.path}"):
            limit, limiters = limited
            wait = limiters.admit(seen.at, limit.key(f"{seen.method} {seen.path}", seen.body))
            if wait is not None:
                raise refuse("rate_limited", status=429, headers=retry_after(limit, wait, self.store.now()))

    async def _answer_with(self, fault: Fault, request: web.BaseRequest, seen: Seen) -> web.StreamResponse:
        if fault.kind == "drop_before":
            return drop(request)
        if fault.kind == "delay":
            await asyncio.sleep(0.1 if fault.delay is None else fault.delay)
        instead = status_of(fault) if fault.kind == "status" else None
        status, body, headers = await self._reply(request, seen, instead=instead)
        if fault.kind == "drop_after":
            return drop(request)
        if fault.kind == "drip":
            return await drip(request, status, body, 0.05 if fault.delay is None else fault.delay)
        if fault.kind in ("garbage", "truncate"):
            return spoil(request, fault.kind, status, body)
        return _response(status, body, headers)


async def _body(request: web.BaseRequest) -> bytes:
    try:
        return await request.read()
    except web.RequestPayloadError:
        raise refuse("invalid", "body", status=400, headers={"Connection": "close"}) from None
    except web.HTTPRequestEntityTooLarge:
        async for _ in request.content.iter_any():
            pass  # or the connection would be reset before the client reads the answer
        raise refuse("too_large", "body", status=413) from None


def _response(status: int, body: bytes, headers: dict[str, str]) -> web.Response:
    return web.Response(status=status, body=body, headers={"Content-Type": JSON, **headers})
