"""Bodies: JSON with flat or nested keys, and forms with brackets."""

from __future__ import annotations

from typing import Any

import pytest

from hellotext_async.emulator.forms import body_of, bracketed, nested, query_of
from hellotext_async.emulator.refusal import Refusal

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("name=Beauty+%26+Care", {"name": "Beauty & Care"}),
        ("email=a&email%5Bwork%5D=b", {"email": "a", "email[work]": "b"}),
        ("lists[]=a&lists[]=b", {"lists": ["a", "b"]}),
        ("lists[]=", {"lists": []}),
        ("p[][id]=1&p[][quantity]=2&p[][id]=3", {"p": [{"id": "1", "quantity": "2"}, {"id": "3"}]}),
        ("p[][x][name]=1&p[][x][sku]=2&p[][x][name]=3", {"p": [{"x": {"name": "1", "sku": "2"}}, {"x": {"name": "3"}}]}),
    ],
)  # fmt: skip
def test_a_form_keeps_its_brackets_but_for_lists(text: str, body: dict[str, Any]) -> None:
    """A name, and the same name with brackets, may both be present."""
    assert body_of(text.encode(), FORM) == query_of(text) == body


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ({"a": 1}, {"a": 1}),
        ({"o[reference]": "r", "o[price][amount]": 5}, {"o": {"reference": "r", "price": {"amount": 5}}}),
        ({"o": {"a": 1}, "o[b]": 2}, {"o": {"a": 1, "b": 2}}),
        ({"o[b]": 2, "o": {"a": 1}}, {"o": {"a": 1, "b": 2}}),
        ({"o[b]": 2, "o": 5}, {"o": 5}),
        ({"items[][product]": "p"}, {"items": [{"product": "p"}]}),
        ({"a[": 1, "b]": 2, "[c]": 3, "d[e": 4}, {"a[": 1, "b]": 2, "[c]": 3, "d[e": 4}),
    ],
)
def test_bracket_keys_mean_objects_and_lists(body: dict[str, Any], meant: dict[str, Any]) -> None:
    """In JSON as in forms; the body itself is unchanged."""
    before = repr(body)
    assert nested(body) == meant
    assert repr(body) == before


def test_the_values_under_a_name() -> None:
    """The plain one comes first, whatever the order."""
    body = {"email[work]": "w", "emails": 1, "address[street][name]": "x", "email": "d"}
    assert list(bracketed(body, "email").items()) == [(None, "d"), ("work", "w")]
    assert bracketed(body, "address") == {"street": {"name": "x"}}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"{", JSON),
        (b"[]", JSON),
        (b"null", JSON),
        (b'"a"', JSON),
        (b'{"a":NaN}', JSON),
        (b'{"a":1e999}', JSON),
        (b'{"a":"\xff"}', JSON),
        (b'{"a":' * 65 + b"1" + b"}" * 65, JSON),
        (b"[" * 100_000, JSON),
        (b"\xff=1", FORM),
        (b"a=%ff", FORM),
        (b"a" + b"[b]" * 70 + b"[]=1", FORM),
    ],
)
def test_what_cannot_be_read_is_refused(raw: bytes, kind: str) -> None:
    """400 for any error."""
    with pytest.raises(Refusal) as caught:
        body_of(raw, kind)
    assert caught.value.status == 400


def test_json_is_known_by_its_first_byte_too() -> None:
    """A client may omit the content type; a wide body is not a deep one."""
    assert body_of(b'{"a":[1]}', "") == {"a": [1]}
    wide = b'{"a":[' + b",".join([b"{}"] * 500) + b"]}"
    assert len(body_of(wide, JSON)["a"]) == 500
