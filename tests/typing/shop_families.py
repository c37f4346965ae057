"""Orders, products, objects, messages, templates and sessions: every verb, right and wrong."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from decimal import Decimal
from typing import Any, assert_type

from hellotext_async import (
    Created,
    Deleted,
    Hellotext,
    Identified,
    Listing,
    Message,
    Money,
    ObjectProperty,
    ObjectStructure,
    Order,
    OrderLine,
    Page,
    Product,
    ProductVariant,
    ProfileList,
    Received,
    Response,
    Session,
    Template,
)


async def orders(client: Hellotext) -> None:
    family = client.orders
    price = Money(Decimal("44.95"), "USD")
    assert_type(await family.create(), Order)
    assert_type(await family.create(reference=7, items=[{"product": "s-1", "quantity": 2, "price": price}]), Order)
    assert_type(await family.retrieve("x"), Order)
    assert_type(await family.update("x", payment_method="Visa", metadata={"a": 1}), Order)
    assert_type(family.list(limit=5), Listing[Order])
    assert_type(await family.list(), Page[Order])
    order = await family.retrieve("x")
    assert_type(order.items, list[OrderLine])
    assert_type(order.items[0].price, Money | None)
    assert_type(order.total, Money | None)
    assert_type(order.request_id, str | None)
    assert_type(order.response, Response | None)
    await family.create(items=[{"product": 5}])  # type: ignore[typeddict-item]
    await family.create(items=[{"produkt": "x"}])  # type: ignore[typeddict-unknown-key]
    await family.create(refrence="x")  # type: ignore[call-arg]
    await family.create(reference=None)  # type: ignore[arg-type]
    await family.update("x", items=[])  # type: ignore[call-arg]
    await family.update("x", total=price)  # type: ignore[call-arg]
    await family.update(id="x")  # type: ignore[call-arg]
    await family.delete("x")  # type: ignore[attr-defined]


async def products(client: Hellotext) -> None:
    family = client.products
    assert_type(await family.create(name="Soap"), Product)
    assert_type(await family.create(name="Soap", sku="s", price={"amount": 9, "currency": "USD"}), Product)
    assert_type(await family.create(name="Soap", variants=[{"name": "L", "sku": "l"}]), Product)
    assert_type(await family.retrieve("s-1"), Product)
    assert_type(await family.update("s-1", name="Soap", variants=[]), Product)
    assert_type(await family.delete("s-1"), Deleted)
    assert_type(family.list(), Listing[Product])
    assert_type(await family.list(), Page[Product])
    assert_type(await family.create_variant("s-1", name="L", price=Money(Decimal(9))), ProductVariant)
    assert_type(await family.retrieve_variant("l"), ProductVariant)
    assert_type(await family.update_variant("l", sku="l2"), ProductVariant)
    assert_type(await family.delete_variant("l"), Deleted)
    assert_type((await family.retrieve("x")).variants, list[ProductVariant])
    await family.create(sku="s")  # type: ignore[call-arg]
    await family.create(name="Soap", stock=5)  # type: ignore[call-arg]
    await family.create(name="Soap", price=9.5)  # type: ignore[arg-type]
    await family.update("s-1", variants=None)  # type: ignore[arg-type]
    await family.update("s-1", variants=[{"colour": "red"}])  # type: ignore[typeddict-unknown-key]
    await family.create_variant("s-1")  # type: ignore[call-arg]
    await family.create_variant(name="L")  # type: ignore[call-arg]
    await family.update_variant("l", brand="x")  # type: ignore[call-arg]
    await family.retrieve_variant(5)  # type: ignore[arg-type]
    await family.delete_variant()  # type: ignore[call-arg]


async def objects(client: Hellotext) -> None:
    family = client.objects
    assert_type(await family.create(name="trip", title="Trips"), ObjectStructure)
    assert_type(
        await family.create(name="trip", title="Trips", properties=[{"kind": "text", "name": "to", "unique": True}]),
        ObjectStructure,
    )
    assert_type(await family.retrieve("x"), ObjectStructure)
    assert_type(await family.update("x", title="Rides", properties=()), ObjectStructure)
    assert_type(await family.delete("x"), Deleted)
    assert_type(family.list(), Listing[ObjectStructure])
    assert_type(await family.list(), Page[ObjectStructure])
    assert_type((await family.retrieve("x")).properties, list[ObjectProperty])
    await family.create(name="trip")  # type: ignore[call-arg]
    await family.create(name="trip", title="Trips", properties=[{"name": "to"}])  # type: ignore[typeddict-item]
    await family.update("x", name="ride")  # type: ignore[call-arg]


async def messages(client: Hellotext) -> None:
    family = client.messages
    assert_type(await family.send(profile="p", body="Hi"), Received)
    assert_type(
        await family.send(destination="+1", technology="sms", template="t", attachments=["https://x"]), Received
    )
    assert_type(await family.send(profile="p", template={"id": "t", "shortlinks": {"order": "https://x"}}), Received)
    assert_type((await family.send(profile="p", body="Hi")).status, str)
    assert_type(await family.retrieve("x"), Message)
    assert_type(family.list(), Listing[Message])
    assert_type(await family.list(), Page[Message])
    assert_type((await family.retrieve("x")).state, str | None)
    assert_type((await family.retrieve("x")).template, str | dict[str, Any] | None)
    await family.send(technology="fax", profile="p")  # type: ignore[arg-type]
    await family.send(text="Hi", profile="p")  # type: ignore[call-arg]
    await family.send(profile="p", template={"shortlinks": {}})  # type: ignore[arg-type]
    await family.create(profile="p", body="Hi")  # type: ignore[attr-defined]
    await family.delete("x")  # type: ignore[attr-defined]


async def templates(client: Hellotext) -> None:
    family = client.templates
    assert_type(await family.create(name="Ready", body="Hi"), Template)
    assert_type(await family.create(name="Ready", body="Hi", technology="any", buttons=[{"type": "url"}]), Template)
    assert_type(await family.retrieve("x"), Template)
    assert_type(await family.update("x", body="Hi", technology="sms", category="utility", footer="Bye"), Template)
    assert_type(await family.delete("x"), Deleted)
    assert_type(family.list(), Listing[Template])
    assert_type(await family.list(), Page[Template])
    await family.create(name="Ready")  # type: ignore[call-arg]
    await family.create(name="Ready", body="Hi", technology="email")  # type: ignore[arg-type]
    await family.update("x", body="Hi")  # type: ignore[call-arg]
    await family.update("x", body="Hi", technology="sms")  # type: ignore[call-arg]
    await family.update("x", technology="sms", category="utility")  # type: ignore[call-arg]
    await family.update("x", body="Hi", technology="sms", category="spam")  # type: ignore[arg-type]


async def sessions(client: Hellotext) -> None:
    family = client.sessions
    assert_type(await family.attach("2KAGgAgm", profile="MzYwlE50"), Session)
    assert_type(await family.identify("2KAGgAgm", 7, email="a@b.c", source="shopify", deadline=5), Identified)
    assert_type((await family.identify("2KAGgAgm", "u-7")).status, str)
    assert_type((await family.attach("s", profile="p")).profile, str | int | None)
    await family.attach("2KAGgAgm", "MzYwlE50")  # type: ignore[call-arg]
    await family.attach("2KAGgAgm")  # type: ignore[call-arg]
    await family.attach("2KAGgAgm", profile=None)  # type: ignore[arg-type]
    await family.identify("2KAGgAgm")  # type: ignore[call-arg]
    await family.identify("2KAGgAgm", "u", telephone="1")  # type: ignore[call-arg]


async def upserts(client: Hellotext) -> None:
    assert_type(await client.lists.ensure("Greens"), ProfileList)
    assert_type(await client.products.upsert(name="Soap", sku="s"), Product)
    assert_type(await client.profiles.upsert(phone="+1", first_name="Will"), Created)
    await client.lists.ensure()  # type: ignore[call-arg]
    await client.lists.ensure(name="Greens")  # type: ignore[call-arg]
    await client.products.upsert(sku="s")  # type: ignore[call-arg]
    await client.products.upsert(name="Soap", stock=3)  # type: ignore[call-arg]
    await client.profiles.upsert(telephone="+1")  # type: ignore[call-arg]
