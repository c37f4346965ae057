"""Collections: a page, every item, every page, and the calls that have no family."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

import asyncio
from typing import Any, assert_type

from hellotext_async import Coupon, Hellotext, Listing, Page, Profile


async def pages(client: Hellotext) -> None:
    listing = client.profiles.list()
    assert_type(listing, Listing[Profile])
    page = await listing
    assert_type(page, Page[Profile])
    assert_type(page.items, list[Profile])
    assert_type(page.items[0].first_name, str | None)
    assert_type(page.has_more, bool | None)
    assert_type(page.to_dict(), dict[str, Any])
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(client.profiles.list()), asyncio.Task[Page[Profile]])
    async for profile in listing:
        assert_type(profile, Profile)
    async for one in client.coupons.list().pages():
        assert_type(one, Page[Coupon])
    assert_type([coupon.code async for coupon in client.coupons.list()], list[str | None])
    page.items = []  # type: ignore[misc]
    for _ in listing:  # type: ignore[attr-defined]
        pass


async def views(client: Hellotext) -> None:
    view = client.with_options(deadline=5, wait=0)
    assert_type(await view.profiles.retrieve("x"), Profile)
    assert_type(await client.request("GET", "/v1/objects", query={"limit": 5}), Any)
    await client.request("HEAD", "/v1/objects")  # type: ignore[arg-type]
    await view.aclose()  # type: ignore[attr-defined]
