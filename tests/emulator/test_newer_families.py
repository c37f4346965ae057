"""Families that the document only mentions, as the vendor's guides describe them."""

from __future__ import annotations

from typing import Any

from hellotext_async.emulator import Emulator

from .conftest import Ask, Send, kinds

ORDERS, PRODUCTS = "/v1/attribution/orders", "/v1/attribution/products"


async def test_an_order_has_lines_with_prices_and_a_computed_total(ask: Ask) -> None:
    """Products by id, reference or SKU, a product's own price, a total in one currency; an update keeps the lines."""
    price = {"amount": 44.95, "currency": "USD"}
    _, made = await ask("POST", PRODUCTS, name="Planner", reference="r-1", sku="s-1", price=price)
    lines: list[dict[str, Any]] = [
        {"product": made["id"], "quantity": 2}, {"product": "r-1", "quantity": 1, "price": {**price, "amount": 0.1}},
        {"product": "s-1"},
    ]  # fmt: skip
    status, order = await ask("POST", ORDERS, reference="o", items=lines)
    assert status == 201
    assert {line["product"] for line in order["items"]} == {made["id"]}
    assert order["total"] == {"amount": 134.95, "currency": "USD"}
    _, changed = await ask("PATCH", f"{ORDERS}/{order['id']}", items=[], payment_method="Visa")
    assert (changed["items"], changed["payment_method"]) == (order["items"], "Visa")
    for line, error in (
        ({"quantity": 1}, ("parameter_missing", "items[product]")),
        ({"product": "none"}, ("not_found", "items[product]")),
        ({"product": "s-1", "quantity": 0}, ("invalid", "items[quantity]")),
        ({"product": "s-1", "quantity": 1.5}, ("invalid", "items[quantity]")),
    ):
        assert kinds((await ask("POST", ORDERS, items=[line]))[1]) == [error]
    assert kinds((await ask("POST", PRODUCTS, name="a", price={"amount": "free"}))[1]) == [("invalid", "price")]


async def test_variants_are_reached_through_their_product_and_by_themselves(ask: Ask) -> None:
    """Created under the product; updated and deleted by their own id, reference or SKU."""
    _, product = await ask("POST", PRODUCTS, name="Shoes", reference="shoes")
    status, variant = await ask("POST", f"{PRODUCTS}/shoes/variants", name="42", sku="shoes-42")
    assert (status, variant["type"]) == (201, "product_variant")
    one = "/v1/attribution/variants/shoes-42"
    assert (await ask("PATCH", one, name="43"))[1]["name"] == "43"
    assert (await ask("GET", f"{PRODUCTS}/{product['id']}"))[1]["variants"][0]["name"] == "43"
    assert (await ask("DELETE", one))[1]["deleted"] is True
    assert (await ask("GET", f"{PRODUCTS}/shoes"))[1]["variants"] == []
    assert (await ask("GET", one))[0] == 404
    assert kinds((await ask("POST", f"{PRODUCTS}/shoes/variants"))[1]) == [("parameter_missing", "name")]


async def test_a_product_goes_with_the_variants_that_it_has(emulator: Emulator, ask: Ask) -> None:
    """Also a product whose variants were written by a program directly, and are no objects of their own."""
    store = emulator.store
    store.new(store.products, name="Shoes", reference="shoes", sku=None, variants=[{"name": "42"}])
    before = len(store.variants)
    assert (await ask("DELETE", f"{PRODUCTS}/shoes"))[1]["deleted"] is True
    assert store.products.find("shoes") is None
    assert len(store.variants) == before


async def test_a_message_is_received_and_listed_as_pending(ask: Ask) -> None:
    """To a profile, or to a number that finds or creates one; a template's text replaces a body."""
    assert await ask("POST", "/v1/messages", profile="MzYwlE50", body="Hi", technology="sms") == (
        200, {"status": "received"},
    )  # fmt: skip
    assert (await ask("POST", "/v1/messages", destination="+59898000001", body="Again"))[0] == 200
    _, template = await ask("POST", "/v1/templates", name="Ready", technology="sms", body="See {shortlink:order}!")
    links = {"order": "https://x"}
    sent = {"id": template["id"], "shortlinks": links}
    assert (await ask("POST", "/v1/messages", profile="MzYwlE50", template=sent, body="ignored"))[0] == 200
    _, listed = await ask("GET", "/v1/messages")
    assert [message["body"] for message in listed["messages"]] == ["See https://x!", "Again", "Hi"]
    assert {(message["profile"], message["state"]) for message in listed["messages"]} == {("MzYwlE50", "pending")}
    assert (await ask("GET", f"/v1/messages/{listed['messages'][0]['id']}"))[1]["template"] == template["id"]
    for wrong, error in (
        ({"profile": "MzYwlE50"}, ("object_invalid", "body")),
        ({"profile": "MzYwlE50", "body": ""}, ("parameter_invalid_empty", "body")),
        ({"body": "Hi"}, ("object_invalid", "destination")),
        ({"destination": "5", "body": "Hi"}, ("phone_number_invalid", "destination")),
        ({"profile": "none", "body": "Hi"}, ("not_found", "profile")),
        ({"profile": "MzYwlE50", "body": "Hi", "technology": "fax"}, ("invalid", "technology")),
        ({"profile": "MzYwlE50", "template": "none"}, ("not_found", "template")),
        ({"profile": "MzYwlE50", "template": template["id"]}, ("parameter_missing", "template[shortlinks][order]")),
    ):
        assert kinds((await ask("POST", "/v1/messages", **wrong))[1]) == [error]


