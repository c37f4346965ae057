"""Values that describe an operation: a `Call` in the API's terms, a `Request` and its `Reply` in HTTP's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EVENTS_PATH", "Call", "Idempotency", "Reply", "Request", "Sends", "is_unsent", "mark_unsent"]

T = TypeVar("T")

EVENTS_PATH: Final = "/v1/attribution/events"
"""Where calls and queue send events."""

Idempotency = Literal["safe", "idempotent", "non_idempotent", "at_most_once"]
"""RFC 9110's words for what a second application does: nothing, nothing more, harm; `at_most_once` is never retried
once a byte has left. The table of what is retried is `_policy/retry_policy.py`."""


Headers = tuple[tuple[str, str], ...]
"""Pairs of name and value."""

Missing = Literal["", "cut off", "too large", "unreadable"]
"""Why the body of a reply is incomplete; empty if it is complete."""


@dataclass(frozen=True, slots=True, repr=False)
class Call(Generic[T]):
    """One operation of the API.

    `path` is quoted already. Values of `query` that are None are left out. `body` is plain values, or
    encoded JSON. `if_missing` is the answer when a retry of this call gets a 404: the first attempt
    did it (a DELETE). With `lenient`, a 2xx whose body cannot be read is answered by ``returns()``. `key`
    is what makes a repeat recognisable, if the client sends idempotency keys. `headers` are sent besides
    (or instead of) those of every request.
    """

    method: str
    path: str
    returns: type[T]
    idempotency: Idempotency
    query: Mapping[str, str | int | None] | None = None
    body: Mapping[str, object] | msgspec.Raw | None = None
    if_missing: T | None = None
    lenient: bool = False
    key: str | None = None
    headers: Headers = ()

    def __repr__(self) -> str:
        """Without the body and the query, which hold a customer's data."""
        return f"Call({self.method} {self.path})"


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request: `target` is path and query, `body` is JSON or None.

    `headers` are its own, besides those that every request has; an ``Authorization`` replaces theirs.
    """

    method: str
    target: str
    body: bytes | None = None
    headers: Headers = ()

    def __repr__(self) -> str:
        """Without the body and the query."""
        return f"Request({self.method} {self.target.partition('?')[0]})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("method", self.method), ("path", self.target.partition("?")[0])]


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One HTTP reply whose status line was read; `missing` says why a body is incomplete.

    `headers` are pairs, or the bytes that begin with the reply's head: most replies' headers are never read.
    """

    status: int
    headers: tuple[tuple[str, str], ...] | bytes = ()
    body: bytes = b""
    missing: Missing = ""

    def pairs(self) -> Headers:
        """Every header, in order."""
        return _pairs(self.headers) if isinstance(self.headers, bytes) else self.headers

    def header(self, name: str) -> tuple[str, ...]:
        """Every value of the header `name` (lower case), in order."""
        return tuple(value for key, value in self.pairs() if key.lower() == name)

    def __repr__(self) -> str:
        """Without the body and the headers."""
        return f"Reply({self.status}{', ' + self.missing if self.missing else ''})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("status", self.status), ("missing", self.missing)]


def _pairs(data: bytes) -> Headers:
    """The headers of the head that `data`, which a parser took for HTTP, begins with."""
    head = data.lstrip().partition(b"\r\n\r\n")[0].decode("latin-1")
    lines = (line.partition(":") for line in head.split("\r\n")[1:])
    return tuple((name, value.strip()) for name, _, value in lines)


def mark_unsent(error: BaseException) -> None:
    """Note on the exception that ends an exchange that no byte of its request was written.

    An attribute, not a subclass: asyncio.timeout turns only a plain CancelledError into TimeoutError.
    """
    error.__dict__["_hellotext_unsent"] = True


def is_unsent(error: BaseException) -> bool:
    """Whether no byte was written before `error`, a cancellation perhaps; if not, the request may have been sent."""
    return "_hellotext_unsent" in error.__dict__


class Sends(Protocol):
    """What a family of resources needs from the engine."""

    async def send(self, call: Call[T], /) -> T:
        """The answer to `call`; raises HellotextError."""
        ...

    async def pause(self, seconds: float, /) -> None:
        """Return after so many seconds, or when the client closes."""
        ...
