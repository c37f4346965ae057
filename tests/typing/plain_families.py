"""Coupons, actions, apps and carts: the uniform verbs."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from typing import Any, assert_type

from hellotext_async import Action, App, Cart, Coupon, Deleted, Hellotext, Listing, Page


async def coupons(client: Hellotext) -> None:
    family = client.coupons
    assert_type(await family.create(code="SALE"), Coupon)
    assert_type(await family.create(code="SALE", description=None, destination_url="https://x", reference=5), Coupon)
    assert_type(await family.retrieve("x"), Coupon)
    assert_type(await family.update("x", code="SALE15", reference=None), Coupon)
    assert_type(await family.update("x"), Coupon)
    assert_type(await family.delete("x"), Deleted)
    assert_type(family.list(limit=5, starting_after="x"), Listing[Coupon])
    assert_type(await family.list(ending_before="x"), Page[Coupon])
    await family.create()  # type: ignore[call-arg]
    await family.create(code=5)  # type: ignore[arg-type]
    await family.create(code=None)  # type: ignore[arg-type]
    await family.create(code="SALE", colour="red")  # type: ignore[call-arg]
    await family.update("x", code=None)  # type: ignore[arg-type]
    await family.update(id="x", code="SALE")  # type: ignore[call-arg]
    await family.update(code="SALE")  # type: ignore[call-arg]
    await family.retrieve(5)  # type: ignore[arg-type]
    await family.retrieve(id="x")  # type: ignore[call-arg]
    await family.delete()  # type: ignore[call-arg]
    family.list(sort="created_at")  # type: ignore[call-arg]
    family.list(limit="5")  # type: ignore[arg-type]


async def actions(client: Hellotext) -> None:
    family = client.actions
    assert_type(await family.create(name="subscriber.voted"), Action)
    assert_type(await family.create(name="subscriber.voted", title="Voted", goal=True, passive=False), Action)
    assert_type(await family.retrieve("x"), Action)
    assert_type(await family.update("x", title=None, goal=False), Action)
    assert_type(await family.delete("x"), Deleted)
    assert_type(family.list(), Listing[Action])
    assert_type(await family.list(), Page[Action])
    await family.create(title="Voted")  # type: ignore[call-arg]
    await family.update("x", goal="yes")  # type: ignore[arg-type]


async def apps(client: Hellotext) -> None:
    family = client.apps
    assert_type(await family.create(name="Beauty & Care", metadata={"a": 1}, image_url=None), App)
    assert_type(await family.retrieve("x"), App)
    assert_type(await family.update("x", image_url="https://x"), App)
    assert_type(await family.delete("x"), Deleted)
    assert_type(family.list(), Listing[App])
    assert_type(await family.list(), Page[App])
    assert_type((await family.retrieve("x")).metadata, dict[str, Any])
    await family.create()  # type: ignore[call-arg]
    await family.create(name="x", metadata=[1])  # type: ignore[arg-type]


async def carts(client: Hellotext) -> None:
    family = client.carts
    lines: list[dict[str, int | str]] = [{"product": "vxqQJ3Yg", "quantity": 2}]
    assert_type(await family.create(), Cart)
    assert_type(await family.create(reference="c-1", source="shop", items=lines), Cart)
    assert_type(await family.retrieve("x"), Cart)
    assert_type(await family.update("x", reference=5, items=()), Cart)
    assert_type(await family.delete("x"), Deleted)
    assert_type(family.list(), Listing[Cart])
    assert_type(await family.list(), Page[Cart])
    await family.create(items=5)  # type: ignore[arg-type]
    await family.create(products=[])  # type: ignore[call-arg]