async def test_a_change_of_a_template_is_not_partial(ask: Ask) -> None:
    """Omitted fields are removed; the technology becomes any; a delete is accepted."""
    status, made = await ask(
        "POST", "/v1/templates", name="Ready", technology="whatsapp", body="Hi", category="utility", footer="Bye"
    )
    assert (status, made["state"]) == (201, "pending")
    path = f"/v1/templates/{made['id']}"
    _, changed = await ask("PATCH", path, body="Hello", name="Other")
    assert {name: changed[name] for name in ("name", "technology", "category", "footer", "body")} == {
        "name": "Ready", "technology": "any", "category": "marketing", "footer": None, "body": "Hello",
    }  # fmt: skip
    assert kinds((await ask("POST", "/v1/templates", name="Ready", body="x"))[1]) == [("parameter_not_unique", "name")]
    for wrong, name in (({"technology": "sms", "footer": "x"}, "footer"), ({"technology": "fax"}, "technology")):
        assert kinds((await ask("POST", "/v1/templates", name="New", body="x", **wrong))[1]) == [("invalid", name)]
    assert (await ask("DELETE", path))[0] == 202
    assert (await ask("GET", path))[0] == 404


async def test_an_object_structure_is_not_renamed(ask: Ask) -> None:
    """Its properties change, its name does not."""
    _, made = await ask("POST", "/v1/objects", name="trip", title="Trips")
    _, changed = await ask(
        "PATCH", f"/v1/objects/{made['id']}", name="ride", properties=[{"kind": "text", "name": "to"}]
    )
    assert (changed["name"], len(changed["properties"])) == ("trip", 1)


async def test_an_identification_is_polled_by_its_receipt(emulator: Emulator, send: Send, ask: Ask) -> None:
    """202 while it is processed, 200 when the session has its profile, 422 if it has another."""
    public = {"Authorization": f"Bearer {emulator.business_id}", "Content_Type": "application/json"}
    path = "/v1/public/identifications"
    status, answer = await send(
        "POST", path, b'{"session":"2KAGgAgm","user_id":"u1","email":"will.e@acme.com"}', **public
    )
    receipt = f"{path}/{answer['identification_receipt']}"
    own = {**public, "X_Hellotext_Session": "2KAGgAgm"}
    assert (status, emulator.store.sessions["2KAGgAgm"]) == (200, None)
    assert await send("GET", receipt, b"", **own) == (202, {"status": "processing"})
    assert (await send("GET", receipt, b"", **{**own, "X_Hellotext_Session": "another"}))[0] == 404
    assert await send("GET", receipt, b"", **own) == (200, {"status": "completed"})
    assert emulator.store.sessions["2KAGgAgm"] == "MzYwlE50"
    emulator.store.identification_polls = 0
    _, answer = await send("POST", path, b'{"session":"2KAGgAgm","user_id":"u2","email":"new@acme.com"}', **public)
    status, answer = await send("GET", f"{path}/{answer['identification_receipt']}", b"", **own)
    assert (status, kinds(answer)) == (422, [("invalid", "session")])
    emulator.store.identification_polls = None
    assert await send("POST", path, b'{"session":"s9","user_id":"u1"}', **public) == (200, {"status": "received"})
    assert emulator.store.sessions["s9"] == "MzYwlE50"
    for body, name in ((b"{}", "session"), (b'{"session":"s"}', "user_id")):
        assert kinds((await send("POST", path, body, **public))[1]) == [("parameter_missing", name)]


async def test_a_key_applies_a_request_once_if_keys_are_honoured(emulator: Emulator, send: Send) -> None:
    """The same answer again; another body under the key is refused; after a refusal the key can be used again."""
    own = {"Authorization": f"Bearer {emulator.token}", "Content_Type": "application/json", "Idempotency_Key": "k1"}
    first = await send("POST", "/v1/coupons", b'{"code":"A"}', **own)
    assert (await send("POST", "/v1/coupons", b'{"code":"A"}', **own))[0] == 422  # keys are not honoured
    emulator.idempotency_keys = True
    assert (await send("POST", "/v1/coupons", b'{"code":"A"}', **own))[0] == 422
    made = await send("POST", "/v1/coupons", b'{"code":"B"}', **own)
    assert await send("POST", "/v1/coupons", b'{"code":"B"}', **own) == made != first
    status, answer = await send("POST", "/v1/coupons", b'{"code":"C"}', **own)
    assert (status, kinds(answer)) == (422, [("invalid", "Idempotency-Key")])
    assert len(emulator.store.coupons) == 4


async def test_parts_of_a_product_that_are_wrong_are_named(ask: Ask) -> None:
    """An empty amount is none; a variant is created implicitly; a line needs an existing product."""
    _, made = await ask("POST", PRODUCTS, name="Soap", sku="s-1", price={"amount": 1, "currency": "USD"})
    assert (await ask("PATCH", f"{PRODUCTS}/{made['id']}", price=None))[1]["price"] is None
    for order, error in (
        ({"product": ""}, ("parameter_invalid_empty", "product")),
        ({"product_parameters": ""}, ("parameter_invalid_empty", "product_parameters")),
    ):
        answer = (await ask("POST", "/v1/attribution/events", action="product.viewed", session="s", **order))[1]
        assert kinds(answer) == [error]
    lines = [{"product_variant_parameters": {"name": "42", "sku": "s-42"}}]
    status, _ = await ask("POST", "/v1/attribution/events", action="cart.added", session="s", products=lines)
    assert status == 200
    assert (await ask("GET", "/v1/attribution/variants/s-42"))[1]["name"] == "42"
