"""A whole shop, connected in the order that the vendor's guide on custom stores recommends."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hellotext_async import Hellotext, Money, OrderItem, SessionConflict
from hellotext_async.config import EventFormat
from hellotext_async.emulator import Emulator

SOURCE = "custom_store"
LAST_YEAR = datetime(2025, 11, 20, 15, 30, tzinfo=UTC)
PRICE = Money(Decimal("44.95"), "USD")


@pytest.mark.parametrize("event_format", ["typed", "object"])
async def test_a_store_is_connected_from_its_properties_to_its_refunds(event_format: EventFormat) -> None:
    """Properties, profiles, catalogue, history, a visitor who becomes a customer, an order's life, refund, coupon."""
    async with Emulator() as emulator:
        connection = Hellotext(
            emulator.token,
            base_url=emulator.url,
            event_format=event_format,
            strict=True,
            business_id=emulator.business_id,
        )
        async with connection as client:
            await connect(client, emulator)


async def connect(client: Hellotext, emulator: Emulator) -> None:
    # 1 and 2. Definitions of the properties, once.
    customer_id = await client.properties.create(kind="text", name="Customer ID", unique=True)
    # 3. Profiles, found by their contacts on the next synchronisation.
    ana: dict[str, Any] = {"first_name": "Ana", "email": {"primary": "ana@example.test"}, "phone": "+59899000001"}
    profile = await client.profiles.upsert(**ana, properties_by_id={customer_id.id: "customer-4821"})
    assert (await client.profiles.upsert(**ana, last_name="Silva")).id == profile.id
    await client.lists.ensure("Customers")
    await client.lists.add_profile("Customers", profile.id)
    # 4. The catalogue, twice: nothing is duplicated.
    for _ in range(2):
        sneakers = await client.products.upsert(
            name="Everyday Sneakers", reference="product-100", source=SOURCE, sku="SKU-100", price=PRICE
        )
        planner = await client.products.upsert(name="Planner", reference="product-200", source=SOURCE, price=PRICE)
    size = await client.products.create_variant("SKU-100", name="42", sku="SKU-100-42", price=PRICE)
    assert [product.id async for product in client.products.list()] == [planner.id, sneakers.id]
    # 5. Historical orders, at their own times.
    lines: list[OrderItem] = [
        {"product": "SKU-100-42", "quantity": 1, "price": PRICE},
        {"product": planner.id, "quantity": 2},
    ]
    old = await client.orders.create(reference="ORDER-0001", source=SOURCE, delivery="deliver", items=lines)
    assert old.total == Money(Decimal("134.85"), "USD")
    assert [line.product for line in old.items] == [size.id, planner.id]
    async with client.event_queue() as queue:
        history = await queue.put(
            "order.delivered", order=old.id, profile=profile.id, amount=134.85, currency="USD", tracked_at=LAST_YEAR
        )
        assert (await history).delivered
    assert emulator.events[-1]["tracked_at"] == int(LAST_YEAR.timestamp())
    # 7. An unidentified visitor.
    visitor = "c7a42761-f34d-41a2-b078-6a8172690350"
    await client.events.track("page.viewed", session=visitor, url="https://shop.example.com/")
    await client.events.track("product.viewed", session=visitor, product="product-100")
    await client.events.track("cart.added", session=visitor, products=[{"product": "SKU-100-42", "quantity": 2}])
    assert emulator.events[-1]["profile"] is None
    cart = (await client.carts.list(limit=1)).items[0]
    assert cart.items == [{"product": size.id, "quantity": 2}]
    # 8. The visitor logs in.
    assert (await client.sessions.attach(visitor, profile=profile.id)).profile == profile.id
    other = await client.profiles.upsert(email="bruno@example.test")
    with pytest.raises(SessionConflict):
        await client.sessions.attach(visitor, profile=other.id)
    await client.events.track("cart.abandoned", session=visitor, cart=cart.id)
    assert emulator.events[-1]["profile"] == profile.id
    # 9. The order, from the backend, step by step; a step that is sent twice counts once.
    coupon = await client.coupons.create(code="SALE", reference="coupon-1")
    await client.events.track("coupon.redeemed", coupon=coupon.id, profile=profile.id)
    order = await client.orders.create(reference="ORDER-1001", source=SOURCE, delivery="deliver", items=lines)
    async with client.event_queue() as queue:
        for step in ("placed", "confirmed", "confirmed", "printed_label", "shipped", "delivered"):
            queue.track(f"order.{step}", order=order.id, profile=profile.id, session=visitor)
        report = await queue.flush()
        assert report.outcomes == {"delivered": 6} | {name: 0 for name in report.outcomes if name != "delivered"}
    assert (await client.orders.update(order.id, payment_method="Visa")).items == order.items
    refund = {"reference": "R-1", "source": SOURCE, "amount": 44.95, "currency": "USD"}
    for step in ("requested", "received"):
        await client.events.track(f"refund.{step}", profile=profile.id, refund_parameters=refund)  # type: ignore[arg-type]
    # One message about it.
    template = await client.templates.create(name="Refund", technology="sms", body="See {shortlink:refund}")
    await client.messages.send(
        profile=profile.id, technology="sms", template={"id": template.id, "shortlinks": {"refund": "https://x"}}
    )
    # 10. Verified end to end.
    assert emulator.counts == {
        "order.delivered": 2, "page.viewed": 1, "product.viewed": 1, "cart.added": 1, "cart.abandoned": 1,
        "coupon.redeemed": 1, "order.placed": 1, "order.confirmed": 1, "order.printed_label": 1, "order.shipped": 1,
        "refund.requested": 1, "refund.received": 1,
    }  # fmt: skip
    assert len(emulator.store.refunds) == 1
    assert len(emulator.store.orders) == 2
    assert len(emulator.store.products) == 2
    assert {event["trackable"] for event in emulator.events if event["action"].startswith("order.")} == {
        old.id,
        order.id,
    }
    assert [message.body async for message in client.messages.list()] == ["See https://x"]
    ana_now = await client.profiles.retrieve(profile.id)
    assert (ana_now.last_name, [one.name for one in ana_now.lists]) == ("Silva", ["Customers"])
    assert emulator.statuses.keys() <= {200, 201, 404}
