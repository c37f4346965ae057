"""Refused values, field by field: the error names the type of error and the parameter."""

from __future__ import annotations

from typing import Any

import pytest

from hellotext_async.emulator import Emulator

from .conftest import Ask, Send, kinds

EVENTS = "/v1/attribution/events"


@pytest.mark.parametrize(
    ("action", "fields", "error"),
    [
        ("cart.added", {"products": [{"product": ""}]}, ("parameter_invalid_empty", "product")),
        ("cart.added", {"products": [{"product_parameters": ""}]}, ("parameter_invalid_empty", "product_parameters")),
        ("cart.added", {"products": [{"product_parameters": [1]}]}, ("invalid", "product_parameters")),
        ("cart.added", {"products": [{"quantity": 1}]}, ("object_invalid", "products")),
        ("cart.added", {"products": "soap"}, ("invalid", "products")),
        ("cart.abandoned", {"object_parameters": {"reference": "c"}}, ("parameter_missing", "items")),
        ("cart.added", {"object_parameters": {"items": {}}}, ("parameter_invalid_empty", "items")),
        ("order.placed", {"order_parameters": {"items": "soap"}}, ("invalid", "items")),
        ("order.placed", {"order_parameters": {"reference": {"a": 1}}}, ("invalid", "reference")),
        ("order.placed", {"order_parameters": 5}, ("invalid", "order_parameters")),
        ("order.placed", {"order": ""}, ("parameter_invalid_empty", "order")),
    ],
    ids=str,
)
async def test_what_an_event_is_about(ask: Ask, action: str, fields: dict[str, Any], error: tuple[str, str]) -> None:
    """422, and nothing is stored."""
    status, answer = await ask("POST", EVENTS, action=action, session="2KAGgAgm", **fields)
    assert (status, kinds(answer)) == (422, [error])


async def test_an_event_about_an_object_of_the_business(emulator: Emulator, ask: Ask) -> None:
    """By any id or by its fields; what is neither is refused."""
    await ask("POST", "/v1/attribution/actions", name="seat.reserved")
    for object, error in (("seat-1", None), (7, None), ({"a": 1}, ("invalid", "object"))):
        status, answer = await ask("POST", EVENTS, action="seat.reserved", session="s", object=object)
        assert (status == 200) is (error is None)
        assert error is None or kinds(answer) == [error]
    status, answer = await ask("POST", EVENTS, action="seat.reserved", session="s", object_parameters="x")
    assert kinds(answer) == [("invalid", "object_parameters")]
    assert [event["trackable"] for event in emulator.events] == ["seat-1", "7"]
    assert (await ask("POST", EVENTS, action="seat.reserved", session="s", object_parameters={"row": 1}))[0] == 200
    assert (await ask("POST", EVENTS, action="order.placed", session="s", order={"a": 1}))[0] == 404


async def test_the_forms_in_which_a_product_is_given(emulator: Emulator, ask: Ask) -> None:
    """By id within an object, by its name as the older plugin does, and as a variant of a known product."""
    before = len(emulator.store.products)
    products = [
        {"product": {"id": "vxqQJ3Yg"}},
        {"name": "Soap", "reference": "soap"},
        {"product": "vxqQJ3Yg", "product_variant_parameters": {"sku": "red"}},
    ]
    assert (await ask("POST", EVENTS, action="cart.added", session="s", products=products))[0] == 200
    assert len(emulator.store.products) == before + 1
    variant = emulator.store.variants.find("red")
    assert variant is not None
    assert variant["product"] == "vxqQJ3Yg"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"property": "green"}, ("invalid", "property")),
        ({"property_by_id": [1]}, ("invalid", "property_by_id")),
        ({"phone[a{b]": "+59899000009"}, ("invalid", "phone[a{b]")),
        ({"first_name": True}, ("invalid", "first_name")),
        ({"property[member]": 5}, ("invalid", "property[member]")),
        ({"address": 5}, ("invalid", "address")),
    ],
    ids=str,
)
async def test_what_a_profile_holds(
    emulator: Emulator, ask: Ask, fields: dict[str, Any], error: tuple[str, str]
) -> None:
    """422, and no profile is made."""
    await ask("POST", "/v1/properties", name="member", kind="tags")
    before = len(emulator.store.profiles)
    status, answer = await ask("POST", "/v1/profiles", phone="+59899000008", **fields)
    assert (status, kinds(answer)) == (422, [error])
    assert len(emulator.store.profiles) == before


