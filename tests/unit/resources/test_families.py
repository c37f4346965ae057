"""What the families have in common: every verb's request, and what is refused before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hellotext_async._wire.codec import Answer
from hellotext_async.errors import InvalidParameter
from hellotext_async.resources._verbs import Family
from hellotext_async.resources.actions import Action, Actions
from hellotext_async.resources.apps import App, Apps
from hellotext_async.resources.carts import Cart, Carts
from hellotext_async.resources.coupons import Coupon, Coupons
from hellotext_async.resources.lists import ProfileList, ProfileLists
from hellotext_async.resources.properties import Properties, Property
from tests.unit.recording import Recording

FAMILIES: list[tuple[Callable[[Recording], Any], type[Answer], str, str, dict[str, Any], dict[str, Any]]] = [
    (
        Actions, Action, "/v1/attribution/actions", "actions",
        {"name": "signup_form.completed", "title": "Signup", "goal": True, "passive": False},
        {"name": "contact.subscribed", "title": None},
    ),
    (
        Apps, App, "/v1/attribution/apps", "apps",
        {"name": "Beauty & Care", "image_url": None, "metadata": {"a": [1]}},
        {"image_url": "https://www.beautyandcare.com/apps/awesome.jpg"},
    ),
    (
        Carts, Cart, "/v1/attribution/carts", "carts",
        {"reference": "c-1", "source": "shop", "items": [{"product": "vxqQJ3Yg", "quantity": 2}]},
        {"reference": 7, "items": []},
    ),
    (
        Coupons, Coupon, "/v1/coupons", "coupons",
        {"code": "SALE", "description": "15 % off", "destination_url": "https://www.myshop.com", "reference": 5},
        {"code": "SALE15", "description": None},
    ),
    (ProfileLists, ProfileList, "/v1/lists", "lists", {"name": "Beauty & Care"}, {"name": "Loyal customers"}),
    (
        Properties, Property, "/v1/properties", "properties",
        {"kind": "email", "name": "Work", "profile": "MzYwlE50", "unique": True},
        {"name": "Renamed", "position": 3, "unique": False},
    ),
]  # fmt: skip

each = pytest.mark.parametrize(
    ("family", "item", "path", "key", "new", "changes"), FAMILIES, ids=[row[3] for row in FAMILIES]
)


@each
async def test_every_verb_asks_what_is_documented(
    family: Any, item: Any, path: str, key: str, new: Any, changes: Any
) -> None:
    """Method, path, body and type of the answer, for each verb."""
    sends = Recording({"id": "new", "deleted": True, "type": "it", key: [{"id": "a"}]})
    verbs = family(sends)
    assert isinstance(await verbs.create(**new), item)
    assert sends.body == new
    assert (await verbs.retrieve("x1")).id == "new"
    assert isinstance(await verbs.update("x1", **changes), item)
    assert sends.body == changes
    assert (await verbs.delete("x1")).deleted is True
    assert [type(found) for found in (await verbs.list(limit=5)).items] == [item]
    one = f"{path}/x1"
    assert sends.asked == [("POST", path), ("GET", one), ("PATCH", one), ("DELETE", one), ("GET", f"{path}?limit=5")]
    assert [call.idempotency for call in sends.calls] == ["non_idempotent", "safe", "idempotent", "idempotent", "safe"]


@each
async def test_a_keyword_that_is_not_there_is_refused_when_awaited(
    family: Any, item: Any, path: str, key: str, new: Any, changes: Any
) -> None:
    """Nothing is sent, and nothing is raised before the await."""
    sends = Recording()
    verbs = family(sends)
    for asking in (verbs.create(**new, colour="red"), verbs.update("x1", colour="red")):
        with pytest.raises(InvalidParameter) as caught:
            await asking
        assert caught.value.parameter == "colour"
    assert not sends.calls


@each
async def test_a_value_of_the_wrong_type_is_refused_by_its_name(
    family: Any, item: Any, path: str, key: str, new: Any, changes: Any
) -> None:
    """Every keyword of create and update, one at a time."""
    sends = Recording()
    verbs = family(sends)
    for given, verb in ((new, verbs.create), (changes, lambda **more: verbs.update("x1", **more))):
        for name in given:
            with pytest.raises(InvalidParameter) as caught:
                await verb(**{**given, name: object()})
            assert caught.value.parameter == name
            with pytest.raises(InvalidParameter) as caught:
                await verb(**{**given, name: 1.5})
            assert caught.value.parameter == name
    assert not sends.calls


@each
async def test_an_id_that_is_none_is_refused(
    family: Any, item: Any, path: str, key: str, new: Any, changes: Any
) -> None:
    """Before anything is sent, when awaited."""
    sends = Recording()
    verbs = family(sends)
    for wrong in ("", "..", 5, None):
        for asking in (verbs.retrieve(wrong), verbs.update(wrong, **changes), verbs.delete(wrong)):
            with pytest.raises(InvalidParameter) as caught:
                await asking
            assert caught.value.parameter in ("id", "id_or_name")
    assert not sends.calls


@pytest.mark.parametrize(
    ("family", "given", "name"),
    [(Actions, {"title": "a"}, "name"), (Apps, {}, "name"), (Coupons, {}, "code"), (ProfileLists, {}, "name"),
     (Properties, {"name": "a"}, "kind")],
)  # fmt: skip
async def test_what_is_required_is_named(family: type[Family], given: dict[str, Any], name: str) -> None:
    """Required by the API's document."""
    verbs: Any = family(Recording())
    with pytest.raises(InvalidParameter) as caught:
        await verbs.create(**given)
    assert (caught.value.parameter, caught.value.problem) == (name, "required")


