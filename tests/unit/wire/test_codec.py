"""Bytes to answers: whatever the API changes, a program gets an answer or one error of this package."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hellotext_async._wire.codec import Answer, Undecodable, decode
from hellotext_async._wire.pages import Page, page_of
from hellotext_async.resources._profile import Profile, ProfileList
from hellotext_async.resources.apps import App
from hellotext_async.resources.properties import Property
from tests.unit.samples import PROFILE

PAGE = page_of(Profile, "profiles")
DEEP = b"[" * 100_000


def profile(body: object) -> Profile:
    return decode(body if isinstance(body, bytes) else json.dumps(body).encode(), Profile)


def page(*items: object, **more: object) -> Page[Profile]:
    return decode(json.dumps({"profiles": items, **more}).encode(), PAGE)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of everything inside `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*path, key)
        yield from places(part, (*path, key))


def replaced(value: Any, path: tuple[str | int, ...], by: Any) -> Any:
    """A copy of `value` with something else at `path`."""
    whole = holder = copy.deepcopy(value)
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = by
    return whole


def use(answer: Answer) -> None:
    """Everything that can be done with an answer."""
    repr(answer), answer.to_dict(), answer.raw
    assert pickle.loads(pickle.dumps(answer)) == answer
    if isinstance(answer, Profile):
        assert all(repr(entry) and (entry.value or True) for entry in answer.properties)


def test_a_documented_answer_comes_back_without_loss() -> None:
    """The struct holds every field, and its dict is the JSON."""
    assert profile(PROFILE).to_dict() == PROFILE
    assert page(PROFILE, PROFILE).to_dict() == {"profiles": [PROFILE, PROFILE]}
    assert page(PROFILE, has_more=True).to_dict() == {"profiles": [PROFILE], "has_more": True}


def test_moments_are_aware() -> None:
    """Unix seconds, as number or text, and text with a zone; without a zone none is guessed."""
    expected = datetime(2022, 10, 13, 18, 2, 53, tzinfo=UTC)
    for form in (1665684173, 1665684173.0, "1665684173", "2022-10-13T18:02:53Z", "2022-10-13T15:02:53-03:00"):
        assert profile({"id": "x", "created_at": form}).created_at == expected
    half = profile({"id": "x", "created_at": 1665684173.5})
    assert half.created_at == expected + timedelta(seconds=0.5)
    assert half.to_dict()["created_at"] == 1665684173.5
    for form in ("2022-10-13T18:02:53", "soon", 1e300, -(10**30), True, [], "", "null"):
        assert profile({"id": "x", "created_at": form}).created_at is None


def test_what_is_unknown_is_kept_in_raw() -> None:
    """New fields, kinds and states raise nothing."""
    body = {
        **PROFILE,
        "state": "dormant",
        "score": {"value": 7},
        "properties": [{"id": "p", "kind": "mood", "value": [1]}],
    }
    answer = profile(body)
    assert answer.raw == body
    assert answer.state == "dormant"
    assert answer.properties[0].value == [1]


@pytest.mark.parametrize("path", list(places(PROFILE)), ids=str)
@pytest.mark.parametrize("wrong", [None, 7, 7.5, "text", True, [], {}, ["{...}"], {"a": None}], ids=repr)
def test_a_field_of_the_wrong_type_costs_that_field_only(path: tuple[str | int, ...], wrong: object) -> None:
    """At every depth; only a top-level id that is neither text nor a whole number makes the answer undecodable."""
    body = replaced(PROFILE, path, wrong)
    if path == ("id",) and not (isinstance(wrong, str) or wrong == 7):
        with pytest.raises(Undecodable):
            profile(body)
        return
    answer = profile(body)
    use(answer)
    assert answer.raw == body
    first = path[0]
    kept, expected = answer.to_dict(), profile(PROFILE).to_dict()
    assert {key: kept[key] for key in kept if key != first} == {key: expected[key] for key in expected if key != first}


@pytest.mark.parametrize("path", list(places(PROFILE)), ids=str)
def test_a_missing_key_costs_that_field_only(path: tuple[str | int, ...]) -> None:
    """At every depth; only the top-level id is needed."""
    body = copy.deepcopy(PROFILE)
    holder = body
    for step in path[:-1]:
        holder = holder[step]  # type: ignore[index]
    del holder[path[-1]]  # type: ignore[arg-type]
    if path == ("id",):
        with pytest.raises(Undecodable):
            profile(body)
    else:
        use(profile(body))


def test_placeholders_in_a_list_are_left_out() -> None:
    """The document's own examples end with "{...}"; so do entries without an id."""
    found = page(PROFILE, "{...}", None, {"name": "no id"}, {**PROFILE, "id": "second"}, 5)
    assert [item.id for item in found.items] == ["MzYwlE50", "second"]


