"""Encode a call as an HTTP request; every attempt sends the same bytes."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from .call import Call, Request
from .params import encode, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["key_of", "request_of"]

T = TypeVar("T")

_KEY: Final = re.compile(r"[!-~]{1,255}")


def request_of(call: Call[T]) -> Request:
    """`call` as HTTP: the query in the target, the body as JSON."""
    headers = call.headers if call.key is None else (*call.headers, ("Idempotency-Key", key_of(call.key)))
    return Request(call.method, call.path + _query(call.query), _written(call.body), headers)


def key_of(text: str) -> str:
    """`text` as the value of an Idempotency-Key: itself if a header can carry it, else its digest."""
    return text if _KEY.fullmatch(text) else sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _written(body: Mapping[str, object] | msgspec.Raw | None) -> bytes | None:
    if body is None:
        return None
    return bytes(body) if isinstance(body, msgspec.Raw) else encode(body)


def _query(query: Mapping[str, str | int | None] | None) -> str:
    given = {key: plain(value, key) for key, value in (query or {}).items() if value is not None}
    return f"?{urlencode(given)}" if given else ""  # which writes what `str()` says: an enum's is its member's name
