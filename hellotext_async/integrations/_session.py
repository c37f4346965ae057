"""The visitor's Hellotext session in a request: by query, then by cookie; remembered as a cookie.

A visitor who comes from a message has it in the URL; the vendor's JavaScript keeps it in the cookie.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .._log import logger

__all__ = ["SESSION", "VisitorSessionMiddleware", "remember_session", "session_of"]

SESSION: Final = "hello_session"
"""The name of the query parameter and of the cookie, as the vendor's JavaScript has it."""
SESSION_AGE: Final = 400 * 24 * 3600
"""Seconds that the cookie is kept: browsers keep none for longer."""
_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

_log = logger("hellotext_async.web")


def session_of(connection: HTTPConnection) -> tuple[str | None, bool]:
    """The visitor's Hellotext session, and whether it came by query and is to be remembered.

    The query parameter ``hello_session`` goes first, then the cookie of that name. Raises ValueError for a query
    parameter that is no session's id; such a cookie counts as none.
    """
    asked = connection.query_params.get(SESSION)
    if asked:
        if not _SESSION.fullmatch(asked):
            raise ValueError(f"{SESSION}: expected 1 to 64 letters, digits, '_' or '-'")
        return asked, connection.cookies.get(SESSION) != asked
    kept = connection.cookies.get(SESSION)
    return (kept, False) if kept and _SESSION.fullmatch(kept) else (None, False)


def remember_session(response: Response, session: str, *, secure: bool = True) -> None:
    """Set the cookie by which the visitor's next requests have the session. The vendor's JavaScript reads it too."""
    response.set_cookie(SESSION, session, max_age=SESSION_AGE, path="/", secure=secure, samesite="lax")


class VisitorSessionMiddleware:
    """Has the session of every request as ``request.state.hellotext_session``, and remembers one that came by query.

    A query parameter that is no session's id counts as none: a page is shown all the same.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            session, new = session_of(HTTPConnection(scope))
        except ValueError as error:
            _log.info("a request's session is ignored: %s", error)
            session, new = None, False
        scope.setdefault("state", {})["hellotext_session"] = session

        async def remember(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if not any(value.startswith(f"{SESSION}=") for value in headers.getlist("set-cookie")):
                    headers.append("set-cookie", _cookie(session or "", secure=scope["scheme"] == "https"))
            await send(message)

        await self.app(scope, receive, remember if new else send)


def _cookie(session: str, *, secure: bool) -> str:
    response = Response()
    remember_session(response, session, secure=secure)
    return response.headers["set-cookie"]
