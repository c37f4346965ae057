"""Profiles: every form of their fields as it is sent, and their own verbs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hellotext_async.errors import InvalidParameter
from hellotext_async.resources._profile import Address, Created, Day, Profile, Street, Updated
from hellotext_async.resources.profiles import Profiles
from tests.unit.recording import Recording
from tests.unit.samples import ADDRESS, PROFILE

HOME = Address(city="Montevideo", street=Street(name="Av. Italia", number="1"))
HOME_JSON = {"city": "Montevideo", "street": {"name": "Av. Italia", "number": "1"}}

FORMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"first_name": "Will E", "last_name": None}, {"first_name": "Will E", "last_name": ""}),
    ({"email": "w@acme.com"}, {"email": "w@acme.com"}),
    ({"email": None, "phone": ""}, {"email": "", "phone": ""}),
    (
        {"phone": {"work": "+598", None: "099", "gVlpOkwJ": None}},
        {"phone[work]": "+598", "phone": "099", "phone[gVlpOkwJ]": ""},
    ),
    ({"email": {}}, {}),
    ({"address": HOME}, {"address": HOME_JSON}),
    ({"address": "Av. Italia 1"}, {"address[suggest]": "Av. Italia 1"}),
    ({"address": None}, {"address": ""}),
    ({"address": ""}, {"address": ""}),
    ({"address": Address()}, {"address": {}}),
    (
        {"address": {"work": HOME, "home": "Av. Italia 1", "old": None}},
        {"address[work]": HOME_JSON, "address[home]": "Av. Italia 1", "address[old]": ""},
    ),
    ({"address": {None: HOME}}, {"address": HOME_JSON}),
    ({"address": {None: "Av. Italia 1"}}, {"address[suggest]": "Av. Italia 1"}),
    ({"address": {None: None}}, {"address": ""}),
    (
        {"properties": {"Active": True, "gender": "male", "Spent": 29.9, "Tags": ("a", "b"), "Old": None}},
        {"property[Active]": True, "property[gender]": "male", "property[Spent]": 29.9, "property[Tags]": ["a", "b"],
         "property[Old]": ""},
    ),
    (
        {"properties": {"birthday": Day(day=3, month=11), "Since": date(2020, 2, 29)}},
        {"property[birthday]": {"day": 3, "month": 11}, "property[Since]": {"day": 29, "month": 2, "year": 2020}},
    ),
    ({"properties_by_id": {"gVlpOkwJ": "MyValue"}}, {"property_by_id[gVlpOkwJ]": "MyValue"}),
    ({"lists": ["Greens", "zN4Xx4Km"]}, {"lists": ["Greens", "zN4Xx4Km"]}),
    ({"lists": ()}, {"lists": []}),
    ({"lists": None}, {"lists": []}),
    ({"session": "2KAGgAgm", "reference": 17}, {"session": "2KAGgAgm", "reference": 17}),
    ({"reference": "c-17"}, {"reference": "c-17"}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "sent"), FORMS, ids=lambda form: ",".join(form))
async def test_each_form_is_a_flat_key(given: dict[str, Any], sent: dict[str, Any]) -> None:
    """The same for create and update: what is passed, None as the empty value, nothing else."""
    sends = Recording({"id": "MzYwlE50"})
    profiles = Profiles(sends)
    assert await profiles.create(**given) == Created(id="MzYwlE50")
    assert sends.body == sent
    assert await profiles.update("MzYwlE50", **given) == Updated(id="MzYwlE50", updated=True)
    assert sends.body == sent
    assert sends.asked == [("POST", "/v1/profiles"), ("PATCH", "/v1/profiles/MzYwlE50")]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "Will"}, "name"),
    ({"gender": "male"}, "gender"),
    ({"first_name": 5}, "first_name"),
    ({"email": 5}, "email"),
    ({"email": ["w@acme.com"]}, "email"),
    ({"email": {"work": 5}}, "email"),
    ({"email": {"": "w@acme.com"}}, "email"),
    ({"phone": {"a]b": "1"}}, "phone"),
    ({"phone": {5: "1"}}, "phone"),
    ({"address": 5}, "address"),
    ({"address": [HOME]}, "address"),
    ({"address": ADDRESS}, "address"),
    ({"address": {"work": {"city": "Montevideo"}}}, "address"),
    ({"properties": None}, "properties"),
    ({"properties": {None: 1}}, "properties"),
    ({"properties": ["Active"]}, "properties"),
    ({"properties": {"Spent": float("nan")}}, "properties[Spent]"),
    ({"properties_by_id": {"gVlpOkwJ": b"x"}}, "properties_by_id[gVlpOkwJ]"),
    ({"lists": "Greens"}, "lists"),
    ({"lists": ["Greens", 5]}, "lists[1]"),
    ({"session": 5}, "session"),
    ({"reference": True}, "reference"),
    ({"reference": 1.5}, "reference"),
]


@pytest.mark.parametrize(("given", "parameter"), WRONG, ids=lambda form: str(form)[:40])
async def test_what_cannot_be_meant_is_refused_by_name(given: dict[str, Any], parameter: str) -> None:
    """When awaited, before anything is sent."""
    sends = Recording()
    for asking in (Profiles(sends).create(**given), Profiles(sends).update("MzYwlE50", **given)):
        with pytest.raises(InvalidParameter) as caught:
            await asking
        assert caught.value.parameter == parameter
    assert not sends.calls


async def test_a_kind_given_as_a_keyword_is_an_error_that_names_its_place() -> None:
    """The document's own example passes gender as a keyword."""
    with pytest.raises(InvalidParameter, match="properties="):
        await Profiles(Recording()).update("MzYwlE50", gender="male")  # type: ignore[call-arg]