def test_an_item_of_a_page_has_its_own_raw() -> None:
    """Also where earlier elements could not be decoded, and where one had to be coerced."""
    second = {"id": "second", "state": [5], "new": True}
    found = page("{...}", PROFILE, second)
    assert [item.raw for item in found.items] == [PROFILE, second]
    assert found.items[1].state is None
    assert found.raw == {"profiles": ["{...}", PROFILE, second]}
    assert Profile(id="made here").raw is None


NOT_DOCUMENTED = [
    b"", b" ", b"<html>busy</html>", b"OK", b"null", b"[]", b"7", b'"x"', b"{}", b'{"id"', b'{"id":"x"}}',
    DEEP, b'{"a":' * 100_000, b'{"id":"x","profiles":[],"new":' + DEEP * 20 + b"]" * 2_000_000 + b"}",
    b'{"id":null}', b"\xff\xfe", b"\x00", b"\x1f\x8b\x08", b'{"id":7.5,"profiles":{}}', b'{"id":[],"profiles":null}',
]  # fmt: skip


@pytest.mark.parametrize("body", NOT_DOCUMENTED, ids=lambda body: repr(body[:24]))
def test_what_is_not_the_documented_json_is_undecodable(body: bytes) -> None:
    """One error for HTML, an empty body, truncated or endless JSON, and for a body without an id."""
    with pytest.raises(Undecodable):
        decode(body, Profile)
    with pytest.raises(Undecodable):
        decode(body, PAGE)


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"id":"x","first_name":"Will"}',
        b'{"id":"x","first_name":"Will","new":NaN}',
        b'{"id":"x","first_name":"Will","blocked":NaN}',
        b'{"id":"x","first_name":"Will","new":1e999}',
        b'{"id":"x","first_name":"Will","created_at":1e999}',
        b'{"id":"x","first_name":"Will","created_at":-Infinity}',
        b'{"id":"x","first_name":"Will","new":"\xff"}',
        b'{"id":"x","first_name":"Will","last_name":"\xff"}',
        b'{"id":"x","first_name":"Will","last_name":"\\ud800"}',
        b'{"id":"x","first_name":"Will","new":99999999999999999999999999999999999999}',
        b'{"id":"w","id":"x","first_name":"Will"}',
        b'  \r\n{"id":"x","first_name":"Will"}\n',
    ],
)
def test_json_that_is_almost_right_is_read(body: bytes) -> None:
    """A byte order mark, NaN, numbers out of range, bytes that are not UTF-8, lone surrogates, a key twice."""
    answer = decode(body, Profile)
    assert (answer.id, answer.first_name) == ("x", "Will")
    assert answer.raw["first_name"] == "Will"


def test_nesting_near_the_limit_is_read_or_undecodable() -> None:
    """Also when another part has to be coerced; no RecursionError is raised."""
    for depth in range(600, 1010, 2):
        nested = b"[" * depth + b"]" * depth
        try:
            app = decode(b'{"id":"x","name":[],"metadata":{"a":' + nested + b"}}", App)
        except Undecodable:
            continue
        assert (app.id, app.name) == ("x", None)


