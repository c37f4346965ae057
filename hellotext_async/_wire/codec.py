"""Lenient decoding: unknown, missing or malformed optional fields never raise.

Rules. Decode typed first; only if that fails decode untyped, drop what the types cannot hold (a
field gets its default, a list loses the element) and convert the rest. The JSON as received stays
reachable through ``answer.raw``. No answer shows its content in a repr: it is a customer's data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Self, TypeAlias, TypeVar, cast

import msgspec

from .call import Headers, Reply
from .coerce import CoercionError, coerce
from .kinds import decoder
from .shapes import is_array

__all__ = [
    "Answer",
    "LazyJson",
    "Moment",
    "Record",
    "Response",
    "Undecodable",
    "attach",
    "attach_raw",
    "decode",
    "decode_lenient",
    "request_id_of",
]

T = TypeVar("T")

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment of the API's: Unix seconds on the wire, an aware datetime here."""

_REQUEST_IDS: Final = ("x-request-id", "request-id", "cf-ray")
_BOM: Final = b"\xef\xbb\xbf"
_ANYTHING: Final[Any] = Any


class Undecodable(Exception):
    """The bytes are no JSON, or lack what the type requires."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an answer, with the API's own field names. Its repr shows only the id."""

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
    """An answer of the API, as a frozen struct."""

    @property
    def raw(self) -> Any:
        """The JSON as received, with the fields that this version does not know.

        None if this is neither the answer to a call nor an item of a page, and if the JSON is nested
        too deeply for the stack. An answer keeps the bytes of its reply for this, an item of a page
        those of the page.
        """
        json_of: Callable[[], Any] | None = vars(self).get("_raw")
        try:
            return None if json_of is None else json_of()
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
        attach_raw(answer, lambda: raw)
    return answer


def attach_raw(answer: Answer, json_of: Callable[[], Any]) -> None:
    """Let `answer.raw` call `json_of`."""
    vars(answer)["_raw"] = json_of


def attach(answer: Answer, reply: Reply) -> None:
    """Let `answer.response` and `answer.request_id` read `reply`."""
    vars(answer)["_reply"] = reply


def request_id_of(reply: Reply) -> str | None:
    """The server's id of the exchange, under whichever of the usual names."""
    for name in _REQUEST_IDS:
        for value in reply.header(name):
            return value[:128]
    return None


class LazyJson:
    """The JSON of a body, decoded at each call."""

    __slots__ = ("body",)

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __call__(self) -> Any:
        return decode_lenient(self.body)


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
            answer = coerce(decode_lenient(body), kind)
        except CoercionError:
            raise Undecodable from None
    if isinstance(answer, Answer):
        attach_raw(answer, LazyJson(body))
    return answer


def decode_lenient(body: bytes) -> Any:
    """The JSON in `body`, even with a byte order mark, NaN or bytes that are not UTF-8; or Undecodable."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(body.removeprefix(_BOM).decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        raise Undecodable from None
