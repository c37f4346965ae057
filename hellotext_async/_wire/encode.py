"""A call to the request that is written, the same bytes at every attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

import msgspec

from .call import Call, Request
from .params import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["request_of"]

T = TypeVar("T")


def request_of(call: Call[T]) -> Request:
    """`call` as HTTP: the query in the target, the body as JSON."""
    return Request(call.method, call.path + _query(call.query), _written(call.body))


def _written(body: Mapping[str, object] | msgspec.Raw | None) -> bytes | None:
    if body is None:
        return None
    return bytes(body) if isinstance(body, msgspec.Raw) else encode(body)


def _query(query: Mapping[str, str | int | None] | None) -> str:
    given = {key: value for key, value in (query or {}).items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
