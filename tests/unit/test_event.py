"""`Event` as a value, and its newer form."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import pytest

from hellotext_async import Event, InvalidParameter
from hellotext_async._events.dialect import as_object
from hellotext_async._events.prepare import prepare

ORDER: dict[str, Any] = {"session": "s1", "order_parameters": {"reference": "A-1"}, "amount": 89.9, "currency": "USD"}


def test_equal_events_are_interchangeable() -> None:
    """Equal, with one hash, and not equal to another event or to its own fields."""
    event, same = Event("order.placed", **ORDER), Event("order.placed", **ORDER)
    assert event == same and len({event, same}) == 1
    assert event != Event("order.placed", **{**ORDER, "amount": 1})
    assert event != {"action": "order.placed", **ORDER}


@pytest.mark.parametrize("remade", [copy.copy, copy.deepcopy, lambda event: pickle.loads(pickle.dumps(event))])
def test_a_copy_is_the_same_event(remade: Any) -> None:
    """Also through a pickle, as a worker in another process receives it."""
    event = Event("order.placed", event_id="e1", **ORDER)
    assert remade(event) == event
    assert dict(remade(event).fields) == {"event_id": "e1", **ORDER}


def test_an_event_does_not_change() -> None:
    """Not by attribute, not through its fields, not through the objects that it was made of."""
    given = {"reference": "A-1"}
    event = Event("order.placed", session="s1", order_parameters=given)
    given["reference"] = "A-2"
    for name in ("action", "session", "new"):
        with pytest.raises(AttributeError, match="does not change"):
            setattr(event, name, "x")
    with pytest.raises(TypeError):
        event.fields["session"] = "s2"  # type: ignore[index]
    assert event.fields["order_parameters"] == {"reference": "A-1"}


def test_its_fields_are_its_attributes() -> None:
    """A field that was not given is None; an unknown name is an AttributeError."""
    event = Event("order.placed", **ORDER)
    assert (event.action, event.session, event.amount, event.profile) == ("order.placed", "s1", 89.9, None)
    with pytest.raises(AttributeError, match="nope"):
        _ = event.nope  # type: ignore[attr-defined]


def test_its_repr_shows_no_field() -> None:
    """They are a customer's data."""
    assert repr(Event("order.placed", **ORDER)) == "Event('order.placed')"


def test_a_mapping_becomes_an_event_and_anything_else_is_refused() -> None:
    """As `deliver` accepts them."""
    event = Event("order.placed", **ORDER)
    assert Event.of(event) is event
    assert Event.of({"action": "order.placed", **ORDER}) == event
    with pytest.raises(InvalidParameter, match="expected an Event or a mapping"):
        Event.of("order.placed")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "newer"),
    [
        ({"order": "o1"}, {"object": "o1"}),
        ({"order_parameters": {"reference": "A-1"}}, {"object_parameters": {"reference": "A-1"}}),
        ({"cart": "c1"}, {"object": "c1"}),
        (
            {"products": [{"product": "p1", "quantity": 2}, {"product_parameters": {"name": "Soap"}}]},
            {"object_parameters": {"items": [{"product": "p1", "quantity": 2}, {"product": {"name": "Soap"}}]}},
        ),
        (
            {"product": "p1", "product_variant_parameters": {"sku": "S"}},
            {"object_parameters": {"sku": "S", "product": "p1"}},
        ),
        ({"product_variant_parameters": {"sku": "S"}}, {"object_parameters": {"sku": "S"}}),
        ({"product": "p1", "product_variant": "v1"}, {"object": "v1"}),
        ({"url": "https://x"}, {"url": "https://x"}),
        ({"object": "o1", "object_type": "order"}, {"object": "o1", "object_type": "order"}),
    ],
)
def test_the_newer_form_names_what_an_event_is_about_once(typed: dict[str, Any], newer: dict[str, Any]) -> None:
    """Whatever its kind; other fields are unchanged."""
    rest = {"action": "a", "session": "s1", "amount": 5}
    assert as_object({**rest, **typed}) == {**rest, **newer}


def test_a_cart_with_products_has_no_newer_form() -> None:
    """Nothing is dropped silently."""
    with pytest.raises(InvalidParameter, match="cart"):
        as_object({"cart": "c1", "products": [{"product": "p1"}]})


def test_the_bytes_of_an_event_hold_nothing_of_one_before() -> None:
    """Also after one that was longer, and after one that could not be encoded; they have no unused room behind them."""
    for size in (1, 5_000, 10, 200_000, 3):
        with pytest.raises(InvalidParameter):
            prepare("page.viewed", {"session": "s1", "metadata": {"a": "b" * 7, "text": "\ud800"}})
        ready = prepare("page.viewed", {"session": "s1", "metadata": {"text": "b" * size}})
        assert ready.body == b'{"action":"page.viewed","session":"s1","metadata":{"text":"%b"}}' % (b"b" * size)
        assert sys.getsizeof(ready.body) == sys.getsizeof(bytes(len(ready.body)))
