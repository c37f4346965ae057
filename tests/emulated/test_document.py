"""The API's document against the types, and the client against the emulator example by example."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from hellotext_async import (
    Action,
    App,
    Coupon,
    Created,
    Deleted,
    ErrorDetail,
    Hellotext,
    Profile,
    ProfileList,
    Property,
    PropertyValue,
    Tracked,
    Updated,
    Verified,
)
from hellotext_async._wire.call import Reply
from hellotext_async._wire.codec import Record, decode
from hellotext_async._wire.pages import page_of
from hellotext_async._wire.reply import error_of
from hellotext_async.emulator import Emulator
from hellotext_async.resources._verbs import Family
from tests.emulator.document import ACTION, APP, COUPON, EXAMPLES, PROFILE, VALUES, Example

Asks = Callable[[Hellotext], Awaitable[Any]]

SALE = "Get 15% off all our summer sale"
REDEEM = "https://www.myshop.com/redeem/SALE"
SESSION = "2KAGgAgm"
PROFILES, PROPERTIES = page_of(Profile, "profiles"), page_of(Property, "properties")
LISTS, COUPONS = page_of(ProfileList, "lists"), page_of(Coupon, "coupons")
ACTIONS, APPS = page_of(Action, "actions"), page_of(App, "apps")

ASKED: dict[str, tuple[type[Record], Asks]] = {
    "authenticate": (PROFILES, lambda c: c.profiles.list()),
    "paginate": (PROFILES, lambda c: c.profiles.list(starting_after="BvYeyVYz", limit=10)),
    "create profile": (
        Created,
        lambda c: c.profiles.create(first_name="Will E", last_name="Coyote", phone="+59899000001"),
    ),
    "retrieve profile": (Profile, lambda c: c.profiles.retrieve("MzYwlE50")),
    "update profile": (
        Updated,
        lambda c: c.profiles.update("MzYwlE50", email="will.e@acme.com", properties={"gender": "male"}),
    ),
    "delete profile": (Deleted, lambda c: c.profiles.delete("MzYwlE50")),
    "list profiles": (PROFILES, lambda c: c.profiles.list(limit=5)),
    "subscribe": (Profile, lambda c: c.profiles.subscribe("MzYwlE50")),
    "unsubscribe": (Profile, lambda c: c.profiles.unsubscribe("MzYwlE50")),
    "verify phone": (Verified, lambda c: c.profiles.verify("MzYwlE50", phone="+59898000001")),
    "verify email": (Verified, lambda c: c.profiles.verify("MzYwlE50", email="will.e@acme.com")),
    "unverify phone": (Verified, lambda c: c.profiles.unverify("MzYwlE50", phone="+59898000001")),
    "unverify email": (Verified, lambda c: c.profiles.unverify("MzYwlE50", email="will.e@acme.com")),
    "create property": (
        Property,
        lambda c: c.properties.create(profile="OBYBnY69", kind="text", name="My Property"),
    ),
    "retrieve property": (Property, lambda c: c.properties.retrieve("OBYBnY69")),
    "update property": (Property, lambda c: c.properties.update("OBYBnY69", name="My Renamed Property")),
    "delete property": (Deleted, lambda c: c.properties.delete("OBYBnY69")),
    "list properties": (PROPERTIES, lambda c: c.properties.list(limit=5)),
    "create list": (ProfileList, lambda c: c.lists.create(name="Beauty & Care")),
    "retrieve list": (ProfileList, lambda c: c.lists.retrieve("zN4Xx4Km")),
    "update list": (ProfileList, lambda c: c.lists.update("zN4Xx4Km", name="Loyal customers")),
    "delete list": (Deleted, lambda c: c.lists.delete("zN4Xx4Km")),
    "list lists": (LISTS, lambda c: c.lists.list(limit=5)),
    "add to list": (Profile, lambda c: c.lists.add_profile("zN4Xx4Km", "MzYwlE50")),
    "remove from list": (Profile, lambda c: c.lists.remove_profile("zN4Xx4Km", "MzYwlE50")),
    "create coupon": (Coupon, lambda c: c.coupons.create(code="SALE2", description=SALE, destination_url=REDEEM)),
    "retrieve coupon": (Coupon, lambda c: c.coupons.retrieve("xJEOaPdk")),
    "update coupon": (
        Coupon,
        lambda c: c.coupons.update("xJEOaPdk", code="SALE15", description=SALE, destination_url=REDEEM),
    ),
    "delete coupon": (Deleted, lambda c: c.coupons.delete("xJEOaPdk")),
    "list coupons": (COUPONS, lambda c: c.coupons.list(limit=5)),
    "track app": (Tracked, lambda c: c.events.track("app.installed", app="xnqJQ47v", session=SESSION)),
    "track cart": (
        Tracked,
        lambda c: c.events.track("cart.added", products=[{"product": "vxqQJ3Yg"}], session=SESSION),
    ),
    "track coupon": (Tracked, lambda c: c.events.track("coupon.redeemed", coupon="wx4Vn4no", session=SESSION)),
    "track form": (Tracked, lambda c: c.events.track("form.completed", form="wx4Vn4no", session=SESSION)),
    "track order": (Tracked, lambda c: c.events.track("order.placed", order="wx4Vn4no", session=SESSION)),
    "track product": (Tracked, lambda c: c.events.track("product.purchased", product="vxqQJ3Yg", session=SESSION)),
    "track refund": (Tracked, lambda c: c.events.track("refund.requested", refund="wx4Vn4no", session=SESSION)),
    "track custom": (Tracked, lambda c: c.events.track("signup_form.completed", session=SESSION)),
    "create action": (Action, lambda c: c.actions.create(name="survey.completed", title="Signup-form completed")),
    "retrieve action": (Action, lambda c: c.actions.retrieve("Wvqz2qD1")),
    "update action": (
        Action,
        lambda c: c.actions.update("Wvqz2qD1", name="contact.subscribed", title="Contact Subscribed"),
    ),
    "delete action": (Deleted, lambda c: c.actions.delete("Wvqz2qD1")),
    "list actions": (ACTIONS, lambda c: c.actions.list(limit=5)),
    "create app": (App, lambda c: c.apps.create(name="Beauty & Care")),
    "retrieve app": (App, lambda c: c.apps.retrieve("xnqJQ47v")),
    "update app": (App, lambda c: c.apps.update("xnqJQ47v", name="Beauty & More")),
    "delete app": (Deleted, lambda c: c.apps.delete("xnqJQ47v")),
    "list apps": (APPS, lambda c: c.apps.list(limit=5)),
}

# The documented answers whose example had to be requested of other objects than it presumes.
SHOWN_OTHERWISE: dict[str, dict[str, Any]] = {
    "remove from list": {**PROFILE, "lists": []},
    "create coupon": COUPON,
    "create action": ACTION,
    "update app": {**APP, "image_url": None, "name": "Beauty & More"},
}
SHOWN = [(example.name, ASKED[example.name][0], example.answer) for example in EXAMPLES]
SHOWN += [(f"{name} as shown", ASKED[name][0], shown) for name, shown in SHOWN_OTHERWISE.items()]
SHOWN += [(f"value of kind {shown['kind']}", PropertyValue, shown) for shown in VALUES]


@pytest.fixture
async def client() -> AsyncIterator[Hellotext]:
    """A client of an emulator that has the document's objects and the object that its cursor names."""
    async with (
        Emulator() as emulator,
        Hellotext(emulator.token, base_url=emulator.url, business_id=emulator.business_id) as client,
    ):
        emulator.store.profiles.add(id="BvYeyVYz")
        emulator.store.seed_document()
        yield client


