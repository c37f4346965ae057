"""Events in both of the vendor's forms: what they are about, what they change, and that a refusal changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from hellotext_async.emulator import Emulator

from .conftest import Ask, Send, kinds

EVENTS = "/v1/attribution/events"
PARAMETERS = {"reference": "r-1", "source": "shop", "name": "Soap"}


async def track(ask: Ask, action: str, **fields: Any) -> tuple[int, Any]:
    """One event of the document's session by default."""
    return await ask("POST", EVENTS, action=action, **({"session": "2KAGgAgm"} | fields))


@pytest.mark.parametrize("action", ["app.installed", "coupon.redeemed", "form.completed", "order.placed",
                                    "product.viewed", "refund.requested"])  # fmt: skip
async def test_parameters_find_by_reference_and_source_or_make(emulator: Emulator, ask: Ask, action: str) -> None:
    """In both forms; numbers are references too; another source is another object."""
    kind = action.partition(".")[0]
    for given in (
        {f"{kind}_parameters": PARAMETERS},
        {"object_parameters": PARAMETERS},
        {f"{kind}_parameters": {**PARAMETERS, "source": "other"}},
        {f"{kind}_parameters": {"reference": 5}},
        {f"{kind}_parameters": {"reference": "5"}},
    ):
        assert (await track(ask, action, **given))[0] == 200
    first, same, other, number, text = [event["trackable"] for event in emulator.events]
    assert (first, number) == (same, text)
    assert len({first, other, number}) == 3


async def test_flat_keys_and_forms_mean_the_same(emulator: Emulator, ask: Ask, send: Send) -> None:
    """As the guides write them."""
    await track(ask, "order.placed", **{"order_parameters[reference]": "r-1", "order_parameters[source]": "shop"})
    form = b"action=order.placed&session=s&order_parameters[reference]=r-1&order_parameters[source]=shop&amount=8.5"
    assert (await send("POST", EVENTS, form))[0] == 200
    form = b"action=cart.added&session=s&products[][product]=vxqQJ3Yg&products[][quantity]=3"
    assert (await send("POST", EVENTS, form))[0] == 200
    placed, again, _ = emulator.events
    assert placed["trackable"] == again["trackable"]
    assert emulator.store.carts.newest_first()[0]["items"] == [{"product": "vxqQJ3Yg", "quantity": "3"}]


async def test_a_refused_event_leaves_nothing_behind(emulator: Emulator, ask: Ask) -> None:
    """No session, no owner, no product, no cart."""
    before = len(emulator.store.products), len(emulator.store.carts)
    for wrong in (
        {"session": "new", "products": [{"product_parameters": {"reference": "n"}}, {"product": "unknown"}]},
        {"profile": "MzYwlE50", "products": [{"product_parameters": {"reference": "n"}, "quantity": -1}]},
        {"profile": "MzYwlE50", "products": [{"product": "vxqQJ3Yg"}], "amount": "much"},
    ):
        status, _ = await track(ask, "cart.added", **wrong)
        assert status in (404, 422)
    assert (len(emulator.store.products), len(emulator.store.carts)) == before
    assert emulator.store.sessions == {"2KAGgAgm": None}
    assert emulator.events == []


async def test_a_cart_holds_what_was_added_and_not_removed(emulator: Emulator, ask: Ask) -> None:
    """A quantity is that of the cart afterwards; a removed product is not in it; in both forms."""
    cart = emulator.store.carts.get("wx4Vn4no")
    soap = {"product": "vxqQJ3Yg", "quantity": 2}
    new = {"product_parameters": {"reference": "t-1", "name": "Towel"}}
    await track(ask, "cart.added", cart="wx4Vn4no", products=[soap, new])
    towel = emulator.store.products.get("t-1")["id"]
    assert cart["items"] == [soap, {"product": towel, "quantity": 1}]
    await track(ask, "cart.added", cart="wx4Vn4no", products=[{"reference": "t-1", "quantity": 5}])
    await track(ask, "cart.removed", cart="wx4Vn4no", products=["vxqQJ3Yg"])
    assert cart["items"] == [{"product": towel, "quantity": 5}]
    named = {"reference": "c-1", "source": "shop"}
    await track(ask, "cart.added", object_parameters={**named, "items": [{"product": towel, "quantity": 1}]})
    await track(ask, "cart.added", object_parameters={**named, "items": [{"product": {"reference": "m-1"}}]})
    assert [item["quantity"] for item in emulator.store.carts.get("c-1")["items"]] == [1, 1]
    assert emulator.events[-1]["trackable"] == emulator.events[-2]["trackable"]


