"""`Inspector`: the routes of the page, its feed and its switches.

Rules. Its own requests are neither recorded nor limited nor broken by faults. It shows what the
history keeps, which holds no token.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from ..api import EmulatedApi
from ..faults import Fault, Kind
from ..limits import RateLimit
from ..refusal import Refusal, not_found, refuse
from . import views
from .feed import feed
from .guard import is_allowed

__all__ = ["Inspector"]

PREFIX = "/_inspector/"
_ASSETS = Path(__file__).parent / "assets"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class FaultRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A fault to queue."""

    kind: Kind
    match: str = "POST /v1/attribution/events"
    times: int | None = 1
    status: int | None = None
    retry_after: float | None = None
    delay: float | None = None


class LimitRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A limit to impose; None for no limit."""

    rate: float | None = None
    burst: float = 1


class Inspector:
    """Serves the page of one emulator; `loopback`: it is reachable there only."""

    def __init__(self, api: EmulatedApi, *, loopback: bool) -> None:
        self._api = api
        self._loopback = loopback

    def serves(self, request: web.BaseRequest) -> bool:
        """Whether the request is for the page. One with a token is for the API."""
        path = request.raw_path.partition("?")[0]
        at_root = path == "/" and request.method in ("GET", "HEAD") and "Authorization" not in request.headers
        return at_root or path.startswith(PREFIX)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of the page."""
        if not is_allowed(request.method, request.headers, loopback=self._loopback):
            return _json({"errors": [{"type": "forbidden", "message": "Not from this page."}]}, 403)
        path = request.raw_path.partition("?")[0].removeprefix(PREFIX)
        try:
            if request.method not in ("GET", "HEAD"):
                return _json(self._change(request.method, path, await request.read()))
            if path == "stream":
                return await self._stream(request)
            if path.startswith(("requests/", "profiles")):
                return _json(self._show(path, request))
            return _asset("page.html" if path == "/" else path)
        except Refusal as refusal:
            return _json(refusal.body, refusal.status)

    def _show(self, path: str, request: web.BaseRequest) -> object:
        kind, _, id = path.partition("/")
        if kind == "profiles":
            return views.profile(self._api, id) if id else views.profiles(self._api, request.rel_url.query.get("q", ""))
        seen = self._api.requests.find(int(id)) if id.isascii() and id.isdecimal() and len(id) < 19 else None
        if seen is None:
            raise not_found("number")
        return views.detail(seen, self._api.store.now())

    def _change(self, method: str, path: str, body: bytes) -> object:
        change = self._changes().get((method, path))
        if change is None:
            raise not_found()
        try:
            change(body)
        except (msgspec.DecodeError, ValueError, TypeError) as error:
            raise refuse(str(error), status=422) from None
        return views.settings(self._api)

    def _changes(self) -> dict[tuple[str, str], Callable[[bytes], Any]]:
        return {
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): lambda _: self._api.faults.clear(),
            ("POST", "limit"): self._set_limit,
            ("DELETE", "requests"): lambda _: self._api.requests.clear(),
        }

    def _add_fault(self, body: bytes) -> None:
        wanted = msgspec.json.decode(body, type=FaultRequest)
        self._api.faults.add(Fault(**msgspec.structs.asdict(wanted)))

    def _set_limit(self, body: bytes) -> None:
        wanted = msgspec.json.decode(body, type=LimitRequest)
        self._api.rate_limit = None if wanted.rate is None else RateLimit(wanted.rate, wanted.burst)

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        if request.method == "GET":
            with contextlib.suppress(ConnectionError):  # the page was closed
                async for message in feed(self._api):
                    await response.write(message)
        return response


def _json(content: object, status: int = 200) -> web.Response:
    headers = {**_HEADERS, "Content-Type": "application/json; charset=utf-8"}
    return web.Response(status=status, body=msgspec.json.encode(content), headers=headers)


def _asset(name: str) -> web.Response:
    file = _ASSETS / name
    if file.parent != _ASSETS or file.suffix not in _TYPES or not file.is_file():
        raise not_found()
    headers = {**_HEADERS, "Content-Type": f"{_TYPES[file.suffix]}; charset=utf-8"}
    return web.Response(body=file.read_bytes(), headers=headers)
