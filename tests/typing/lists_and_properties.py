"""Lists and properties."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from typing import assert_type

from hellotext_async import Deleted, Hellotext, Listing, Page, Profile, ProfileList, Property


async def lists(client: Hellotext) -> None:
    family = client.lists
    assert_type(await family.create(name="Greens"), ProfileList)
    assert_type(await family.retrieve("Greens"), ProfileList)
    assert_type(await family.update("Greens", name="Loyal"), ProfileList)
    assert_type(await family.delete("Greens"), Deleted)
    assert_type(family.list(), Listing[ProfileList])
    assert_type(await family.list(limit=5), Page[ProfileList])
    assert_type(await family.add_profile("Greens", "MzYwlE50"), Profile)
    assert_type(await family.remove_profile("Greens", "MzYwlE50"), Profile)
    await family.create()  # type: ignore[call-arg]
    await family.create("Greens")  # type: ignore[call-arg]
    await family.create(name=None)  # type: ignore[arg-type]
    await family.update("Greens", id="x")  # type: ignore[call-arg]
    await family.add_profile("Greens")  # type: ignore[call-arg]
    await family.remove_profile("Greens", 5)  # type: ignore[arg-type]


async def properties(client: Hellotext) -> None:
    family = client.properties
    assert_type(await family.create(kind="text"), Property)
    assert_type(await family.create(kind="email", profile="MzYwlE50", name=None, unique=True), Property)
    assert_type(await family.retrieve("x"), Property)
    assert_type(await family.update("x", position=None, name="Renamed", unique=False), Property)
    assert_type(await family.delete("x"), Deleted)
    assert_type(family.list(), Listing[Property])
    assert_type(await family.list(), Page[Property])
    assert_type((await family.retrieve("x")).kind, str | None)
    await family.create()  # type: ignore[call-arg]
    await family.create(kind="gender")  # type: ignore[arg-type]
    await family.create(kind="text", unique="yes")  # type: ignore[arg-type]
    await family.update("x", kind="text")  # type: ignore[call-arg]
    await family.update("x", position="last")  # type: ignore[arg-type]
