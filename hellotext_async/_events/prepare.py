"""An event to what is sent: encoded once, with its ordering key, its idempotency and its caller's id.

Rules. Everything is checked in the caller's stack; what leaves is bytes, so nothing that the caller
does afterwards changes what is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from .._wire.params import encode, plain
from ..errors import InvalidParameter
from .actions import ACTIONS, require_trackables
from .dialect import as_object
from .fields import PLAIN, Body, read
from .known import KNOWN, given
from .known_keys import WITH_PARAMETERS, check_parameters

if TYPE_CHECKING:
    from .._wire.call import Idempotency
    from ..config import EventFormat

__all__ = ["MAX_EVENT_BYTES", "Prepared", "encode_event", "plain_fields", "prepare", "prepare_event"]

MAX_EVENT_BYTES: Final = 1024 * 1024


def _plain_value(value: object) -> Any:
    return plain(value, "event")  # a subclass of a plain type


_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_plain_value)
_buffers: Final[list[bytearray]] = []
"""What no thread encodes into just now. `encode` makes bytes with unused room, which each waiting event would hold."""


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """One encoded event: its bytes, the subject whose order it keeps, its idempotency, its caller's id."""

    action: str
    body: bytes
    subject: str
    idempotency: Idempotency
    event_id: str | None


def prepare(
    action: str,
    fields: Mapping[str, Any],
    event_format: EventFormat = "typed",
    tracked_at: float | None = None,
    *,
    strict: bool = False,
) -> Prepared:
    """One event ready to be sent; `tracked_at` (Unix seconds) is when it happened unless it says so itself.

    Unknown keys of parameters warn, with `strict` they are refused. Raises InvalidParameter, naming the field.
    """
    body = read(action, fields, KNOWN if event_format == "typed" else PLAIN)
    if type(body) is not KNOWN and not WITH_PARAMETERS.isdisjoint(fields):
        check_parameters(body, builtin=body.action in ACTIONS, strict=strict)
    return encode_event(body, event_format, tracked_at)


def prepare_event(
    body: Body, event_format: EventFormat = "typed", tracked_at: float | None = None, *, strict: bool = False
) -> Prepared:
    """`prepare` for the body of an Event, which was checked when it was made. It is changed, as by `encode_event`."""
    check_parameters(body, builtin=body.action in ACTIONS, strict=strict)
    return encode_event(body, event_format, tracked_at)


def encode_event(body: Body, event_format: EventFormat = "typed", tracked_at: float | None = None) -> Prepared:
    """`prepare` for an event that was read. It changes `body`: pass a copy to keep it."""
    row = require_trackables(body)
    recognised = row is not None and row.once and _identified(body)
    subject = body.order_key or body.profile or body.session or ""
    event_id = body.event_id
    body.event_id = body.order_key = None
    if body.tracked_at is None and tracked_at is not None:
        body.tracked_at = int(tracked_at)
    encoded = _encoded(body) if event_format == "typed" else encode(as_object(plain_fields(body)))
    if len(encoded) > MAX_EVENT_BYTES:
        raise InvalidParameter("event", f"larger than {MAX_EVENT_BYTES} bytes as JSON")
    return Prepared(body.action, encoded, subject, "idempotent" if recognised else "non_idempotent", event_id)


def _encoded(body: Body) -> bytes:
    try:
        buffer = _buffers.pop()
    except IndexError:
        buffer = bytearray()
    try:
        _encoder.encode_into(body, buffer)
        return bytes(buffer)
    except Exception:  # text that UTF-8 cannot carry: the field is named
        return encode(plain_fields(body))
    finally:
        _buffers.append(buffer)


def plain_fields(body: Body) -> dict[str, Any]:
    """What `body` holds in plain values, without what is absent."""
    return {name: plain(value, name) for name, value in msgspec.structs.asdict(body).items() if value is not None}


def _identified(body: Body) -> bool:
    """Whether the API recognises a retry: it knows the profile, and the order by an id or a reference."""
    if body.profile is None:
        return False
    if body.order is not None or body.object is not None:
        return True
    return given(body.order_parameters or body.object_parameters, "reference") is not None
