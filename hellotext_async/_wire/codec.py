"""Bytes to answers, tolerantly: what the API adds, leaves out or bends never breaks a program.

Rules. Decode typed at full speed; only when that fails read the JSON as it is, take out what the
types cannot hold (a field falls back to its default, a list loses the element) and convert the
rest. The reply as it came stays reachable through ``answer.raw``. No answer shows its content in
a repr: it is a customer's data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Self, TypeAlias, TypeVar, cast

import msgspec

from .call import Headers, Reply
from .kinds import decoder
from .mend import Misfit, mended
from .shapes import is_array

__all__ = [
    "Answer",
    "Moment",
    "Record",
    "Response",
    "Told",
    "Undecodable",
    "attach",
    "decode",
    "loosely",
    "remember",
    "request_id_of",
]

T = TypeVar("T")

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment of the API's: Unix seconds on the wire, an aware datetime here."""

_REQUEST_IDS: Final = ("x-request-id", "request-id", "cf-ray")
_BOM: Final = b"\xef\xbb\xbf"
_ANYTHING: Final[Any] = Any


class Undecodable(Exception):
    """The bytes are not what the type says, beyond repair."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an answer, with the API's own names; its repr shows the id and no more."""

    def to_dict(self) -> dict[str, Any]:
        """The record in the form the API documents: its own keys, times as Unix seconds."""
        pairs = zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True)
        return {key: _documented(getattr(self, name)) for key, name in pairs}

    def __repr__(self) -> str:
        found: object = getattr(self, "id", None)
        return f"{type(self).__name__}({f'id={found!r}' if found else '…'})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", getattr(self, "id", "…"))]


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The HTTP side of an answer: its `status`, its `headers`, and the server's `request_id` of the exchange."""

    status: int
    headers: Headers = ()
    request_id: str | None = None

    def __repr__(self) -> str:
        return f"Response({self.status}, request_id={self.request_id!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("status", self.status), ("request_id", self.request_id)]


class Answer(Record, frozen=True, kw_only=True, dict=True):
    """What the API answered, as a frozen struct."""

    @property
    def raw(self) -> Any:
        """The JSON as it came, with the fields that this version does not know.

        None if this is neither the answer to a call nor an item of a page (or if it is nested too
        deeply for where it is asked). For this an answer holds on to the bytes of its reply, an
        item of a page to those of the page.
        """
        told: Callable[[], Any] | None = vars(self).get("_told")
        try:
            return None if told is None else told()
        except Undecodable:
            return None

    @property
    def response(self) -> Response | None:
        """Status and headers of the reply that this is; None for an item of a page, and for what was pickled."""
        reply: Reply | None = vars(self).get("_reply")
        if reply is None:
            return None
        return Response(status=reply.status, headers=reply.pairs(), request_id=request_id_of(reply))

    @property
    def request_id(self) -> str | None:
        """The server's id of the exchange, which its support asks for; None if it gave none."""
        reply: Reply | None = vars(self).get("_reply")
        return None if reply is None else request_id_of(reply)

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return _restored, (type(self), fields, self.raw)


def _restored(kind: Callable[..., Answer], fields: dict[str, Any], raw: Any) -> Answer:
    answer = kind(**fields)
    if raw is not None:
        remember(answer, lambda: raw)
    return answer


def remember(answer: Answer, told: Callable[[], Any]) -> None:
    """`told` gives the `raw` of `answer` when it is asked for."""
    vars(answer)["_told"] = told


def attach(answer: Answer, reply: Reply) -> None:
    """`reply` gives the `response` and the `request_id` of `answer` when they are asked for."""
    vars(answer)["_reply"] = reply


def request_id_of(reply: Reply) -> str | None:
    """The server's id of the exchange, under whichever of the usual names."""
    for name in _REQUEST_IDS:
        for value in reply.header(name):
            return value[:128]
    return None


class Told:
    """The JSON of a body, read when it is asked for."""

    __slots__ = ("body",)

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __call__(self) -> Any:
        return loosely(self.body)


def _documented(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if is_array(value):
        return [entry.to_dict() if isinstance(entry, Record) else entry for entry in value]
    if isinstance(value, datetime):
        seconds = value.timestamp()
        return int(seconds) if seconds.is_integer() else seconds
    return value


def decode(body: bytes, kind: type[T]) -> T:
    """`body` as `kind`, or Undecodable; what may be anything is None when there is no body."""
    if kind is _ANYTHING and not body:
        return cast("T", None)
    try:
        answer = decoder(kind).decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        try:
            answer = mended(loosely(body), kind)
        except Misfit:
            raise Undecodable from None
    if isinstance(answer, Answer):
        remember(answer, Told(body))
    return answer


def loosely(body: bytes) -> Any:
    """The JSON in `body`, even with a byte order mark, NaN or bytes that are not UTF-8; or Undecodable."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(body.removeprefix(_BOM).decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        raise Undecodable from None
