"""The event in a row, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .._events.event import Event
from ..errors import InvalidParameter
from .rows import JsonRows

__all__ = ["event_from", "event_of"]


def event_of(line: bytes) -> Event:
    """The event in one line of JSON. Raises InvalidParameter."""
    row = next(JsonRows().take(1, line))
    if row.fields is None:
        raise InvalidParameter("line", row.problem or "blank")
    return event_from(row.fields)


def event_from(row: Mapping[str, Any]) -> Event:
    """The event with these fields, "action" among them. Raises InvalidParameter."""
    fields = dict(row)
    if isinstance(fields.get("tracked_at"), str):
        fields["tracked_at"] = _moment(fields["tracked_at"])
    return Event(fields.pop("action", ""), **fields)


def _moment(text: str) -> float | datetime:
    """A time as text: Unix seconds, as a CSV has them, or ISO 8601."""
    try:
        return float(text) if text.replace(".", "", 1).isdecimal() else datetime.fromisoformat(text)
    except ValueError:
        raise InvalidParameter("tracked_at", "expected Unix seconds or ISO 8601") from None