async def test_a_repeat_of_a_delete_that_finds_it_gone_says_deleted() -> None:
    """The answer is the same as the first one's."""
    sends = Recording({"id": "x1", "type": "coupon", "deleted": True})
    told = await Coupons(sends).delete("x1")
    assert sends.calls[0].if_missing == told


async def test_values_inside_are_named_by_their_place() -> None:
    """NaN in metadata, an item of a cart that is no mapping."""
    for asking, place in (
        (Apps(Recording()).create(name="a", metadata={"a": [0, float("nan")]}), "metadata.a[1]"),
        (Carts(Recording()).create(items=[5]), "items[0]"),  # type: ignore[list-item]
    ):
        with pytest.raises(InvalidParameter) as caught:
            await asking  # type: ignore[misc]
        assert caught.value.parameter == place


@pytest.mark.parametrize("kind", ["address", "email", "phone"])
@pytest.mark.parametrize("profile", [{}, {"profile": None}, {"profile": ""}])
async def test_a_property_of_one_profile_needs_the_profile(kind: Any, profile: Any) -> None:
    """Addresses, e-mails and phones belong to one."""
    sends = Recording()
    with pytest.raises(InvalidParameter) as caught:
        await Properties(sends).create(kind=kind, **profile)
    assert caught.value.parameter == "profile"
    assert not sends.calls


async def test_a_property_kind_that_cannot_be_created_is_refused() -> None:
    """The error says which there are."""
    with pytest.raises(InvalidParameter) as caught:
        await Properties(Recording()).create(kind="gender")  # type: ignore[arg-type]
    assert caught.value.problem.startswith("expected one of: address, email, phone, checkbox")


async def test_a_property_goes_to_the_bottom_with_an_empty_position() -> None:
    """None is sent as the empty text of the document; what is not passed is not sent."""
    sends = Recording()
    await Properties(sends).update("x1", position=None)
    assert sends.body == {"position": ""}
    await Properties(sends).update("x1", unique=True)
    assert sends.body == {"unique": True}


async def test_a_list_goes_by_name_too() -> None:
    """In every verb, quoted as one segment."""
    sends = Recording({"id": "x"})
    lists = ProfileLists(sends)
    await lists.retrieve("Beauty & Care")
    await lists.update("a/b", name="c")
    await lists.delete("50%")
    await lists.add_profile("Greens", "MzYwlE50")
    await lists.remove_profile("zN4Xx4Km", "MzYwlE50")
    assert sends.asked == [
        ("GET", "/v1/lists/Beauty%20%26%20Care"),
        ("PATCH", "/v1/lists/a%2Fb"),
        ("DELETE", "/v1/lists/50%25"),
        ("POST", "/v1/lists/Greens/profiles/MzYwlE50"),
        ("DELETE", "/v1/lists/zN4Xx4Km/profiles/MzYwlE50"),
    ]
    assert {call.idempotency for call in sends.calls[-2:]} == {"idempotent"}
    with pytest.raises(InvalidParameter) as caught:
        await lists.add_profile("Greens", "a/b")
    assert caught.value.parameter == "profile"