async def test_the_other_verbs_ask_what_is_documented() -> None:
    """retrieve, subscribe, unsubscribe and delete."""
    sends = Recording(PROFILE, PROFILE, PROFILE, {"id": "MzYwlE50", "type": "profile", "deleted": True})
    profiles = Profiles(sends)
    for verb in (profiles.retrieve, profiles.subscribe, profiles.unsubscribe):
        returned = await verb("MzYwlE50")
        assert isinstance(returned, Profile)
        assert returned.to_dict() == PROFILE
    assert (await profiles.delete("MzYwlE50")).to_dict() == {"id": "MzYwlE50", "type": "profile", "deleted": True}
    assert sends.asked == [
        ("GET", "/v1/profiles/MzYwlE50"),
        ("POST", "/v1/profiles/MzYwlE50/subscribe"),
        ("POST", "/v1/profiles/MzYwlE50/unsubscribe"),
        ("DELETE", "/v1/profiles/MzYwlE50"),
    ]
    assert [call.idempotency for call in sends.calls] == ["safe", "idempotent", "idempotent", "idempotent"]
    assert not any(request.body for request in sends.requests)


async def test_a_contact_is_verified_and_unverified() -> None:
    """One of phone and e-mail, in the body of a POST and of a DELETE."""
    sends = Recording({"verified": True}, {"verified": False})
    profiles = Profiles(sends)
    assert (await profiles.verify("MzYwlE50", phone="+59898000001")).verified is True
    assert sends.body == {"phone": "+59898000001"}
    assert (await profiles.unverify("MzYwlE50", email="will.e@acme.com")).verified is False
    assert sends.body == {"email": "will.e@acme.com"}
    path = "/v1/profiles/MzYwlE50/verify"
    assert sends.asked == [("POST", path), ("DELETE", path)]


@pytest.mark.parametrize("given", [{}, {"phone": "1", "email": "a"}, {"phone": 5}, {"email": 5}, {"phone": None}])
async def test_exactly_one_contact_is_verified(given: dict[str, Any]) -> None:
    """Not none, not both, and text."""
    sends = Recording()
    for verb in (Profiles(sends).verify, Profiles(sends).unverify):
        with pytest.raises(InvalidParameter):
            await verb("MzYwlE50", **given)
    assert not sends.calls
