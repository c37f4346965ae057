"""Every verb of every family against the emulator, over real sockets: the answers match what is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hellotext_async import Address, Day, Hellotext, Profile, Street
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.errors import (
    BadRequest,
    InvalidParameter,
    NotFound,
    OutcomeUnknown,
    Unauthorized,
    UnexpectedResponse,
    ValidationFailed,
)


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[Hellotext]:
    async with Hellotext(token=emulator.token, base_url=emulator.url) as client:
        yield client


def values(profile: Profile) -> dict[str, Any]:
    """A profile's values, by ``kind`` or ``kind[name]``."""
    return {entry.kind + (f"[{entry.name}]" if entry.name else ""): entry.value for entry in profile.properties}  # type: ignore[operator]


PLAIN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("actions", {"name": "subscriber.voted"}, {"title": "Voted", "goal": True, "passive": False}),
    ("apps", {"name": "Beauty & Care", "metadata": {"store": [1, {"a": None}]}}, {"image_url": "https://x/y.jpg"}),
    ("carts", {"reference": "c-1", "source": "shop", "items": [{"product": "p", "quantity": 2}]}, {"items": []}),
    ("coupons", {"code": "SALE", "description": "15 % off"}, {"description": None, "reference": "r-1"}),
    ("lists", {"name": "Beauty & Care"}, {"name": "Loyal/50% …"}),
    ("properties", {"kind": "number", "name": "Spent"}, {"name": "Paid", "position": 7}),
]


