"""One event as a row of the spool, with a checksum over all of it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast, get_args

import msgspec

from .._wire.call import Idempotency
from ..queue.outcome import Verdict

__all__ = ["NEW_WIDTH", "Known", "New", "Row", "checksum", "growth_by", "row_of", "values_of"]


class New(msgspec.Struct, frozen=True, gc=False):
    """A new event; `accepted` on the spool's clock, `has_caller_id` if the id is the caller's."""

    id: str
    has_caller_id: bool
    action: str
    subject: str | None
    idempotency: Idempotency
    accepted: float
    body: bytes


class Known(NamedTuple):
    """What is remembered under an id of a caller's: the event's number and, if it has ended, how."""

    number: int
    verdict: Verdict | None = None
    attempts: int = 0
    maybe_duplicated: bool = False


class Row(NamedTuple):
    """One event as it was read, and how it was sent."""

    seq: int
    id: str
    has_caller_id: bool
    action: str
    subject: str | None
    idempotency: Idempotency
    accepted: float
    body: bytes
    attempts: int
    in_flight: bool
    uncertain_count: int
    damaged: bool


NEW_WIDTH: Final = 9
_BESIDE: Final = 400
"""Bytes that a row and its id take beside the body."""
_SMALL: Final = 1000
"""Bytes of a body up to which many rows share a page; of larger ones up to a half of the last page stays empty."""
_IDEMPOTENCY: Final = get_args(Idempotency)
_encode: Final = msgspec.msgpack.Encoder().encode
"""One encoding for equal values, at a ninth of the cost of their repr."""


def growth_by(events: Sequence[New]) -> int:
    """Bytes by which new events make the file larger, at most."""
    return sum((len(event.body) + _BESIDE) * (1 if len(event.body) <= _SMALL else 2) for event in events)


def checksum(values: Sequence[Any]) -> int:
    """Of the values of a row from its number to its body."""
    *fields, body = values
    return _sum(fields, body)


def _sum(fields: list[Any], body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_encode(fields)))


def values_of(number: int, event: New) -> list[Any]:
    """The columns of a new event."""
    fields: list[Any] = [
        number, event.id, int(event.has_caller_id), event.action, event.subject, event.idempotency, event.accepted,
    ]  # fmt: skip
    fields += event.body, _sum(fields, event.body)
    return fields


def row_of(values: Sequence[Any]) -> Row:
    """The row in the columns that were read; one that is damaged keeps what can be read of it."""
    *fields, found, attempts, in_flight, uncertain_count = values
    seq, event_id, has_caller_id, action, subject, idempotency, accepted, body = fields
    try:
        whole = checksum(fields) == found and idempotency in _IDEMPOTENCY
    except (TypeError, ValueError):
        whole = False
    if not whole:
        body, accepted, subject, idempotency = b"", 0.0, None, "non_idempotent"
    how = cast("Idempotency", idempotency)
    return Row(
        seq, str(event_id), bool(has_caller_id), str(action), subject, how, accepted, body,
        attempts, bool(in_flight), uncertain_count, not whole,
    )  # fmt: skip