async def test_forms_of_phones_and_addresses(ask: Ask) -> None:
    """A phone with 00 for the plus; an address without a number; removing a missing value does nothing."""
    _, made = await ask("POST", "/v1/profiles", **{
        "phone": "00 598 99 000 007", "email[work]": "", "address[suggest]": "Main St, Rivera",
    })  # fmt: skip
    _, profile = await ask("GET", f"/v1/profiles/{made['id']}")
    assert (profile["phones"], profile["emails"]) == (["+59899000007"], [])
    address = next(value["value"] for value in profile["properties"] if value["kind"] == "address")
    assert (address["street"], address["city"]) == ({"name": "Main St", "number": None}, "Rivera")


async def test_a_value_of_a_kind_without_a_name_is_set_by_its_id(ask: Ask) -> None:
    """The id that the profile shows."""
    _, made = await ask("POST", "/v1/profiles", phone="+59899000006", url="https://one.example")
    _, profile = await ask("GET", f"/v1/profiles/{made['id']}")
    id = next(value["id"] for value in profile["properties"] if value["kind"] == "url")
    url = "https://two.example"
    _, other = await ask("POST", "/v1/profiles", **{"phone": "+59899000005", f"property_by_id[{id}]": url})
    _, profile = await ask("GET", f"/v1/profiles/{other['id']}")
    assert [value["value"] for value in profile["properties"] if value["kind"] == "url"] == [url]


@pytest.mark.parametrize(
    ("path", "fields", "status", "error"),
    [
        ("/v1/attribution/products", {"name": "a", "price": {"amount": "much"}}, 422, ("invalid", "price")),
        (
            "/v1/attribution/products",
            {"name": "a", "price": {"amount": 1, "currency": "peso"}},
            422,
            ("invalid", "price"),
        ),
        (
            "/v1/attribution/orders",
            {"items": [{"product": "vxqQJ3Yg", "quantity": 0.5}]},
            422,
            ("invalid", "items[quantity]"),
        ),
        ("/v1/attribution/orders", {"items": [{"quantity": 1}]}, 422, ("parameter_missing", "items[product]")),
    ],
    ids=str,
)
async def test_what_the_newer_families_hold(
    ask: Ask, path: str, fields: dict[str, Any], status: int, error: tuple[str, str]
) -> None:
    """As the guides describe the fields."""
    got, answer = await ask("POST", path, **fields)
    assert (got, kinds(answer)) == (status, [error])


async def test_an_identification_has_a_session(emulator: Emulator, send: Send) -> None:
    """One that is not empty."""
    public = {"Authorization": f"Bearer {emulator.business_id}", "Content_Type": "application/json"}
    status, answer = await send("POST", "/v1/public/identifications", b'{"session":"","user_id":"u1"}', **public)
    assert (status, kinds(answer)) == (422, [("parameter_invalid_empty", "session")])


async def test_a_query_may_have_one_direction_and_has_to_be_text(ask: Ask, send: Send) -> None:
    """Two cursors are ambiguous; bytes that are not UTF-8 are malformed."""
    status, answer = await ask("GET", "/v1/lists", starting_after="zN4Xx4Km", ending_before="zN4Xx4Km")
    assert (status, kinds(answer)) == (400, [("ambiguous_parameter", "ending_before")])
    status, _ = await send("GET", "/v1/lists?limit=%ff")
    assert status == 400


async def test_values_that_are_nothing_or_no_value_are_named(ask: Ask) -> None:
    """Booleans, amounts, names of properties, and objects that are looked up by an empty value."""
    for path, body, error in (
        ("/v1/attribution/actions", {"name": "thing.done", "goal": "perhaps"}, ("invalid", "goal")),
        ("/v1/properties", {"kind": "text", "name": "Colour", "unique": 3}, ("invalid", "unique")),
        (
            "/v1/attribution/products",
            {"name": "Soap", "price": {"amount": 1, "currency": "USDX"}},
            ("invalid", "price"),
        ),
        ("/v1/profiles", {"first_name": "Ana", "property": "x"}, ("invalid", "property")),
    ):
        assert kinds((await ask("POST", path, **body))[1]) == [error], path
    assert (await ask("POST", "/v1/profiles", first_name="Ana", property="", email=""))[0] == 201
    assert (await ask("POST", "/v1/properties", kind="url", name=""))[1]["name"] is None
