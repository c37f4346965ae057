"""A reply as the answer of its call, or as an error."""

from __future__ import annotations

import math
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .. import errors
from .codec import Answer, Undecodable, attach, decode, decode_lenient, request_id_of
from .shapes import is_array, is_object

if TYPE_CHECKING:
    from .call import Call, Reply

__all__ = ["MAX_RETRY_AFTER", "answer", "error_of", "http_date", "retry_after"]

T = TypeVar("T")

MAX_RETRY_AFTER: Final = 3600.0
"""Seconds: a longer Retry-After is taken for this."""

_BY_STATUS: Final[dict[int, type[errors.APIError]]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    408: errors.ServerError,
    422: errors.ValidationFailed,
    425: errors.ServerError,
    429: errors.RateLimited,
}
_ENTRY_KEYS: Final = frozenset({"type", "message", "description"})
_SECONDS: Final = re.compile(r"[+-]?\d{1,18}(?:\.\d*)?")


def answer(call: Call[T], reply: Reply, *, attempts: int = 1) -> T:
    """The answer in a 2xx `reply`. If its body cannot be read, a create raises OutcomeUnknown with `applied=True`."""
    found = _decoded(call, reply)
    if found is not None:
        return found[0]
    if call.if_missing is not None and _says_no_more(reply):
        return call.if_missing
    problem = f"its answer was {reply.missing}" if reply.missing else "its answer is not the documented JSON"
    if call.idempotency in ("non_idempotent", "at_most_once"):
        raise errors.OutcomeUnknown(problem, attempts=attempts, applied=True, request_id=request_id_of(reply))
    raise error_of(reply, attempts=attempts, problem=problem)


def _says_no_more(reply: Reply) -> bool:
    """Whether a complete body has no more to say than its status: none, or JSON without what is documented."""
    try:
        return not reply.missing and (not reply.body or is_object(decode_lenient(reply.body) or {}))
    except Undecodable:
        return False


def _decoded(call: Call[T], reply: Reply) -> tuple[T] | None:
    """The answer that the body of `reply` holds, which may be None; nothing if it cannot be read."""
    try:
        if reply.missing:
            raise Undecodable
        found = decode(reply.body, call.returns) if reply.body else _without_body(call.returns)
    except Undecodable:
        if not call.lenient:
            return None
        found = call.returns()
    if isinstance(found, Answer):
        attach(found, reply)
    return (found,)


def _without_body(kind: type[T]) -> T:
    """A 204, say, as an answer that has nothing it must have, such as that to an event."""
    try:
        return kind() if issubclass(kind, Answer) else decode(b"", kind)
    except TypeError:  # a field is required; or it is no class, but any JSON
        return decode(b"", kind)


def error_of(
    reply: Reply, *, attempts: int = 1, wait: float | None = None, problem: str | None = None
) -> errors.APIError:
    """The error for the status and body of `reply`."""
    kind = _kind(reply.status, throttled=wait is not None)
    if kind is errors.UnexpectedResponse and problem is None:
        problem = "a redirect, which is never followed" if 300 <= reply.status < 400 else "an undocumented status"
    return kind(
        reply.status,
        _details(reply.body),
        request_id=request_id_of(reply),
        attempts=attempts,
        retry_after=wait,
        problem=problem,
    )


def _kind(status: int, *, throttled: bool) -> type[errors.APIError]:
    if status == 503 and throttled:
        return errors.RateLimited
    if status >= 500:
        return errors.ServerError
    return _BY_STATUS.get(status, errors.UnexpectedResponse)


def _details(body: bytes) -> list[errors.ErrorDetail]:
    try:
        body_json = decode_lenient(body)
    except Undecodable:
        return []
    return [_detail(entry) for entry in _entries(body_json)]


def _entries(body_json: Any) -> list[Any]:
    """The error entries of a body: under ``errors`` or ``error``, one or many, nested or not."""
    while is_object(body_json):
        inner = body_json.get("errors") or body_json.get("error")
        if not inner:
            return [body_json] if _ENTRY_KEYS.intersection(body_json) else _by_parameter(body_json)
        body_json = inner
    if is_array(body_json):
        return body_json
    return [body_json] if body_json and isinstance(body_json, str) else []


def _by_parameter(body_json: dict[str, Any]) -> list[Any]:
    """``{"name": ["is taken"]}``: messages by parameter."""
    found = [(name, text) for name, texts in body_json.items() if is_array(texts) for text in texts]
    return [{"parameter": name, "message": text} for name, text in found]


def _detail(entry: Any) -> errors.ErrorDetail:
    if not is_object(entry):
        return errors.ErrorDetail(message=_text(entry))
    return errors.ErrorDetail(
        type=_text(entry.get("type")),
        message=_text(entry.get("message")) or _text(entry.get("description")),
        parameter=_text(entry.get("parameter")) or None,
    )


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, (dict, list)) else str(value)


def retry_after(reply: Reply, *, wall: float) -> float | None:
    """The seconds of a Retry-After, in [0, 3600]; None if there is none that makes sense.

    A date is measured from the reply's own Date header, else from `wall` (Unix seconds). Of
    several headers the longest counts.
    """
    waits = [wait for value in reply.header("retry-after") if (wait := _wait(value.strip(), reply, wall)) is not None]
    return min(max(waits), MAX_RETRY_AFTER) if waits else None


def _wait(value: str, reply: Reply, wall: float) -> float | None:
    if _SECONDS.fullmatch(value):
        return max(0.0, float(value))
    until = http_date(value)
    if until is None:
        return None
    sent = next((at for date in reply.header("date") if (at := http_date(date)) is not None), wall)
    wait = until - sent
    return max(0.0, wait) if math.isfinite(wait) else None


def http_date(value: str) -> float | None:
    """A date of HTTP, in any of its three forms, as Unix seconds. One without a zone (asctime's) is in GMT too."""
    try:
        moment = parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
