"""The values of a profile, by their kind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hellotext_async._wire.codec import decode
from hellotext_async.resources._profile import Address, Day, Profile, PropertyValue, Street
from tests.unit.samples import ADDRESS, DAY, value

HOME = Address(
    city="Montevideo",
    country="UY",
    latitude="-0.349044168e2",
    longitude="-0.561370421e2",
    postal_code="11300",
    region="Departamento de Montevideo",
    street=Street(name="Av. Luis Alberto de Herrera", number="1248"),
    subregion="CH",
)


def decoded(entry: dict[str, Any]) -> PropertyValue:
    return decode(json.dumps({"id": "x", "properties": [entry]}).encode(), Profile).properties[0]


KINDS: list[tuple[str, Any, Any]] = [
    ("address", ADDRESS, HOME),
    ("birthday", DAY, Day(day=3, month=11, year=1985)),
    ("checkbox", False, False),
    ("company", "ACME Corporation", "ACME Corporation"),
    ("date", DAY, Day(day=3, month=11, year=1985)),
    ("email", "will.e@acme.com", "will.e@acme.com"),
    ("gender", "male", "male"),
    ("mercadolibre", "WILLE900001", "WILLE900001"),
    ("number", 29.99, 29.99),
    ("phone", "+59898000001", "+59898000001"),
    ("tags", ["tag1", "tag2"], ["tag1", "tag2"]),
    ("text", "Long lasting customer", "Long lasting customer"),
    ("url", "https://www.hellotext.com", "https://www.hellotext.com"),
]


@pytest.mark.parametrize(("kind", "raw", "typed"), KINDS, ids=[kind for kind, _, _ in KINDS])
def test_each_kind_has_its_type_and_comes_back(kind: str, raw: Any, typed: Any) -> None:
    """The documented values, one of each kind."""
    entry = decoded(value(kind, raw))
    assert entry.value == typed
    assert type(entry.value) is type(typed)
    assert entry.raw_value == raw


@pytest.mark.parametrize(
    ("kind", "raw", "typed"),
    [
        ("number", "29.99", 29.99), ("number", 30, 30.0), ("checkbox", "true", True), ("checkbox", 0, False),
        ("birthday", {"day": "3", "month": "11"}, Day(day=3, month=11)),
        ("date", {**DAY, "era": "CE"}, Day(day=3, month=11, year=1985)),
        ("address", {"city": "Montevideo", "latitude": -34.9, "street": "Av. Italia"}, Address(city="Montevideo")),
        ("address", {}, Address()),
    ],
)  # fmt: skip
def test_a_value_that_is_almost_right_is_read(kind: str, raw: Any, typed: Any) -> None:
    """Numbers as text, unknown parts, parts of an address of another type."""
    entry = decoded(value(kind, raw))
    assert entry.value == typed
    assert entry.raw_value == raw


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("number", "many"), ("checkbox", "perhaps"), ("birthday", "1985-11-03"), ("date", {"day": 3}), ("date", []),
        ("address", "Av. Italia 1"), ("tags", "a,b"), ("tags", ["a", 5]), ("text", 5), ("email", {"a": 1}),
        ("mood", {"a": [1]}), ("list", ["x"]), (None, "x"), (7, "x"), ("text", None), ("mood", None),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_given_as_it_came(kind: Any, raw: Any) -> None:
    """Also that of an unknown kind."""
    entry = decoded({**value("", raw), "kind": kind})
    assert entry.value == raw


@pytest.mark.parametrize(
    ("raw", "degrees"),
    [
        ("-0.349044168e2", -34.9044168),
        ("12", 12.0),
        ("", None),
        (None, None),
        ("north", None),
        ("nan", None),
        ("1e999", None),
    ],
)
def test_coordinates_are_text_with_numbers_at_hand(raw: str | None, degrees: float | None) -> None:
    """The text is unchanged; its number is None if it is not numeric."""
    address = Address(latitude=raw, longitude=raw)
    assert address.latitude == raw
    assert address.latitude_degrees == address.longitude_degrees == degrees


def test_only_contacts_say_whether_they_are_verified() -> None:
    """An address has a name only if it was given one."""
    assert decoded(value("gender", "male")).verified is None
    assert decoded(value("email", "a", verified=False)).verified is False
    assert decoded({"id": "i", "kind": "address", "name": "work", "value": ADDRESS}).to_dict()["name"] == "work"
