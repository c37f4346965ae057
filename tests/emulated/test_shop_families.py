"""Orders, products, objects, messages, templates and sessions against the emulator, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hellotext_async import (
    Event,
    Hellotext,
    InvalidParameter,
    Money,
    NotFound,
    OutcomeUnknown,
    SessionConflict,
    SqliteSpool,
    UnknownParameterWarning,
    ValidationFailed,
)
from hellotext_async._events.known_keys import forget_warnings
from hellotext_async.emulator import Emulator, Fault


@pytest.fixture(autouse=True)
def nothing_warned() -> None:
    """Each test begins as if no warning had been given."""
    forget_warnings()


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        emulator.store.seed_document()
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[Hellotext]:
    async with Hellotext(token=emulator.token, base_url=emulator.url, business_id=emulator.business_id) as client:
        yield client


PRICE = Money(Decimal("44.95"), "USD")


async def test_products_and_variants(client: Hellotext) -> None:
    """By id, reference and SKU; variants replaced, added, changed, deleted."""
    made = await client.products.create(
        name="Sneakers", reference="product-100", sku="S-100", source="shop", price=PRICE, tags=["a"],
        variants=[{"name": "42", "sku": "S-100-42", "price": PRICE}],
    )  # fmt: skip
    assert made.price == PRICE
    assert made.request_id
    for key in (made.id, "product-100", "S-100"):
        assert await client.products.retrieve(key) == made
    variant = await client.products.create_variant("product-100", name="43", sku="S-100-43")
    assert [one.name for one in (await client.products.retrieve(made.id)).variants] == ["42", "43"]
    assert (await client.products.update_variant("S-100-43", name="44")).name == "44"
    assert (await client.products.delete_variant(variant.id)).deleted
    assert len((await client.products.update("S-100", brand="ACME")).variants) == 1
    assert (await client.products.update("S-100", variants=[])).variants == []
    assert [one.id async for one in client.products.list()] == [made.id, "vxqQJ3Yg"]
    assert (await client.products.delete("product-100")).id == made.id
    with pytest.raises(NotFound):
        await client.products.retrieve(made.id)


async def test_orders(client: Hellotext) -> None:
    """Lines by id, reference or SKU; the total is computed, and exact."""
    product = await client.products.create(name="Planner", sku="P-1", price=PRICE)
    order = await client.orders.create(
        reference="ORDER-1001", source="shop", delivery="deliver", items=[{"product": "P-1", "quantity": 2}]
    )
    assert (order.items[0].product, order.items[0].price, order.total) == (
        product.id,
        PRICE,
        Money(Decimal("89.9"), "USD"),
    )
    assert (await client.orders.update(order.id, payment_method="Visa")).payment_method == "Visa"
    assert (await client.orders.retrieve(order.id)).items == order.items
    assert [one.id async for one in client.orders.list()] == [order.id, "wx4Vn4no"]
    with pytest.raises(NotFound):
        await client.orders.create(items=[{"product": "none", "quantity": 1}])


async def test_objects_and_events_about_them(client: Hellotext, emulator: Emulator) -> None:
    """The business's own structure is an event's object_type."""
    made = await client.objects.create(
        name="appointment", title="Appointments", properties=[{"kind": "text", "name": "room", "required": True}]
    )
    await client.actions.create(name="appointment.booked")
    await client.events.track(
        "appointment.booked", profile="MzYwlE50", object_type="appointment", object_parameters={"room": "Room 3"}
    )
    assert emulator.events[-1]["object_parameters"] == {"room": "Room 3"}
    assert (await client.objects.update(made.id, title="Visits")).title == "Visits"
    assert [one.name async for one in client.objects.list()] == ["appointment"]
    assert (await client.objects.delete(made.id)).deleted


async def test_templates_and_messages(client: Hellotext, emulator: Emulator) -> None:
    """A template with a dynamic short link is sent; a send whose answer is lost is not repeated."""
    template = await client.templates.create(name="Ready", technology="sms", body="See {shortlink:order}")
    assert template.state == "approved"
    sent = await client.messages.send(
        profile="MzYwlE50", technology="sms", template={"id": template.id, "shortlinks": {"order": "https://x"}}
    )
    assert sent.status == "received"
    emulator.faults.add(Fault("drop_after", match="POST /v1/messages"))
    with pytest.raises(OutcomeUnknown):
        await client.messages.send(profile="MzYwlE50", body="Hi")
    emulator.faults.add(Fault("status", match="POST /v1/messages", status=500))
    with pytest.raises(OutcomeUnknown):
        await client.messages.send(profile="MzYwlE50", body="Hi")
    messages = [message async for message in client.messages.list()]
    assert [message.body for message in messages] == ["Hi", "See https://x"]
    assert (await client.messages.retrieve(messages[0].id)).state == "pending"
    with pytest.raises(ValidationFailed):
        await client.messages.send(profile="MzYwlE50")
    changed = await client.templates.update(template.id, body="Hi", technology="whatsapp", category="utility")
    assert (changed.body, changed.state) == ("Hi", "pending")
    assert (await client.templates.delete(template.id)).deleted


async def test_sessions(client: Hellotext, emulator: Emulator) -> None:
    """Attached once; another profile is a conflict; an identification is awaited until it ends."""
    assert (await client.sessions.attach("2KAGgAgm", profile="MzYwlE50")).profile == "MzYwlE50"
    other = await client.profiles.create(first_name="Other")
    with pytest.raises(SessionConflict) as caught:
        await client.sessions.attach("2KAGgAgm", profile=other.id)
    assert caught.value.owner == "MzYwlE50"
    with pytest.raises(NotFound):
        await client.sessions.attach("unknown", profile=other.id)
    emulator.store.identification_polls = 3
    assert (await client.sessions.identify("visit-1", "u-7", email="will.e@acme.com")).status == "completed"
    assert emulator.store.sessions["visit-1"] == "MzYwlE50"
    with pytest.raises(ValidationFailed):
        await client.sessions.identify("visit-1", "u-8", email="new@acme.com")
    emulator.store.identification_polls = None
    assert (await client.sessions.identify("visit-2", "u-7")).status == "received"
    assert {seen.status for seen in emulator.requests if seen.method == "GET"} == {200, 202, 422}


async def test_idempotency_keys_make_creates_and_events_repeatable(emulator: Emulator) -> None:
    """Every answer is lost once: each create and event is applied once, and ends with its answer."""
    emulator.idempotency_keys = True
    async with Hellotext(token=emulator.token, base_url=emulator.url, idempotency_keys=True) as client:
        emulator.faults.add(Fault("drop_after", match="POST *", times=1))
        order = await client.orders.create(reference="o-1")
        emulator.faults.add(Fault("drop_after", match="POST *", times=1))
        await client.events.track("page.viewed", session="s", event_id="e-1")
        emulator.faults.add(Fault("drop_after", match="POST *", times=1))
        with pytest.raises(OutcomeUnknown):
            await client.messages.send(profile="MzYwlE50", body="Hi")  # a message is sent at most once
        assert (await client.orders.list(limit=1)).items[0].id == order.id
    assert len(emulator.store.orders) == 2  # the document's, and this one
    assert emulator.counts == {"page.viewed": 1}
    keys = [seen.headers.get("Idempotency-Key") for seen in emulator.requests if seen.method == "POST"]
    assert keys[0] == keys[1]
    assert keys[2:4] == ["e-1", "e-1"]
    assert keys[4] is None


async def test_no_key_is_sent_unless_asked_for(client: Hellotext, emulator: Emulator) -> None:
    """The vendor documents none for these routes."""
    await client.events.track("page.viewed", session="s", event_id="e-1")
    await client.orders.create(reference="o-1")
    assert not any("Idempotency-Key" in seen.headers for seen in emulator.requests)


async def test_a_client_that_is_switched_off_has_every_family() -> None:
    """Nothing is sent, and every collection is empty."""
    async with Hellotext("t", enabled=False, business_id="b") as off:
        for family in (off.orders, off.products, off.objects, off.messages, off.templates):
            assert [item async for item in family.list()] == []  # type: ignore[attr-defined]
        assert (await off.products.upsert(name="Soap", sku="s")).id == "disabled"
        assert (await off.messages.send(profile="p", body="Hi")).status == "received"
        assert (await off.sessions.identify("s", "u")).status == "received"
        assert (await off.reconcile([])) == []


async def test_a_strict_client_refuses_unknown_keys(emulator: Emulator) -> None:
    """In calls and in queues, before anything is sent; a client that is not strict warns once and sends."""
    given: Any = {"session": "s", "order_parameters": {"refrence": "o-1"}}
    async with Hellotext(emulator.token, base_url=emulator.url, strict=True) as client, client.event_queue() as queue:
        for put in (client.events.track, queue.put):
            with pytest.raises(InvalidParameter) as caught:
                await put("order.placed", **given)
            assert caught.value.parameter == "order_parameters.refrence"
        with pytest.raises(InvalidParameter):
            queue.track(Event("order.placed", **given))
    assert not emulator.requests
    async with Hellotext(emulator.token, base_url=emulator.url) as client, client.event_queue() as queue:
        with pytest.warns(UnknownParameterWarning, match="'reference'") as warned:
            await client.events.track("order.placed", **given)
            assert (await (await queue.put("order.placed", **given))).delivered
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert emulator.counts == {"order.placed": 2}


@pytest.mark.parametrize("spool", [False, True])
@pytest.mark.parametrize("transport", [None, "pool"])
async def test_a_queue_sends_stable_keys_and_repeats_what_was_not_answered(
    emulator: Emulator, tmp_path: Path, spool: bool, transport: Any
) -> None:
    """Over both transports, in memory and from a spool: every third answer is lost, and each event is applied once."""
    emulator.idempotency_keys = True
    buffer = SqliteSpool(tmp_path / "events.db") if spool else None
    async with (
        Hellotext(emulator.token, base_url=emulator.url, idempotency_keys=True) as client,
        client.event_queue(buffer=buffer, transport=transport) as queue,
    ):
        for number in range(9):
            if number % 3 == 0:
                emulator.faults.add(Fault("drop_after"))
            receipt = await queue.put("page.viewed", session="s", event_id=f"e-{number}" if number % 2 else None)
            outcome = await receipt
            assert (outcome.verdict, outcome.maybe_duplicated) == ("delivered", False)
    assert emulator.counts == {"page.viewed": 9}
    keys = [seen.headers["Idempotency-Key"] for seen in emulator.requests]
    assert (len(keys), len(set(keys))) == (12, 9)
    assert {f"e-{number}" for number in range(1, 9, 2)} < set(keys)
