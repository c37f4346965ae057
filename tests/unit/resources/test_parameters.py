"""The keys of an event's parameters: known ones pass, unknown ones are warned of once, or refused."""

from __future__ import annotations

import warnings
from decimal import Decimal
from typing import Any

import pytest

from hellotext_async._events.fields import Body, read
from hellotext_async._events.known_keys import UnknownParameterWarning, check_parameters, forget_warnings, unknown_keys
from hellotext_async._wire.money import Money
from hellotext_async.errors import InvalidParameter

KNOWN: list[tuple[str, dict[str, Any]]] = [
    ("order.placed", {"order_parameters": {
        "reference": 5, "source": "shop", "name": "a", "delivery": "deliver", "payment_method": "Visa",
        "sales_channel": "web", "metadata": {"anything": {"at": ["all"]}}, "property_by_id": {"x": 1},
        "total": Money(Decimal("9.90"), "USD"),
        "items": [{"product": {"name": "Soap", "price": {"amount": 1, "currency": "USD"}}, "quantity": 2,
                   "price": {"amount": Decimal(1), "currency": "USD", "converted_amount": 40}}],
    }}),
    ("product.viewed", {"product_parameters": {"name": "a", "variants": [{"sku": "b"}], "collection": ["c"]}}),
    ("product.viewed", {"product": "a", "product_variant_parameters": {"sku": "b", "product": {"name": "p"}}}),
    ("cart.added", {"products": [{"product_parameters": {"name": "a"}, "quantity": 1}]}),
    ("cart.added", {"object_parameters": {"reference": "c", "items": [{"product": "a", "quantity": 1}]}}),
    ("coupon.redeemed", {"coupon_parameters": {"code": "SALE", "type": "coupon", "reference": 7}}),
    ("refund.received", {"refund_parameters": {"reference": "r", "amount": 5, "currency": "USD"}}),
    ("form.completed", {"form_parameters": {"name": "a"}}),
    ("app.installed", {"app_parameters": {"name": "a", "image_url": "https://x"}}),
    ("appointment.booked", {"object_type": "appointment", "object_parameters": {"room": "Room 3"}}),
    ("page.viewed", {}),
]  # fmt: skip

UNKNOWN: list[tuple[str, dict[str, Any], str, str, str | None]] = [
    ("order.placed", {"order_parameters": {"refrence": "x"}}, "order_parameters", "refrence", "reference"),
    ("order.placed", {"order_parameters": {"items": [{}, {"quantty": 1}]}}, "order_parameters.items[1]", "quantty",
     "quantity"),
    ("order.placed", {"order_parameters": {"total": {"curency": "USD"}}}, "order_parameters.total", "curency",
     "currency"),
    ("order.placed", {"object_parameters": {"refrence": "x"}}, "object_parameters", "refrence", "reference"),
    ("product.viewed", {"product_parameters": {"stock": 3}}, "product_parameters", "stock", None),
    ("cart.added", {"products": [{"product_parameters": {"nam": "x"}}]}, "products[0].product_parameters", "nam",
     "name"),
    ("cart.added", {"object_parameters": {"items": [{"product": {"nam": "x"}}]}}, "object_parameters.items[0].product",
     "nam", "name"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_warned() -> None:
    """Each test begins as if no warning had been given."""
    forget_warnings()


def body(action: str, fields: dict[str, Any]) -> Body:
    return read(action, {"session": "s", **fields})


def builtin(action: str) -> bool:
    return not action.startswith("appointment")


@pytest.mark.parametrize(("action", "fields"), KNOWN)
def test_known_keys_pass_even_a_strict_check(action: str, fields: dict[str, Any]) -> None:
    """Nested ones too; metadata and custom objects may hold anything."""
    check_parameters(body(action, fields), builtin=builtin(action), strict=True)


@pytest.mark.parametrize(("action", "fields", "place", "key", "nearest"), UNKNOWN)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    action: str, fields: dict[str, Any], place: str, key: str, nearest: str | None
) -> None:
    """As a warning that points at the caller; a strict check refuses it with its path."""
    given = body(action, fields)
    assert list(unknown_keys(given, builtin=True)) == [(place, key, nearest)]
    with pytest.warns(UnknownParameterWarning, match=f"{nearest!r}" if nearest else key) as caught:
        check_parameters(given, builtin=True)
    assert caught[0].filename == __file__
    with pytest.raises(InvalidParameter) as refused:
        check_parameters(given, builtin=True, strict=True)
    assert refused.value.parameter == f"{place}.{key}"


def test_a_key_is_warned_of_once() -> None:
    """However many events have it, and at whatever place of a list."""
    first = body("order.placed", {"order_parameters": {"items": [{"quantty": 1}, {"quantty": 2}]}})
    with pytest.warns(UnknownParameterWarning) as caught:
        check_parameters(first, builtin=True)
        check_parameters(first, builtin=True)
    assert len(caught) == 1


def test_a_key_that_may_be_a_customers_data_is_not_shown() -> None:
    """A phone as a key stays out of warnings and errors."""
    given = body("order.placed", {"order_parameters": {"+59899000001": 1}})
    with pytest.warns(UnknownParameterWarning) as caught:
        check_parameters(given, builtin=True)
    with pytest.raises(InvalidParameter) as refused:
        check_parameters(given, builtin=True, strict=True)
    assert "59899" not in f"{caught[0].message}{refused.value}"


def test_there_is_an_end_to_warnings() -> None:
    """Keys generated from data fill neither the memory nor the log."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(1100):
            check_parameters(body("order.placed", {"order_parameters": {f"key-{number}": 1}}), builtin=True)
    assert len(caught) == 1000
