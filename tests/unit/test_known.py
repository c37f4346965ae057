"""Events whose keys are all known are converted in one step; the others are validated and sent as before."""

from __future__ import annotations

import json
from enum import StrEnum
from itertools import islice
from typing import Any

import msgspec
import pytest

from hellotext_async import InvalidParameter
from hellotext_async._events.fields import PLAIN, read
from hellotext_async._events.known import KNOWN
from hellotext_async._events.known_keys import SHAPES, UnknownParameterWarning, forget_warnings
from hellotext_async._events.prepare import encode_event, prepare
from hellotext_async.cli.shop import COUPONS, day

PRICE: dict[str, Any] = {"amount": 4.5, "currency": "USD"}
VARIANT: dict[str, Any] = {"name": "Large", "sku": "L", "price": PRICE}
PRODUCT: dict[str, Any] = {"reference": 7, "name": "Soap", "price": PRICE, "tags": ["a", "b"], "variants": [VARIANT]}
ITEMS: list[Any] = [{"product": PRODUCT, "quantity": 2}, {"product": "wx4Vn4no"}]


@pytest.fixture(autouse=True)
def nothing_warned() -> None:
    """Each test begins as if no warning had been given."""
    forget_warnings()


def sent(action: str, fields: dict[str, Any]) -> Any:
    """The event as it is sent."""
    return json.loads(prepare(action, fields, "typed", 1.75e9).body)


def checked_one_by_one(action: str, fields: dict[str, Any]) -> Any:
    """The same through the full validation."""
    return json.loads(encode_event(read(action, fields), "typed", 1.75e9).body)


@pytest.mark.parametrize("seed", range(3))
def test_a_shops_day_is_known_and_sent_the_same(seed: int) -> None:
    """Every event of the mix takes the fast path, with the same result as the full one."""
    for fields in islice(day(["MzYwlE50", "MzYwlE51"], COUPONS, ends=1_750_000_000, seed=seed), 1000):
        action = fields.pop("action")
        assert isinstance(read(action, fields, KNOWN), KNOWN)
        assert sent(action, fields) == checked_one_by_one(action, fields)
        one, other = prepare(action, fields), encode_event(read(action, fields))
        assert (one.subject, one.idempotency) == (other.subject, other.idempotency)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("product_parameters", PRODUCT),
        ("product_parameters", {}),
        ("product_parameters", {"name": None, "price": None}),
        ("product_parameters", {"name": ["of", 1, True], "metadata": {"a": None}}),
        ("order_parameters", {"reference": "o-1", "items": ITEMS, "total": 9, "metadata": {"deep": {"er": [{}]}}}),
        ("products", [{"product_parameters": PRODUCT, "quantity": 1}, {"product_variant_parameters": {}}]),
        ("metadata", {"a": {"b": {"c": [1, 2.5, None]}}}),
        ("refund_parameters", {"reference": "r", "amount": 1, "total": PRICE}),
    ],
)
def test_what_is_given_is_sent(name: str, value: Any) -> None:
    """Nothing is added, dropped or changed on either path."""
    fields = {"session": "s1", name: value}
    assert sent("custom", fields)[name] == value
    assert sent("custom", fields) == checked_one_by_one("custom", fields)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_an_unknown_key_is_found(name: str) -> None:
    """The fast path rejects it; then it causes a warning and is sent, or is refused."""
    fields = {"session": "s1", name: {"unknown-in-this-test": 1}}
    assert type(read("custom", fields, KNOWN)) is PLAIN
    with pytest.warns(UnknownParameterWarning, match=name):
        assert sent("custom", fields)[name] == fields[name]
    with pytest.raises(InvalidParameter, match="strict"):
        prepare("custom", fields, strict=True)


def test_an_unknown_key_in_the_deep_is_found() -> None:
    """In the price of a product of a line of an order."""
    order = {"items": [{"product": {"price": {"amount": 1, "curency-in-this-test": "USD"}}}]}
    with pytest.warns(UnknownParameterWarning, match="items"):
        sent("order.placed", {"session": "s1", "order_parameters": order})


def test_a_subclass_of_text_in_parameters_is_sent_as_text() -> None:
    """As enums and web frameworks create them."""

    class Name(StrEnum):
        SOAP = "Soap"

    class Safe(str):
        __slots__ = ()

    fields = {"session": Safe("s1"), "product_parameters": {"name": Name.SOAP, "brand": Safe("Olive"), "sku": None}}
    assert sent("custom", fields)["product_parameters"] == {"name": "Soap", "brand": "Olive", "sku": None}


def test_text_that_utf8_cannot_carry_is_refused() -> None:
    """The error names the field."""
    with pytest.raises(InvalidParameter, match="product_parameters"):
        prepare("custom", {"session": "s1", "product_parameters": {"name": "\ud800", "price": PRICE}})


def test_every_field_of_an_event_is_in_both() -> None:
    """The struct of known events has the same fields in the same order."""
    assert [field.name for field in msgspec.structs.fields(KNOWN)] == [f.name for f in msgspec.structs.fields(PLAIN)]
