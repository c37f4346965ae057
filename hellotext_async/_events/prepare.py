"""An action and its fields to what is sent and how: checked, encoded once, with its subject and class.

Rules. Everything is checked here, in the caller's stack; what leaves is bytes, so nothing the
caller does afterwards changes what is sent. Absent and None are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from .._wire.params import encode
from ..errors import InvalidParameter
from .actions import demand
from .dialect import as_object
from .fields import CHECKS, OURS
from .usual import usual

if TYPE_CHECKING:
    from .._wire.call import Idempotency
    from ..config import EventFormat

__all__ = ["MAX_EVENT_BYTES", "Prepared", "prepare", "validated"]

MAX_EVENT_BYTES: Final = 1024 * 1024

_encoder = msgspec.json.Encoder(decimal_format="number")


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """One event as it goes out: its bytes, whose order it keeps, how often it may be applied, its caller's id."""

    action: str
    body: bytes
    subject: str
    idempotency: Idempotency
    event_id: str | None


def validated(action: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The checked body of an event, our own fields included, without what is None."""
    if not isinstance(action, str) or not action:
        raise InvalidParameter("action", "expected text that is not empty")
    body: dict[str, Any] = {"action": action}
    for name, value in fields.items():
        if value is not None:
            check = CHECKS.get(name)
            if check is None:
                raise InvalidParameter(name, "an event has no such field")
            body[name] = check(value, name)
        elif name not in CHECKS:
            raise InvalidParameter(name, "an event has no such field")
    if "profile" not in body and "session" not in body:
        raise InvalidParameter("profile", "an event needs a profile or a session")
    if "currency" in body and "amount" not in body:
        raise InvalidParameter("amount", "a currency needs an amount")
    return body


def prepare(
    action: str, fields: Mapping[str, Any], event_format: EventFormat = "typed", tracked_at: float | None = None
) -> Prepared:
    """One event ready to be sent; `tracked_at` (Unix seconds) is when it happened unless it says so itself."""
    body = usual(action, fields)
    encoded = b""
    if body is not None:
        if tracked_at is not None and body.tracked_at is UNSET:
            body.tracked_at = int(tracked_at)
        encoded = _encoded(body if event_format == "typed" else as_object(_given(body)))
    if not encoded:
        fields = validated(action, fields)
        encoded = _closely(fields, event_format, tracked_at)
    needs = demand(action, fields)
    idempotency: Idempotency = (
        "idempotent" if needs is not None and needs.once and _identified(fields) else "non_idempotent"
    )
    subject = fields.get("order_key") or fields.get("profile") or fields["session"]
    return Prepared(action, encoded, subject, idempotency, fields.get("event_id"))


def _given(body: Any) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}


def _closely(fields: dict[str, Any], event_format: EventFormat, tracked_at: float | None) -> bytes:
    body = {name: value for name, value in fields.items() if name not in OURS}
    if tracked_at is not None:
        body.setdefault("tracked_at", int(tracked_at))
    body = body if event_format == "typed" else as_object(body)
    return _encoded(body) or encode(body)


def _identified(body: Mapping[str, Any]) -> bool:
    """Whether the API can tell a repeat: it knows the profile, and the order by an id or a reference."""
    if "profile" not in body:
        return False
    if "order" in body or "object" in body:
        return True
    new: Any = body.get("order_parameters") or body.get("object_parameters") or {}
    return new.get("reference") is not None


def _encoded(body: Any) -> bytes:
    try:
        encoded = _encoder.encode(body)
    except Exception:
        return b""
    if len(encoded) > MAX_EVENT_BYTES:
        raise InvalidParameter("event", f"larger than {MAX_EVENT_BYTES} bytes as JSON")
    return encoded
