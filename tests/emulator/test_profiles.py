"""Profiles and the values of their properties: set, removed, promoted, matched, or refused as a whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from hellotext_async.emulator import Emulator
from hellotext_async.emulator.store import Store

from .conftest import Ask, Send, kinds

WILL = "/v1/profiles/MzYwlE50"


async def profile_of(ask: Ask, **fields: Any) -> tuple[str, dict[str, Any]]:
    """A new profile's path, and its representation."""
    status, made = await ask("POST", "/v1/profiles", **fields)
    assert status == 201, made
    path = f"/v1/profiles/{made['id']}"
    return path, (await ask("GET", path))[1]


def shown(profile: dict[str, Any]) -> dict[str, Any]:
    """Values by ``kind`` or ``kind[name]``."""
    named = [(value["kind"], value.get("name"), value["value"]) for value in profile["properties"]]
    return {kind if name is None else f"{kind}[{name}]": value for kind, name, value in named}


async def test_a_refused_change_changes_nothing(emulator: Emulator, ask: Ask) -> None:
    """However much of it was valid."""
    before, defined = (await ask("GET", WILL))[1], len(emulator.store.properties)
    status, answer = await ask(
        "PATCH",
        WILL,
        **{"first_name": "New", "email[work]": "w@acme.com", "session": "2KAGgAgm", "lists": ["Unheard"], "phone": "?"},
    )
    assert (status, kinds(answer)) == (422, [("phone_number_invalid", "phone")])
    assert (await ask("GET", WILL))[1] == before
    assert len(emulator.store.properties) == defined
    assert emulator.store.lists.find("Unheard") is None
    assert emulator.store.sessions["2KAGgAgm"] is None
    assert (await ask("POST", "/v1/profiles", first_name="x", email="not one"))[0] == 422
    assert len(emulator.store.profiles) == 1


async def test_removing_a_missing_value_is_no_error(ask: Ask) -> None:
    """For a property of the business that the profile has no value of."""
    await ask("POST", "/v1/properties", name="member", kind="tags")
    before = (await ask("GET", WILL))[1]
    assert (await ask("PATCH", WILL, **{"property[member]": ""}))[0] == 200
    assert (await ask("GET", WILL))[1] == before


async def test_the_default_contact_is_the_nameless_one_and_then_the_next(ask: Ask) -> None:
    """Set in any order; when it is removed, the next takes its place; when it is set again, the named one stays."""
    path, profile = await profile_of(ask, **{"phone[work]": "+59899000002", "phone": "+59899000001"})
    assert profile["phones"] == ["+59899000001", "+59899000002"]
    await ask("PATCH", path, phone="")
    assert (await ask("GET", path))[1]["phones"] == ["+59899000002"]
    await ask("PATCH", path, phone="+59899000003")
    assert (await ask("GET", path))[1]["phones"] == ["+59899000003", "+59899000002"]
    for _ in range(3):
        await ask("PATCH", path, phone="")
    assert (await ask("GET", path))[1]["phones"] == []


async def test_names_ids_and_nested_objects_mean_the_same(ask: Ask) -> None:
    """``email[work]``, ``{"email": {"work": …}}``, and the id of the created value."""
    path, profile = await profile_of(ask, email={"work": "a@acme.com", "home": "b@acme.com"})
    assert shown(profile) == {"email[work]": "a@acme.com", "email[home]": "b@acme.com"}
    ids = {value["name"]: value["id"] for value in profile["properties"]}
    await ask("PATCH", path, **{f"email[{ids['work']}]": "c@acme.com", f"property_by_id[{ids['home']}]": "d@acme.com"})
    assert shown((await ask("GET", path))[1]) == {"email[work]": "c@acme.com", "email[home]": "d@acme.com"}
    await ask("PATCH", path, email={"work": "", "home": None})
    assert shown((await ask("GET", path))[1]) == {}