async def test_a_product_is_named_by_id_reference_or_sku_and_may_be_a_variant(emulator: Emulator, ask: Ask) -> None:
    """A variant that is created belongs to an existing product."""
    variants = [{"name": "Large", "sku": "large-1"}]
    _, made = await ask("POST", "/v1/attribution/products", name="Poncho", sku="p-1", reference=9, variants=variants)
    for key in (made["id"], "p-1", 9, "9"):
        assert (await track(ask, "product.viewed", product=key))[0] == 200
        assert (await track(ask, "product.viewed", object=key))[0] == 200
    assert {event["trackable"] for event in emulator.events} == {made["id"]}
    large = made["variants"][0]["id"]
    for given in (
        {"product_variant": "large-1"},
        {"object": large},
        {"product": "p-1", "product_variant": large},
        {"product": "p-1", "product_variant_parameters": {"sku": "large-1"}},
        {"object_parameters": {"sku": "large-1", "product": {"reference": 9}}},
    ):
        assert (await track(ask, "product.viewed", **given))[0] == 200, given
        assert emulator.events[-1]["trackable"] == large
    assert (await track(ask, "product.viewed", product="none", product_variant_parameters={"sku": "x"}))[0] == 404


@pytest.mark.parametrize(
    ("action", "given", "kind"),
    [
        ("app.installed", {"app": None}, ("parameter_invalid_empty", "app")),
        ("app.installed", {"app": "", "app_parameters": {}}, ("parameter_invalid_empty", "app")),
        ("app.installed", {"app_parameters": 5}, ("invalid", "app_parameters")),
        ("app.installed", {"app_parameters": {"reference": {}}}, ("invalid", "reference")),
        ("app.installed", {"app": "xnqJQ47v", "object": "xnqJQ47v"}, ("ambiguous_parameter", "object")),
        ("app.installed", {"object": "xnqJQ47v", "object_parameters": {"a": 1}}, ("ambiguous_parameter", "object")),
        ("app.spent", {"app": "xnqJQ47v", "amount": 5}, ("parameter_missing", "currency")),
        ("app.installed", {"app": "xnqJQ47v", "amount": 5, "currency": "dollars"}, ("invalid", "currency")),
        ("cart.added", {"products": []}, ("parameter_invalid_empty", "products")),
        ("cart.added", {"products": "vxqQJ3Yg"}, ("invalid", "products")),
        ("cart.added", {"products": [{"quantity": 1}]}, ("object_invalid", "products")),
        ("cart.added", {"products": [{"product": "vxqQJ3Yg", "quantity": "x"}]}, ("invalid", "quantity")),
        ("cart.added", {"object_parameters": {"reference": "c"}}, ("parameter_missing", "items")),
        ("product.viewed", {"object": {}}, ("parameter_invalid_empty", "object")),
        ("signup_form.completed", {"object_type": "trip", "object": "x"}, ("not_found", "object_type")),
        ("page.viewed", {"session": 5}, ("invalid", "session")),
        ("page.viewed", {"session": ""}, ("object_invalid", "profile")),
        ("page.viewed", {"tracked_at": "2026-01-01T00:00:00"}, ("invalid", "tracked_at")),
        ("page.viewed", {"tracked_at": True}, ("invalid", "tracked_at")),
        ("page.viewed", {"amount": 10**400}, ("invalid", "amount")),
        ("", {}, ("parameter_invalid_empty", "action")),
    ],
)
async def test_what_is_wrong_is_named(ask: Ask, action: str, given: Any, kind: tuple[str, str]) -> None:
    """With the vendor's types of errors."""
    status, answer = await track(ask, action, **given)
    assert status == (404 if kind[0] == "not_found" else 422)
    assert kinds(answer) == [kind]


async def test_a_custom_action_may_be_about_an_object_of_ones_own(emulator: Emulator, ask: Ask) -> None:
    """Of an existing structure; parameters create a new object every time."""
    await ask("POST", "/v1/objects", name="trip", properties=[{"kind": "text", "name": "to"}])
    for _ in range(2):
        given = {"object_type": "trip", "object_parameters": {"to": "Salto", "collection": "x", "self": 1}}
        assert (await track(ask, "signup_form.completed", **given))[0] == 200
    first, second = [event["trackable"] for event in emulator.events]
    assert first != second