def test_raw_is_none_where_the_stack_is_too_deep_for_it() -> None:
    """Decoded near the top of the stack, read further down: no RecursionError of another library.

    From Python 3.12 on, C has a stack of its own, deep enough for this.
    """
    nested = b"[" * 600 + b"]" * 600
    answer = decode(b'{"id":"x","new":' + nested + b"}", Profile)
    item = decode(b'{"profiles":[{"id":"x","new":' + nested + b"}]}", PAGE).items[0]

    def further_down(frames: int, asked: Profile) -> Any:
        return further_down(frames - 1, asked) if frames else asked.raw

    for asked in (answer, item):
        assert (further_down(450, asked) is None) == (sys.version_info < (3, 12))
        assert further_down(1, asked)["id"] == "x"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_anything_anywhere_is_an_answer_or_undecodable(data: st.DataObject) -> None:
    """Arbitrary JSON in place of any part of a page, and every use of the answer."""
    body: Any = {"profiles": [PROFILE, PROFILE], "has_more": True}
    for _ in range(data.draw(st.integers(1, 3))):
        body = replaced(body, data.draw(st.sampled_from(list(places(body)))), data.draw(JSON))
    try:
        answer = decode(json.dumps(body).encode(), PAGE)
    except Undecodable:
        return
    use(answer)
    for item in answer.items:
        use(item)


@given(st.binary(max_size=64))
def test_any_bytes_are_an_answer_or_undecodable(body: bytes) -> None:
    """No error of another library is raised."""
    for kind in (Profile, PAGE, Property):
        try:
            decode(body, kind)
        except Undecodable:
            continue


def test_copies_are_answers() -> None:
    """Pickled and copied: equal, of the same type, with raw."""
    whole = page(PROFILE, {**PROFILE, "id": "second", "new": 1}, "{...}")
    alone = profile({**PROFILE, "new": 1})
    by_hand = ProfileList(id="l", name="Greens")
    changed = msgspec.structs.replace(whole, has_more=True)
    for original in (whole, whole.items[1], alone, by_hand, page(), changed):
        for made in (copy.copy(original), copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
            assert type(made) is type(original)
            assert made == original
            assert made.raw == original.raw
    again = pickle.loads(pickle.dumps(whole))
    assert [item.raw for item in again.items] == [item.raw for item in whole.items]


def test_a_changed_copy_has_no_raw() -> None:
    """It is not what the API sent."""
    assert msgspec.structs.replace(profile(PROFILE), first_name="other").raw is None


def test_no_repr_shows_a_customer() -> None:
    """Neither repr, str and format nor what rich would draw: only ids."""
    hidden = [
        "will.e@acme.com",
        "+5989",
        "Will",
        "Coyote",
        "Herrera",
        "1248",
        "11300",
        "Montevideo",
        "0.349",
        "male",
        "1985",
    ]
    answer = profile(PROFILE)
    parts: list[Any] = [answer, page(PROFILE), *answer.lists, *answer.properties, [answer], {"a": answer}]
    parts += [entry.value for entry in answer.properties if not isinstance(entry.value, (str, type(None)))]
    parts.append(parts[-2].street if hasattr(parts[-2], "street") else parts[-1])
    for part in parts:
        drawn = repr(list(part.__rich_repr__())) if hasattr(part, "__rich_repr__") else ""
        shown = f"{part!r} {part!s} {part} {drawn}"
        assert not [text for text in hidden if text in shown]
    assert "MzYwlE50" in repr(answer)


def test_answers_do_not_change() -> None:
    """They are frozen."""
    with pytest.raises(AttributeError):
        profile(PROFILE).first_name = "other"  # type: ignore[misc]


def test_what_may_be_anything_is_none_without_a_body() -> None:
    """For calls without a family."""
    assert decode(b"", Any) is None  # type: ignore[arg-type]
    assert decode(b"[1]", Any) == [1]  # type: ignore[arg-type]