async def test_a_named_contact_is_a_property_of_its_own_profile(ask: Ask) -> None:
    """It is listed, renamed and deleted like any; another profile's work e-mail is another property."""
    one, _ = await profile_of(ask, **{"email[work]": "a@acme.com"})
    two, _ = await profile_of(ask, **{"email[work]": "b@acme.com"})
    properties = (await ask("GET", "/v1/properties"))[1]["properties"]
    mine = next(each for each in properties if one.endswith(str(each["profile"])))
    assert (mine["kind"], mine["name"]) == ("email", "work")
    await ask("PATCH", f"/v1/properties/{mine['id']}", name="office")
    assert shown((await ask("GET", one))[1]) == {"email[office]": "a@acme.com"}
    status, answer = await ask("PATCH", two, **{f"email[{mine['id']}]": "x@acme.com"})
    assert (status, kinds(answer)[0][0]) == (422, "not_found")
    await ask("DELETE", f"/v1/properties/{mine['id']}")
    assert shown((await ask("GET", one))[1]) == {}
    assert shown((await ask("GET", two))[1]) == {"email[work]": "b@acme.com"}
    assert (await ask("PATCH", two, email="a@acme.com"))[0] == 200, "the deleted value is free"


async def test_an_address_in_every_form(ask: Ask, send: Send) -> None:
    """As an object, as text, by name, and in a form with brackets."""
    work = {"street": {"name": "Av. Brasil", "number": "2"}, "city": "Montevideo"}
    path, profile = await profile_of(ask, address={"suggest": "Main St 5, Rivera"}, **{"address[work]": work})
    values = shown(profile)
    assert (values["address"]["city"], values["address"]["street"]) == ("Rivera", {"name": "Main St", "number": "5"})
    assert values["address[work]"] == {**dict.fromkeys(values["address"]), **work}
    body = b"address[city]=Salto&address[street][name]=Uruguay&address[work]=''"
    assert (await send("PATCH", path, body))[0] == 200
    values = shown((await ask("GET", path))[1])
    assert (values["address"]["city"], values["address"]["street"]) == ("Salto", {"name": "Uruguay"})
    assert values.keys() == {"address"}
    await ask("PATCH", path, address={"work": "Av. Italia 1"})
    await send("PATCH", path, b"address={}")
    assert shown((await ask("GET", path))[1]).keys() == {"address[work]"}


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("checkbox", False, False),
        ("checkbox", "True", True),
        ("date", {"day": 29, "month": 2, "year": 2024}, {"day": 29, "month": 2, "year": 2024}),
        ("date", "2024-02-29", {"day": 29, "month": 2, "year": 2024}),
        ("date", {"day": 30, "month": 2, "year": 2024}, None),
        ("date", "tomorrow", None),
        ("number", 29.99, 29.99),
        ("number", "29.99", 29.99),
        ("number", "nan", None),
        ("number", True, None),
        ("tags", ["tag1", "tag2"], ["tag1", "tag2"]),
        ("tags", "tag1, tag2", ["tag1", "tag2"]),
        ("tags", [{}], None),
        ("text", "Long lasting customer", "Long lasting customer"),
        ("text", {"a": 1}, None),
        ("url", "https://www.hellotext.com", "https://www.hellotext.com"),
        ("url", "www.hellotext.com", None),
        ("gender", "male", "male"),
        ("company", "ACME Corporation", "ACME Corporation"),
        ("mercadolibre", "WILLE900001", "WILLE900001"),
        ("birthday", {"day": "3", "month": "11", "year": "1985"}, {"day": 3, "month": 11, "year": 1985}),
    ],
)
async def test_the_values_of_each_kind(ask: Ask, kind: str, given: Any, kept: Any) -> None:
    """By the kind, without a name; None means a refusal."""
    status, answer = await ask("PATCH", WILL, **{f"property[{kind}]": given})
    if kept is None:
        assert (status, kinds(answer)) == (422, [("invalid", f"property[{kind}]")])
    else:
        assert status == 200
        assert shown((await ask("GET", WILL))[1])[kind] == kept


async def test_a_unique_property_has_one_holder_for_each_value(ask: Ask) -> None:
    """Until the holder removes it, is cleared, or the property is no longer unique."""
    _, made = await ask("POST", "/v1/properties", kind="text", name="Card", unique=True)
    one, _ = await profile_of(ask, **{"property[Card]": "7"})
    two, _ = await profile_of(ask, first_name="Two")
    status, answer = await ask("PATCH", two, **{f"property_by_id[{made['id']}]": "7"})
    assert (status, kinds(answer)) == (422, [("parameter_not_unique", f"property_by_id[{made['id']}]")])
    await ask("DELETE", one)
    assert (await ask("PATCH", two, **{"property[Card]": "7"}))[0] == 200
    await ask("PATCH", f"/v1/properties/{made['id']}", unique=False)
    assert (await ask("PATCH", one, **{"property[Card]": "7"}))[0] == 200


