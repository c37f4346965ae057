"""Values that no event can carry: the error names the field, at the call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pandas
import pytest

from hellotext_async import Event, InvalidParameter
from hellotext_async._events.prepare import prepare


class Broken(tzinfo):
    """A time zone whose utcoffset() is None."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        raise ValueError("no such time")


class Moment(datetime):
    """Like a library's own datetime."""

    def timestamp(self) -> float:
        raise ValueError("no such time")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"tracked_at": pandas.NaT}, "tracked_at"),
        ({"tracked_at": float("nan")}, "tracked_at: expected"),
        ({"tracked_at": 1_790_000_000_000}, "tracked_at: expected Unix seconds; this looks like milliseconds"),
        ({"tracked_at": datetime(2026, 1, 1)}, "tracked_at: expected a datetime with a time zone"),
        ({"tracked_at": datetime(2026, 1, 1, tzinfo=Broken())}, "tracked_at: expected"),
        ({"metadata": {"at": Moment(2026, 1, 1, tzinfo=UTC)}}, "metadata.*expected a moment in time"),
        ({"event_id": "\ud800"}, "event_id: expected text that UTF-8 can carry"),
        ({"order_key": "\ud800"}, "order_key: expected text that UTF-8 can carry"),
        ({"metadata": {"big": 10**400}}, "metadata"),
        ({"products": [{"quantity": 1}]}, r"products\[0\]: expected one of"),
        ({"colour": "red"}, "colour: an event has no such field"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_value_that_no_event_can_carry_is_refused_by_name(fields: dict[str, Any], problem: str) -> None:
    """Before anything is sent."""
    action = "cart.added" if "products" in fields else "page.viewed"
    with pytest.raises(InvalidParameter, match=f"^{problem}"):
        Event(action, **{"session": "s", **fields})


def test_text_that_utf_8_cannot_carry_is_found_when_the_event_is_encoded() -> None:
    """In the caller's stack: `track` and `put` encode at the call."""
    with pytest.raises(InvalidParameter, match=r"^metadata: cannot be written as JSON"):
        prepare("page.viewed", {"session": "s", "metadata": {"name": "\ud800"}})