@pytest.mark.parametrize(("kind", "shown"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_every_documented_answer_comes_back_without_loss(kind: type[Record], shown: Any) -> None:
    """Decoded and encoded again: the same keys, the same values."""
    answer = decode(json.dumps(shown).encode(), kind)
    assert json.dumps(answer.to_dict(), sort_keys=True) == json.dumps(shown, sort_keys=True)


def test_the_documented_error_is_read() -> None:
    """Type, message and parameter."""
    shown = {"type": "parameter_missing", "message": "This parameter is required.", "parameter": "name"}
    error = error_of(Reply(422, body=json.dumps({"errors": [shown]}).encode()))
    assert error.errors == (ErrorDetail(**shown),)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
async def test_the_client_asks_every_example_of_the_document(client: Hellotext, example: Example) -> None:
    """The emulator's answer has the documented type, keys and values."""
    kind, ask = ASKED[example.name]
    answer = await ask(client)
    assert type(answer) is kind
    shown = answer.to_dict()
    if "has_more" in shown:
        ((key, items),) = example.answer.items()
        assert shown.keys() == {key, "has_more"}
        assert all(item in shown[key] for item in items)
        return
    loose = example.loose | {"id"} if example.created else {"lists"} if example.name == "remove from list" else set()
    assert shown.keys() == example.answer.keys()
    assert all(shown[key] == example.answer[key] for key in shown if key not in loose)


NEEDED: dict[str, dict[str, Any]] = {
    "actions.create": {"name": "subscriber.voted"},
    "apps.create": {"name": "Beauty & More"},
    "coupons.create": {"code": "NEW"},
    "lists.create": {"name": "New"},
    "properties.create": {"kind": "text"},
    "profiles.verify": {"phone": "+59898000001"},
    "profiles.unverify": {"phone": "+59898000001"},
    "messages.send": {"profile": "MzYwlE50", "body": "Hi"},
    "objects.create": {"name": "ride", "title": "Rides"},
    "products.create": {"name": "Soap"},
    "products.upsert": {"name": "Soap", "sku": "s"},
    "profiles.upsert": {"email": "new@acme.com"},
    "products.create_variant": {"name": "Small"},
    "sessions.attach": {"profile": "MzYwlE50"},
    "sessions.identify": {"user_id": "u-1", "email": "will.e@acme.com"},
    "templates.create": {"name": "Done", "body": "Hi"},
    "templates.update": {"body": "Hi", "technology": "sms", "category": "utility"},
}


async def test_every_family_of_the_client_is_served(client: Hellotext) -> None:
    """All its public attributes, and each verb of them on an object that exists."""
    families = {name: value for name, value in vars(client).items() if not name.startswith("_")}
    assert families.keys() >= {"actions", "apps", "carts", "coupons", "events", "lists", "profiles", "properties"}
    assert (await families.pop("events").track("page.viewed", session="s", url="https://x")).status == "received"
    await client.objects.create(name="trip", title="Trips")
    await client.messages.send(profile="MzYwlE50", body="Hi")
    await client.templates.create(name="Ready", body="Hi")
    variant = await client.products.create_variant("vxqQJ3Yg", name="Large")
    for name, family in families.items():
        assert isinstance(family, Family)
        known = (await family.list(limit=1)).items[0].id if hasattr(family, "list") else "2KAGgAgm"
        verbs = dict(inspect.getmembers(family, inspect.iscoroutinefunction))
        # Deletes come last: the other verbs need the object.
        for verb in sorted(
            (verb for verb in verbs if not verb.startswith("_")), key=lambda verb: (verb == "delete", "delete" in verb)
        ):
            ids = {"id": known, "id_or_name": known, "key": known, "product": known, "session": known if verb == "attach" else "visit-1",
                   "variant": variant.id, "profile": "MzYwlE50", "user_id": "u-1", "name": "New"}  # fmt: skip
            places = [p.name for p in inspect.signature(verbs[verb]).parameters.values() if p.kind is p.POSITIONAL_ONLY]
            answer = await verbs[verb](*(ids[place] for place in places), **NEEDED.get(f"{name}.{verb}", {}))
            assert isinstance(answer, Record), f"{name}.{verb}"