async def test_positions_count_within_e_mails_phones_and_all_others(ask: Ask) -> None:
    """A new one is last; the empty value moves to the bottom."""

    async def position(**fields: Any) -> Any:
        return (await ask("POST", "/v1/properties", **fields))[1]["position"]

    assert await position(kind="text", name="A") == 9, "the document's own is the eighth"
    assert await position(kind="number", name="B") == 10
    assert (await ask("POST", "/v1/properties", kind="url", name="C", profile=""))[1]["profile"] is None
    assert await position(kind="email", name="work", profile="MzYwlE50") == 1
    assert await position(kind="phone", name="work", profile="MzYwlE50") == 1
    assert (await ask("PATCH", "/v1/properties/OBYBnY69", position=""))[1]["position"] == 12
    assert (await ask("PATCH", "/v1/properties/OBYBnY69", position=3))[1]["position"] == 3
    assert kinds((await ask("PATCH", "/v1/properties/OBYBnY69", position="x"))[1]) == [("invalid", "position")]


async def test_a_contact_stays_verified_until_it_changes(ask: Ask) -> None:
    """Setting the same value again is no change; giving neither phone nor e-mail is no error."""
    await ask("PATCH", WILL, email="will.e@acme.com", phone="+59899000009")
    profile = (await ask("GET", WILL))[1]
    assert (profile["verified_emails"], profile["verified_phones"]) == (["will.e@acme.com"], [])
    assert (await ask("POST", f"{WILL}/verify", phone="099000009"))[1] == {"verified": True}
    assert (await ask("GET", WILL))[1]["verified_phones"] == ["+59899000009"]
    assert kinds((await ask("POST", f"{WILL}/verify"))[1]) == [("object_invalid", "phone")]
    assert (await ask("POST", f"{WILL}/verify", email="other@acme.com"))[0] == 404


async def test_lists_replace_membership_by_id_or_name(emulator: Emulator, ask: Ask) -> None:
    """Each once; a missing list is created, as the vendor's plugin expects; a deleted list has no members."""
    await ask("PATCH", WILL, lists=["dWJ8VYmz", "Seconds", "Customers"])
    lists = (await ask("GET", WILL))[1]["lists"]
    assert [one["name"] for one in lists] == ["Seconds", "Customers"]
    await ask("DELETE", "/v1/lists/Customers")
    assert [one["name"] for one in (await ask("GET", WILL))[1]["lists"]] == ["Seconds"]
    assert kinds((await ask("PATCH", WILL, lists=[{}]))[1]) == [("invalid", "lists")]


async def test_joining_twice_and_leaving_twice_is_nothing(ask: Ask) -> None:
    """Neither the order of the lists nor that of the profiles changes."""
    await profile_of(ask, first_name="Later")
    for method, names in (("POST", ["Greens", "Seconds"]), ("DELETE", ["Greens"])):
        await ask(method, "/v1/lists/Seconds/profiles/MzYwlE50")
        latest, _ = await profile_of(ask, first_name="Latest")
        _, profile = await ask(method, "/v1/lists/Seconds/profiles/MzYwlE50")
        await ask("POST", "/v1/lists/Greens/profiles/MzYwlE50")
        assert [one["name"] for one in profile["lists"]] == names
        assert [one["name"] for one in (await ask("GET", WILL))[1]["lists"]] == names
        assert latest.endswith((await ask("GET", "/v1/profiles"))[1]["profiles"][0]["id"])


def steps(asked: Callable[[], Any]) -> int:
    """How many lines of the emulator's code run; without the clean-up of objects from other tests."""
    taken = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal taken
        taken += event == "line" and "emulator" in frame.f_code.co_filename
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        asked()
    finally:
        sys.settrace(before)
    return taken


def test_a_thousand_profiles_slow_nothing_down() -> None:
    """Matching and uniqueness use look-ups: the last create runs as many lines as the first."""
    profiles = Store().profiles

    def create(number: int) -> None:
        profiles.create({"email": f"{number}@acme.com", "email[work]": f"w{number}@acme.com"})

    create(-2)
    first = steps(lambda: create(-1))
    for number in range(1000):
        create(number)
    assert steps(lambda: create(1000)) <= first + 5


async def test_what_a_profile_does_not_have_can_be_removed(ask: Ask) -> None:
    """An empty value of a property that is defined and not set changes nothing."""
    path, before = await profile_of(ask, first_name="Ann")
    assert (await ask("PATCH", path, email=""))[0] == 200
    assert (await ask("GET", path))[1]["properties"] == before["properties"] == []
