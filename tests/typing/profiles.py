"""Profiles: the forms of their fields, their answers, their verbs."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from datetime import datetime
from typing import Any, assert_type

from hellotext_async import (
    Address,
    Created,
    Day,
    Deleted,
    Hellotext,
    Listing,
    Page,
    Profile,
    ProfileList,
    PropertyValue,
    Street,
    Updated,
    Verified,
)


async def profiles(client: Hellotext) -> None:
    family = client.profiles
    assert_type(await family.create(), Created)
    assert_type(await family.create(first_name="Will E", last_name=None, session="s", reference=5), Created)
    assert_type(await family.retrieve("x"), Profile)
    assert_type(await family.update("x", email=None, lists=None), Updated)
    assert_type(await family.delete("x"), Deleted)
    assert_type(family.list(sort="alphabetically", limit=5), Listing[Profile])
    assert_type(await family.list(starting_after="x"), Page[Profile])
    assert_type(await family.subscribe("x"), Profile)
    assert_type(await family.unsubscribe("x"), Profile)
    assert_type(await family.verify("x", phone="+59898000001"), Verified)
    assert_type(await family.unverify("x", email="will.e@acme.com"), Verified)
    family.list(sort="name")  # type: ignore[arg-type]
    await family.create(name="Will")  # type: ignore[call-arg]
    await family.create(first_name=5)  # type: ignore[arg-type]
    await family.create(reference=1.5)  # type: ignore[arg-type]
    await family.update("x", gender="male")  # type: ignore[call-arg]
    await family.update("x", properties=None)  # type: ignore[arg-type]
    await family.update("x", lists="Greens")  # type: ignore[arg-type]
    await family.update(id="x")  # type: ignore[call-arg]
    await family.verify("x", "+59898000001")  # type: ignore[call-arg]
    await family.verify("x", phone=5)  # type: ignore[arg-type]
    await family.subscribe()  # type: ignore[call-arg]


async def fields(client: Hellotext, by_name: dict[str, str], gone: dict[str, None]) -> None:
    create = client.profiles.create
    home = Address(city="Montevideo", street=Street(name="Av. Italia", number="1"))
    await create(email="a", phone={"work": "1"})
    await create(email={"work": None}, phone={None: "1", "work": "2"})
    await create(email=by_name, phone=gone)
    await create(address=home)
    await create(address="Av. Italia 1")
    await create(address={"work": home, "home": "Av. Italia 1", "old": None})
    await create(address={None: home})
    await create(address=by_name)
    await create(properties={"Active": True, "gender": "male", "birthday": Day(day=3, month=11)})
    await create(properties_by_id={"gVlpOkwJ": 5}, lists=["Greens"])
    await create(phone=5)  # type: ignore[arg-type]
    await create(phone={"work": 5})  # type: ignore[arg-type]
    await create(phone={5: "1"})  # type: ignore[arg-type]
    await create(phone=["1"])  # type: ignore[arg-type]
    await create(address={"work": {"city": "Montevideo"}})  # type: ignore[arg-type]
    await create(address=["Av. Italia 1"])  # type: ignore[arg-type]
    await create(properties=["Active"])  # type: ignore[arg-type]
    Address(town="Montevideo")  # type: ignore[call-arg]
    Day(month=11)  # type: ignore[call-arg]


def answers(profile: Profile, verified: Verified, updated: Updated, deleted: Deleted) -> None:
    assert_type(profile.id, str)
    assert_type(profile.blocked, bool | None)
    assert_type(profile.created_at, datetime | None)
    assert_type(profile.emails, list[str])
    assert_type(profile.lists, list[ProfileList])
    assert_type(profile.properties, list[PropertyValue])
    assert_type(profile.state, str | None)
    assert_type(profile.to_dict(), dict[str, Any])
    assert_type(verified.verified, bool | None)
    assert_type(updated.updated, bool)
    assert_type(deleted.deleted, bool)
    profile.first_name = "Will"  # type: ignore[misc]
    profile.name  # type: ignore[attr-defined]


def values(entry: PropertyValue) -> None:
    assert_type(entry.kind, str | None)
    assert_type(entry.verified, bool | None)
    match entry.value:
        case Address() as address:
            assert_type(address.street, Street | None)
            assert_type(address.latitude, str | None)
            assert_type(address.latitude_degrees, float | None)
        case Day() as day:
            assert_type(day.year, int | None)
        case list() as tags:
            assert_type(tags, list[Any])
        case bool() as ticked:
            assert_type(ticked, bool)
        case _:
            pass
    entry.value.city  # type: ignore[union-attr]