async def test_an_object_of_ones_own_has_what_its_structure_asks_for(emulator: Emulator, ask: Ask) -> None:
    """Required properties are set, unique ones have no other holder: by name or by id, until the structure changes."""
    seat = {"id": "seat-1", "kind": "text", "name": "seat", "required": True, "unique": True}
    _, made = await ask(
        "POST", "/v1/objects", name="trip", title="Trips", properties=[seat, {"kind": "text", "name": "to"}]
    )

    async def booked(**given: Any) -> list[tuple[str, str | None]]:
        status, answer = await track(ask, "signup_form.completed", object_type="trip", object_parameters=given)
        return [] if status == 200 else kinds(answer)

    assert await booked(to="Salto") == [("parameter_missing", "seat")]
    assert await booked(to="Salto", seat="") == [("parameter_invalid_empty", "seat")]
    assert await booked(to="Salto", seat=5) == []
    assert await booked(to="Minas", seat="5") == [("parameter_not_unique", "seat")]
    assert await booked(property_by_id={"seat-1": "5"}) == [("parameter_not_unique", "seat")]
    assert await booked(to="Salto", seat="6") == []
    assert len(emulator.events) == 2
    await ask("PATCH", f"/v1/objects/{made['id']}", properties=[{**seat, "required": False, "unique": False}])
    assert await booked(to="Salto", seat="6") == []
    assert await booked(to="Salto") == []


async def test_the_events_of_an_action_go_with_it(emulator: Emulator, ask: Ask) -> None:
    """Renamed and deleted; the counts are of accepted events, and stay."""
    await track(ask, "signup_form.completed")
    await track(ask, "page.viewed")
    await ask("PATCH", "/v1/attribution/actions/Wvqz2qD1", name="form.signed")
    assert [event["action"] for event in emulator.events] == ["form.signed", "page.viewed"]
    assert (await track(ask, "signup_form.completed"))[0] == 404
    await ask("DELETE", "/v1/attribution/actions/Wvqz2qD1")
    assert [event["action"] for event in emulator.events] == ["page.viewed"]
    assert emulator.counts == {"signup_form.completed": 1, "page.viewed": 1}


async def test_a_profile_is_inherited_from_the_session(emulator: Emulator, ask: Ask) -> None:
    """So an order's step counts once for it too; for two sessions without a profile, it counts for each."""
    await ask("PATCH", "/v1/sessions/2KAGgAgm", profile="MzYwlE50")
    for owner in (
        {"session": "2KAGgAgm"},
        {"profile": "MzYwlE50", "session": None},
        {"session": "a"},
        {"session": "b"},
    ):
        assert (await track(ask, "order.placed", order="wx4Vn4no", **owner))[0] == 200
    assert [event["profile"] for event in emulator.events] == ["MzYwlE50", None, None]
    assert (await ask("PATCH", "/v1/sessions/a", profile="none"))[0] == 404
    _, other = await ask("POST", "/v1/profiles", first_name="Other")
    status, session = await ask("PATCH", "/v1/sessions/2KAGgAgm", profile=other["id"])
    assert (status, session["profile"]) == (200, "MzYwlE50")  # the owner is unchanged, and the answer names it
    status, session = await ask("PATCH", "/v1/sessions/a")
    assert (status, session) == (200, {"id": "a", "type": "session", "profile": None})


async def test_what_the_public_route_finds_wrong_later_is_counted(emulator: Emulator, ask: Ask, send: Send) -> None:
    """It answered 200; the token is not accepted there, nor the business's id elsewhere."""
    public = {"Authorization": f"Bearer {emulator.business_id}", "Content_Type": "application/json"}
    for body in (b'{"action":"cart.added","session":"s","products":[null]}', b'{"action":"none","session":"s"}'):
        assert await send("POST", "/v1/track/events", body, **public) == (200, {"status": "received"})
    assert (await send("POST", "/v1/track/events", b"{", **public))[0] == 400
    assert (emulator.events, emulator.store.async_rejections, emulator.counts.total()) == ([], 2, 0)
    assert (await ask("POST", "/v1/track/events", action="page.viewed", session="s"))[0] == 401
    assert (await send("GET", "/v1/lists", **public))[0] == 401
