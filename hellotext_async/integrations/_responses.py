"""Errors of this package as responses of a web application.

Rules. A body has the ``detail`` that FastAPI's errors have, and nothing that the API wrote. An error of the
set-up (ConfigurationError, ClientClosed, WrongLoop, Forked) is the application's own, and stays a 500.
"""

from __future__ import annotations

import math
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import errors
from .._log import logger

__all__ = ["STATUSES", "add_hellotext_handlers"]

_log = logger("hellotext_async.web")

STATUSES: Final[dict[type[errors.HellotextError], int]] = {
    errors.InvalidParameter: 422,
    errors.ValidationFailed: 422,
    errors.NotFound: 404,
    errors.SessionConflict: 409,
    errors.RateLimited: 503,
    errors.QueueFull: 503,
    errors.QueueClosed: 503,
    errors.SpoolError: 503,
    errors.NotSent: 503,
    errors.OutcomeUnknown: 504,
    errors.APIError: 502,
}
"""What a request of the application is answered with when such an error ends it."""
RETRY_AFTER: Final = 1
"""Seconds after which a client of the application may try again, when nothing better is known."""


def add_hellotext_handlers(app: Starlette) -> None:
    """Answer requests that an error of ours ends: 422, 404, 409, 502, 503 (with Retry-After) or 504, with JSON.

    The body has the ``detail`` that FastAPI's errors have, and nothing that the API wrote.
    """
    for kind in STATUSES:
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    status = next(status for kind, status in STATUSES.items() if isinstance(error, kind))
    if status >= 500:
        _log.warning("answered %d: %s", status, error)
    headers = {"Retry-After": str(_retry_after(error))} if status == 503 else None
    return JSONResponse({"detail": _detail(error, status)}, status, headers)


def _retry_after(error: Exception) -> int:
    wait = error.retry_after if isinstance(error, errors.RateLimited) else None
    return max(RETRY_AFTER, math.ceil(wait or 0))


def _detail(error: Exception, status: int) -> str | list[dict[str, Any]]:
    if isinstance(error, errors.InvalidParameter):
        return [{"type": "invalid_parameter", "loc": ["hellotext", error.parameter], "msg": error.problem}]
    if isinstance(error, errors.ValidationFailed):
        return [{"type": "refused_by_hellotext", "loc": ["hellotext"], "msg": str(one)} for one in error.errors]
    return _SAID[status]


_SAID: Final = {
    404: "not found in Hellotext",
    409: "the session belongs to another profile",
    422: "refused by Hellotext",
    502: "Hellotext could not be used",
    503: "Hellotext cannot be reached at present",
    504: "Hellotext did not answer in time",
}
