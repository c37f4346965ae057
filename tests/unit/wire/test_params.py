"""Arguments to the wire: strict; errors contain the path and never the value."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hellotext_async._wire.params import bracketed, encode, id_segment, name_segment, plain, reject_unknown
from hellotext_async.errors import InvalidParameter
from hellotext_async.resources._profile import Address, Street


def refused(call: Any, *args: Any, **kwargs: Any) -> InvalidParameter:
    with pytest.raises(InvalidParameter) as caught:
        call(*args, **kwargs)
    return caught.value


@pytest.mark.parametrize("value", ["MzYwlE50", "a", "A-b_9", "4" * 64, "550e8400-e29b-41d4-a716-446655440000"])
def test_an_id_stands_as_it_is(value: str) -> None:
    """Letters, digits, dashes and underscores, up to 64."""
    assert id_segment(value) == value


@pytest.mark.parametrize(
    "value", ["", "a/b", "..", "a b", "a?b", "a#b", "a%2F", "a\n", "é", "４", "x" * 65, None, 5, b"x", ["x"], True]
)
def test_anything_else_is_no_id(value: Any) -> None:
    """It could change the request's path; the error names the parameter and not the value."""
    error = refused(id_segment, value, "profile")
    assert error.parameter == "profile"
    assert "a/b" not in str(error)


@given(st.text(min_size=1))
def test_a_name_is_one_segment_and_comes_back(value: str) -> None:
    """Whatever it contains; or it is refused."""
    try:
        segment = name_segment(value)
    except InvalidParameter:
        assert value in (".", "..") or any(not char.isprintable() for char in value)
        return
    assert not set(segment) & set("/?# \\")
    assert segment not in (".", "..")
    assert unquote(segment, errors="strict") == value


@pytest.mark.parametrize("value", ["", ".", "..", "a\x00", "a\n", "\x7f", "\x85", "\u2028", "\ud800", None, 5])
def test_a_name_that_cannot_stand_in_a_path_is_refused(value: Any) -> None:
    """Empty text, dots, control characters and what UTF-8 cannot encode."""
    assert refused(name_segment, value).parameter == "id_or_name"


def test_names_with_everything_in_them_are_quoted() -> None:
    """Slashes, percent signs, spaces, dots and letters of any script."""
    assert name_segment("Beauty & Care/50% …") == "Beauty%20%26%20Care%2F50%25%20%E2%80%A6"
    assert name_segment("...") == "..."
    assert name_segment("zN4Xx4Km") == "zN4Xx4Km"


def test_brackets_are_flat_keys() -> None:
    """One value, a mapping, its None key, and None for what is removed."""
    assert bracketed("phone", "1") == {"phone": "1"}
    assert bracketed("phone", None) == {"phone": ""}
    assert bracketed("phone", {"work": "1", None: "2", "gVlpOkwJ": None}) == {
        "phone[work]": "1", "phone": "2", "phone[gVlpOkwJ]": "",
    }  # fmt: skip
    assert bracketed("properties", {"Ünï cödé": [1]}, inner="property") == {"property[Ünï cödé]": [1]}
    assert bracketed("phone", {}) == {}


@pytest.mark.parametrize("key", ["", "a]b", "a[b", "a\n", 5, ("a",), b"a"])
def test_a_key_that_would_bend_the_brackets_is_refused(key: Any) -> None:
    """Brackets, control characters, and keys that are no text."""
    assert refused(bracketed, "phone", {key: "1"}).parameter == "phone"


class Color(Enum):
    RED = "red"


class Size(IntEnum):
    L = 3


class Word(StrEnum):
    A = "a"


def test_plain_values_are_sent_as_they_are() -> None:
    """Numbers keep their digits, enums are their values, structs lose what is None."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    address = Address(city="Montevideo", street=Street(number="1"))
    body = {
        "a": None, "b": True, "c": 2**53 + 1, "d": Decimal("0.10"), "e": Color.RED, "f": Size.L, "g": Word.A,
        "h": moment, "i": date(2026, 1, 2), "j": (1, 2.5), "k": address, "l": UUID(int=1), "m": {"n": [{}]},
    }  # fmt: skip
    sent = encode({key: plain(value, key) for key, value in body.items()})
    assert sent == (
        b'{"a":null,"b":true,"c":9007199254740993,"d":0.10,"e":"red","f":3,"g":"a","h":"2026-01-02T03:04:05Z",'
        b'"i":"2026-01-02","j":[1,2.5],"k":{"city":"Montevideo","street":{"number":"1"}},'
        b'"l":"00000000-0000-0000-0000-000000000001","m":{"n":[{}]}}'
    )


def test_a_snapshot_is_taken() -> None:
    """Later changes by the caller have no effect."""
    tags = ["a"]
    value = {"tags": tags}
    taken = plain(value, "metadata")
    tags.append("b")
    value["more"] = []
    assert taken == {"tags": ["a"]}


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (math.nan, "m"), (math.inf, "m"), (Decimal("NaN"), "m"), (Decimal("-Infinity"), "m"), (2**64, "m"),
        (-(2**63) - 1, "m"), (datetime(2026, 1, 2), "m"), (b"x", "m"), (object(), "m"),
        (len, "m"), (iter([]), "m"), ({1: 2}, "m"), ({None: 2}, "m"), ({"a": [0, math.nan]}, "m.a[1]"),
        ([{"b": b"x"}], "m[0].b"), ({"+59898000001": b"x"}, "m.…"), ({"will.e@acme.com": b"x"}, "m.…"),
        ({"call 598980": b"x"}, "m.…"),
    ],
)  # fmt: skip
def test_what_json_cannot_carry_is_refused_by_its_place(value: Any, place: str) -> None:
    """The path is shown, except where a key may be a phone or an e-mail."""
    assert refused(plain, value, "m").parameter == place


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**5000], ids=["a bit", "below", "far"])
def test_a_whole_number_that_is_too_large_is_said_to_be_that(value: int) -> None:
    """It is finite."""
    assert refused(plain, value, "m").problem == "the number is too large"


def test_endless_nesting_is_refused() -> None:
    """A list that holds itself."""
    assert refused(plain, LOOP, "m").problem == "nested too deeply"


def test_text_that_utf8_cannot_carry_is_refused() -> None:
    """A lone surrogate is found when the body is encoded, and its parameter named."""
    assert refused(encode, {"a": "fine", "b": ["\ud800"]}).parameter == "b"


@given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.floats() | st.integers() | st.text()))
def test_what_is_encoded_comes_back(body: dict[str, Any]) -> None:
    """Or it is refused; nothing is sent as something else."""
    try:
        sent = encode({key: plain(value, "p") for key, value in body.items()})
    except InvalidParameter:
        return
    assert json.loads(sent) == body


def test_a_keyword_that_is_not_there_is_named() -> None:
    """A misspelt keyword is not ignored."""
    error = refused(reject_unknown, ["code", "colour"], frozenset({"code"}), "a coupon")
    assert str(error) == "colour: a coupon has no such parameter"
