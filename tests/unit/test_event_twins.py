"""An event in plain values and in values of libraries becomes the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from itertools import islice
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hellotext_async._events.fields import PLAIN, EventBody
from hellotext_async._events.prepare import prepare
from hellotext_async.cli.shop import day

# The keys are generated.
pytestmark = pytest.mark.filterwarnings("ignore::hellotext_async.UnknownParameterWarning")


class _Text(str):
    """A subclass of text."""


class _Whole(int):
    """A subclass of int."""


class _Number(float):
    """A subclass of float."""


def as_program_value(value: Any) -> Any:
    """`value` as a program may pass it."""
    match value:
        case dict():
            return MappingProxyType({_Text(key): as_program_value(entry) for key, entry in value.items()})
        case list():
            return tuple(as_program_value(entry) for entry in value)
        case str():
            return Enum("Kind", {"MEMBER": value}).MEMBER if value == "enum" else _Text(value)
        case bool() | None:
            return value
        case int():
            return _Whole(value)
        case float():
            return _Number(value)
    return value


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8) | st.just("enum")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.dictionaries(
    TEXT, st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
)
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
EVENTS = st.fixed_dictionaries(
    {"session": IDS},
    optional={
        "profile": IDS, "order_parameters": JSON, "metadata": JSON, "amount": st.floats(0, 1e9) | st.integers(0, 10**9),
        "tracked_at": st.integers(0, 10**10) | st.floats(0, 1e10), "event_id": TEXT, "order_key": TEXT, "url": TEXT,
        "products": st.lists(st.fixed_dictionaries({"product": TEXT}, optional={"quantity": st.integers(0, 99)}), min_size=1),
    },
)  # fmt: skip


@given(EVENTS)
def test_twins_become_the_same_bytes(fields: dict[str, Any]) -> None:
    """With their ids and subjects, in both formats."""
    for event_format in ("typed", "object"):
        assert prepare("page.viewed", fields, event_format) == prepare(
            _Text("page.viewed"), {name: as_program_value(value) for name, value in fields.items()}, event_format
        )


@given(EVENTS)
def test_what_is_sent_is_what_was_given(fields: dict[str, Any]) -> None:
    """Decoded again; except for whole seconds and absent values."""
    expected = {name: value for name, value in fields.items() if name not in ("event_id", "order_key")}
    if "tracked_at" in expected:
        expected["tracked_at"] = int(expected["tracked_at"])
    assert msgspec.json.decode(prepare("page.viewed", fields).body) == {"action": "page.viewed", **expected}


def test_values_that_only_look_closer_are_exact() -> None:
    """A Decimal keeps its digits; a UUID, a date and a datetime are text."""
    metadata = {
        "price": Decimal("0.12345678901234567890123"),
        "id": UUID(int=1),
        "at": datetime(2026, 1, 2, tzinfo=UTC),
    }
    body = prepare("page.viewed", {"session": "s", "metadata": metadata}).body
    assert b'"price":0.12345678901234567890123' in body
    assert b'"id":"00000000-0000-0000-0000-000000000001","at":"2026-01-02T00:00:00Z"' in body


def test_the_struct_holds_every_field_once() -> None:
    """One struct: its fields are what an event may hold."""
    assert len(set(EventBody.__struct_fields__)) == len(EventBody.__struct_fields__)


def test_an_event_of_plain_values_is_read_by_one_conversion() -> None:
    """The demo's day has every form of event; none of them needs the slower, full validation."""
    for event in islice(day(["p1"], ["c1"], ends=1e9), 500):
        fields = {name: value for name, value in event.items() if name != "action"}
        assert msgspec.to_builtins(msgspec.convert(fields, PLAIN)) == fields