@pytest.mark.parametrize(("name", "new", "changes"), PLAIN, ids=[name for name, _, _ in PLAIN])
async def test_an_object_lives_from_create_to_delete(
    client: Hellotext, name: str, new: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Created, read, updated, listed, deleted, not found."""
    family: Any = getattr(client, name)
    made = await family.create(**new)
    assert {key: getattr(made, key) for key in new} == new
    assert made.type == family.noun
    assert abs(made.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert await family.retrieve(made.id) == made
    changed = await family.update(made.id, **changes)
    assert {key: getattr(changed, key) for key in changes} == changes
    assert {**made.to_dict(), **changes} == changed.to_dict()
    assert [one.id for one in (await family.list()).items] == [made.id]
    gone = await family.delete(made.id)
    assert (gone.id, gone.type, gone.deleted) == (made.id, family.noun, True)
    assert (await family.list()).items == []
    for verb in (family.retrieve, family.update, family.delete):
        with pytest.raises(NotFound):
            await verb(made.id)


async def test_a_profile_lives_from_create_to_clear_and_back(client: Hellotext) -> None:
    """Deleting clears it: it exists without its values, and subscribing restores it."""
    id = (await client.profiles.create(first_name="Will E", email="will.e@acme.com", lists=["Greens"])).id
    profile = await client.profiles.retrieve(id)
    assert (profile.first_name, profile.state, profile.emails) == ("Will E", "unconfirmed", ["will.e@acme.com"])
    assert [one.name for one in profile.lists] == ["Greens"]
    updated = await client.profiles.update(id, last_name="Coyote", lists=[])
    assert (updated.id, updated.updated) == (id, True)
    profile = await client.profiles.retrieve(id)
    assert (profile.first_name, profile.last_name, profile.lists) == ("Will E", "Coyote", [])
    assert (await client.profiles.subscribe(id)).state == "subscribed"
    assert (await client.profiles.unsubscribe(id)).state == "unsubscribed"
    assert (await client.profiles.delete(id)).deleted
    cleared = await client.profiles.retrieve(id)
    assert (cleared.first_name, cleared.properties) == (None, [])
    assert (await client.profiles.subscribe(id)).state == "subscribed"


async def test_every_form_of_a_profiles_fields_arrives(client: Hellotext, emulator: Emulator) -> None:
    """Default and named contacts, addresses, values of every kind, sessions and references."""
    for kind, name in (("text", "Note"), ("checkbox", "Active"), ("tags", "Likes"), ("date", "Since"), ("url", "Site")):
        await client.properties.create(kind=kind, name=name)  # type: ignore[arg-type]
    spent = await client.properties.create(kind="number", name="Spent")
    home = Address(city="Montevideo", latitude="-0.349044168e2", street=Street(name="Av. Italia", number="1"))
    created = await client.profiles.create(
        email={None: "a@acme.com", "work": "b@acme.com"},
        phone={None: "099 111 222", "work": "+59899333444"},
        address={None: home, "work": "Av. Brasil 2, Montevideo"},
        properties={
            "Note": "n", "Active": True, "Likes": ["x", "y"], "Since": date(2020, 2, 29), "Site": "https://x",
            "gender": "male", "birthday": Day(day=3, month=11, year=1985), "company": "ACME",
        },
        properties_by_id={spent.id: 29.99},
        session="visitor-1",
        reference=17,
    )  # fmt: skip
    profile = await client.profiles.retrieve(created.id)
    assert profile.emails == ["a@acme.com", "b@acme.com"]
    assert profile.phones == ["+59899111222", "+59899333444"]
    found = values(profile)
    assert found.pop("address") == home
    assert found.pop("address[work]").street == Street(name="Av. Brasil", number="2")
    assert found == {
        "email": "a@acme.com", "email[work]": "b@acme.com", "phone": "+59899111222", "phone[work]": "+59899333444",
        "text[Note]": "n", "checkbox[Active]": True, "tags[Likes]": ["x", "y"], "url[Site]": "https://x",
        "date[Since]": Day(day=29, month=2, year=2020), "birthday": Day(day=3, month=11, year=1985),
        "gender": "male", "company": "ACME", "number[Spent]": 29.99,
    }  # fmt: skip
    assert emulator.store.sessions["visitor-1"] == created.id


async def test_none_removes_and_the_next_becomes_the_default(client: Hellotext) -> None:
    """The default, a named one, one by id, an address, a property, every list."""
    id = (
        await client.profiles.create(
            email={None: "a@acme.com", "work": "b@acme.com"},
            phone={None: "+59899111222", "work": "+59899333444"},
            address={None: "Av. Italia 1", "work": "Av. Brasil 2"},
            properties={"gender": "male", "company": "ACME"},
            lists=["Greens", "Reds"],
        )
    ).id
    await client.profiles.update(id, email=None, phone={"work": None}, properties={"gender": None}, lists=None)
    profile = await client.profiles.retrieve(id)
    assert (profile.emails, profile.phones, profile.lists) == (["b@acme.com"], ["+59899111222"], [])
    assert "gender" not in values(profile)
    by_id = {entry.id: entry for entry in profile.properties}
    work = next(entry.id for entry in by_id.values() if entry.kind == "address" and entry.name == "work")
    assert work is not None
    await client.profiles.update(id, address={work: None}, email=None)
    assert values(await client.profiles.retrieve(id)).keys() == {"phone", "address", "company"}
    await client.profiles.update(id, address=Address(), phone=None)
    assert values(await client.profiles.retrieve(id)).keys() == {"company"}


async def test_the_same_phone_again_is_the_same_profile(client: Hellotext) -> None:
    """Created again, it is updated."""
    first = await client.profiles.create(phone="+59899111222", first_name="Will")
    again = await client.profiles.create(phone="099111222", last_name="Coyote")
    assert again.id == first.id
    profile = await client.profiles.retrieve(first.id)
    assert (profile.first_name, profile.last_name, profile.phones) == ("Will", "Coyote", ["+59899111222"])


async def test_contacts_are_verified_and_unverified(client: Hellotext) -> None:
    """The profile reports it, and so does each value."""
    id = (await client.profiles.create(email="a@acme.com", phone="+59899111222")).id
    assert (await client.profiles.verify(id, email="a@acme.com")).verified is True
    assert (await client.profiles.verify(id, phone="+59899111222")).verified is True
    profile = await client.profiles.retrieve(id)
    assert (profile.verified_emails, profile.verified_phones) == (["a@acme.com"], ["+59899111222"])
    assert [entry.verified for entry in profile.properties] == [True, True]
    assert (await client.profiles.unverify(id, email="a@acme.com")).verified is False
    assert (await client.profiles.retrieve(id)).verified_emails == []
    with pytest.raises(NotFound):
        await client.profiles.verify(id, email="other@acme.com")


async def test_profiles_join_and_leave_lists_by_id_or_name(client: Hellotext) -> None:
    """A repeated call changes nothing; the caller need not encode names."""
    greens = await client.lists.create(name="Beauty & Care, 50% …")
    id = (await client.profiles.create(first_name="Will")).id
    for key in (greens.id, greens.name or ""):
        for _ in range(2):
            assert (await client.lists.add_profile(key, id)).lists == [greens]
        for _ in range(2):
            assert (await client.lists.remove_profile(key, id)).lists == []
    assert await client.lists.retrieve("Beauty & Care, 50% …") == greens
    renamed = await client.lists.update("Beauty & Care, 50% …", name="Loyal")
    assert (renamed.id, renamed.name) == (greens.id, "Loyal")
    assert (await client.lists.delete("Loyal")).id == greens.id
    with pytest.raises(NotFound):
        await client.lists.add_profile("Loyal", id)


async def test_a_name_with_a_slash_is_found(client: Hellotext) -> None:
    """It is one segment of the path, quoted."""
    made = await client.lists.create(name="in/out")
    assert await client.lists.retrieve("in/out") == made


async def test_properties_belong_to_all_profiles_or_to_one(client: Hellotext) -> None:
    """Positions, the bottom, uniqueness, and a deletion that also removes the values."""
    id = (await client.profiles.create(first_name="Will")).id
    mine = await client.properties.create(kind="email", name="Work", profile=id)
    assert (mine.profile, mine.unique) == (id, False)
    first = await client.properties.create(kind="text", name="First", unique=True)
    second = await client.properties.create(kind="text", name="Second")
    assert (first.position, second.position) == (1, 2)
    assert (await client.properties.update(first.id, position=None)).position == 3
    await client.profiles.update(id, properties={"First": "a", "Second": "b"})
    other = (await client.profiles.create(first_name="Wile")).id
    with pytest.raises(ValidationFailed) as caught:
        await client.profiles.update(other, properties={"First": "a"})
    assert (caught.value.errors[0].type, caught.value.errors[0].parameter) == (
        "parameter_not_unique",
        "property[First]",
    )
    await client.properties.delete(second.id)
    assert values(await client.profiles.retrieve(id)) == {"text[First]": "a"}


@pytest.mark.parametrize("way", ["typed", "object"])
async def test_events_arrive_in_both_forms(emulator: Emulator, way: Any) -> None:
    """One of a known profile, one of a visitor, one of a custom action."""
    async with Hellotext(emulator.token, base_url=emulator.url, event_format=way) as client:
        id = (await client.profiles.create(first_name="Will")).id
        await client.actions.create(name="subscriber.voted")
        for action, fields in (
            ("order.placed", {"order_parameters": {"reference": "o-1"}, "profile": id, "amount": 5, "currency": "USD"}),
            ("product.viewed", {"product_parameters": {"name": "Soap", "reference": "s"}, "session": "visitor-1"}),
            ("subscriber.voted", {"session": "visitor-1", "metadata": {"for": "soap"}}),
        ):
            assert (await client.events.track(action, **fields)).status == "received"  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await client.events.track("subscriber.left", session="visitor-1")
    assert [event["action"] for event in emulator.events] == ["order.placed", "product.viewed", "subscriber.voted"]


async def test_what_the_api_refuses_names_the_parameter(client: Hellotext) -> None:
    """422 with the API's own types."""
    await client.coupons.create(code="SALE")
    await client.actions.create(name="subscriber.voted")
    other = (await client.profiles.create(email="a@acme.com")).id
    id = (await client.profiles.create(email="b@acme.com")).id
    for asking, type_, parameter in (
        (client.coupons.create(code="SALE"), "parameter_not_unique", "code"),
        (client.coupons.create(code=""), "parameter_invalid_empty", "code"),
        (client.actions.create(name="subscriber.voted"), "parameter_not_unique", "name"),
        (client.properties.create(kind="text", name="1st-name"), "invalid", "name"),
        (client.profiles.update(id, email="a@acme.com"), "parameter_not_unique", "email"),
        (client.profiles.update(id, phone={"work": "no phone"}), "phone_number_invalid", "phone[work]"),
    ):
        with pytest.raises(ValidationFailed) as caught:
            await asking  # type: ignore[misc]
        assert [(entry.type, entry.parameter) for entry in caught.value.errors] == [(type_, parameter)]
    assert (await client.profiles.retrieve(other)).emails == ["a@acme.com"]


async def test_a_collection_is_read_to_its_end(client: Hellotext, emulator: Emulator) -> None:
    """Newest first, page by page, forwards and backwards, each once."""
    made = [(await client.lists.create(name=f"list {n}")).id for n in range(60)][::-1]
    assert [one.id async for one in client.lists.list()] == made
    assert [len(page.items) async for page in client.lists.list(limit=25).pages()] == [25, 25, 10]
    page = await client.lists.list(limit=10, starting_after=made[9])
    assert ([one.id for one in page.items], page.has_more) == (made[10:20], True)
    before = [
        [one.id for one in page.items] async for page in client.lists.list(limit=8, ending_before=made[20]).pages()
    ]
    assert before == [made[12:20], made[4:12], made[:4]]
    assert all(one.raw["name"] == one.name for one in page.items)
    with pytest.raises(BadRequest):
        await client.lists.list(starting_after="nobody")


async def test_profiles_are_listed_in_three_orders(client: Hellotext) -> None:
    """By activity, by name, by creation; the order is kept across pages."""
    names = {}
    for first, last in (("B", "Z"), ("A", "Z"), ("C", "A")):
        names[(await client.profiles.create(first_name=first, last_name=last)).id] = first + last
    await client.profiles.update(next(iter(names)), email="b@acme.com")

    async def order(**sort: Any) -> list[str]:
        return [names[one.id] async for one in client.profiles.list(limit=2, **sort)]

    assert await order() == await order(sort="activity") == ["BZ", "CA", "AZ"]
    assert await order(sort="alphabetically") == ["CA", "AZ", "BZ"]
    assert await order(sort="created_at") == ["CA", "AZ", "BZ"]


async def test_a_wrong_token_raises_its_own_error(emulator: Emulator) -> None:
    """For every kind of call."""
    async with Hellotext("another-token", base_url=emulator.url) as client:
        for asking in (
            client.profiles.retrieve("x"),
            client.lists.create(name="a"),
            client.events.track("a", session="s"),
        ):
            with pytest.raises(Unauthorized):
                await asking  # type: ignore[misc]


async def test_a_create_whose_answer_is_truncated_is_unknown(client: Hellotext, emulator: Emulator) -> None:
    """Applied, answer truncated: OutcomeUnknown; a read is sent again."""
    emulator.faults.add(Fault("truncate", match="POST /v1/lists"))
    with pytest.raises(OutcomeUnknown):
        await client.lists.create(name="Greens")
    assert (await client.lists.retrieve("Greens")).name == "Greens"
    emulator.faults.add(Fault("drop_after", match="GET /v1/lists/Greens"))
    assert (await client.lists.retrieve("Greens")).name == "Greens"


async def test_a_delete_whose_answer_is_lost_is_done(client: Hellotext, emulator: Emulator) -> None:
    """The retry gets 404, which is the requested state."""
    id = (await client.coupons.create(code="SALE")).id
    emulator.faults.add(Fault("drop_after", match=f"DELETE /v1/coupons/{id}"))
    gone = await client.coupons.delete(id)
    assert (gone.id, gone.type, gone.deleted) == (id, "coupon", True)
    with pytest.raises(NotFound):
        await client.coupons.delete(id)


async def test_a_bad_argument_is_never_sent(client: Hellotext, emulator: Emulator) -> None:
    """No request is made."""
    for asking in (
        client.profiles.retrieve("../lists"),
        client.profiles.create(email=5),  # type: ignore[arg-type]
        client.profiles.verify("x"),
        client.properties.create(kind="email"),
        client.lists.retrieve(".."),
        client.apps.create(name="a", metadata={"a": float("nan")}),
    ):
        with pytest.raises(InvalidParameter):
            await asking  # type: ignore[misc]
    assert not list(emulator.requests)


async def test_what_has_no_family_can_be_asked(client: Hellotext) -> None:
    """`request` returns the JSON; an unknown route raises NotFound."""
    made = await client.request("POST", "/v1/objects", json={"name": "trip", "title": "Trip"})
    assert (await client.request("GET", f"/v1/objects/{made['id']}"))["name"] == "trip"
    with pytest.raises(NotFound):
        await client.request("GET", "/v1/nonsense")
    with pytest.raises(UnexpectedResponse):
        await client.request("PUT", "/v1/objects")
