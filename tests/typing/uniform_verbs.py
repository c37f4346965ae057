"""The verbs that most families have, wrong in each: an id by keyword or of another type, a filter that is none."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from hellotext_async import Hellotext


async def retrieve(client: Hellotext) -> None:
    await client.actions.retrieve(id="x")  # type: ignore[call-arg]
    await client.apps.retrieve(5)  # type: ignore[arg-type]
    await client.carts.retrieve(id="x")  # type: ignore[call-arg]
    await client.coupons.retrieve(5)  # type: ignore[arg-type]
    await client.lists.retrieve(id="x")  # type: ignore[call-arg]
    await client.messages.retrieve(5)  # type: ignore[arg-type]
    await client.objects.retrieve(id="x")  # type: ignore[call-arg]
    await client.orders.retrieve(5)  # type: ignore[arg-type]
    await client.products.retrieve(id="x")  # type: ignore[call-arg]
    await client.profiles.retrieve(5)  # type: ignore[arg-type]
    await client.properties.retrieve(id="x")  # type: ignore[call-arg]
    await client.templates.retrieve(5)  # type: ignore[arg-type]


async def update(client: Hellotext) -> None:
    await client.actions.update()  # type: ignore[call-arg]
    await client.apps.update()  # type: ignore[call-arg]
    await client.carts.update()  # type: ignore[call-arg]
    await client.coupons.update()  # type: ignore[call-arg]
    await client.lists.update()  # type: ignore[call-arg]
    await client.objects.update()  # type: ignore[call-arg]
    await client.orders.update()  # type: ignore[call-arg]
    await client.products.update()  # type: ignore[call-arg]
    await client.profiles.update()  # type: ignore[call-arg]
    await client.properties.update()  # type: ignore[call-arg]
    await client.templates.update()  # type: ignore[call-arg]


async def delete(client: Hellotext) -> None:
    await client.actions.delete()  # type: ignore[call-arg]
    await client.apps.delete(5)  # type: ignore[arg-type]
    await client.carts.delete()  # type: ignore[call-arg]
    await client.coupons.delete(5)  # type: ignore[arg-type]
    await client.lists.delete()  # type: ignore[call-arg]
    await client.objects.delete(5)  # type: ignore[arg-type]
    await client.products.delete()  # type: ignore[call-arg]
    await client.profiles.delete(5)  # type: ignore[arg-type]
    await client.properties.delete()  # type: ignore[call-arg]
    await client.templates.delete(5)  # type: ignore[arg-type]


async def list_(client: Hellotext) -> None:
    client.actions.list(limit="5")  # type: ignore[arg-type]
    client.actions.list(after="x")  # type: ignore[call-arg]
    client.apps.list(limit="5")  # type: ignore[arg-type]
    client.apps.list(after="x")  # type: ignore[call-arg]
    client.carts.list(limit="5")  # type: ignore[arg-type]
    client.carts.list(after="x")  # type: ignore[call-arg]
    client.coupons.list(limit="5")  # type: ignore[arg-type]
    client.coupons.list(after="x")  # type: ignore[call-arg]
    client.lists.list(limit="5")  # type: ignore[arg-type]
    client.lists.list(after="x")  # type: ignore[call-arg]
    client.messages.list(limit="5")  # type: ignore[arg-type]
    client.messages.list(after="x")  # type: ignore[call-arg]
    client.objects.list(limit="5")  # type: ignore[arg-type]
    client.objects.list(after="x")  # type: ignore[call-arg]
    client.orders.list(limit="5")  # type: ignore[arg-type]
    client.orders.list(after="x")  # type: ignore[call-arg]
    client.products.list(limit="5")  # type: ignore[arg-type]
    client.products.list(after="x")  # type: ignore[call-arg]
    client.profiles.list(limit="5")  # type: ignore[arg-type]
    client.profiles.list(after="x")  # type: ignore[call-arg]
    client.properties.list(limit="5")  # type: ignore[arg-type]
    client.properties.list(after="x")  # type: ignore[call-arg]
    client.templates.list(limit="5")  # type: ignore[arg-type]
    client.templates.list(after="x")  # type: ignore[call-arg]


async def consent(client: Hellotext) -> None:
    await client.profiles.create(phone=5)  # type: ignore[arg-type]
    await client.profiles.subscribe(5)  # type: ignore[arg-type]
    await client.profiles.unsubscribe(5)  # type: ignore[arg-type]
    await client.profiles.verify("x", mobile="+1")  # type: ignore[call-arg]
    await client.profiles.unverify("x", phone=5)  # type: ignore[arg-type]
