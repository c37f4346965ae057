"""Every answer that the API's document shows, with the type it is decoded into.

The document's placeholders (``"{...}"`` in place of further objects) are left out of its lists, and
the apps' JSON has its commas mended: one was missing after ``created_at``, one stood before ``}``.
"""

from __future__ import annotations

import msgspec

from hellotext_async._wire.codec import Record
from hellotext_async._wire.pages import page_of
from hellotext_async.resources._profile import Profile, ProfileList, PropertyValue
from hellotext_async.resources._verbs import Deleted
from hellotext_async.resources.actions import Action
from hellotext_async.resources.apps import App
from hellotext_async.resources.coupons import Coupon
from hellotext_async.resources.events import Tracked
from hellotext_async.resources.profiles import Created, Updated, Verified
from hellotext_async.resources.properties import Property
from tests.unit.samples import ADDRESS, DAY, PROFILE, value

JSON = dict[str, object]
AT = {"created_at": 1665684173}

LIST: JSON = {"id": "zN4Xx4Km", "type": "list", "name": "Greens", **AT}
PROPERTY: JSON = {
    "id": "OBYBnY69", "type": "property", **AT, "kind": "text", "name": "My Property", "position": 8, "profile": None,
    "unique": False,
}  # fmt: skip
COUPON: JSON = {
    "id": "xJEOaPdk", "type": "coupon", "code": "SALE", **AT, "description": "Get 15% off all our summer sale",
    "destination_url": "https://www.myshop.com/redeem/SALE", "reference": None,
}  # fmt: skip
ACTION: JSON = {
    "id": "Wvqz2qD1", "type": "action", **AT, "goal": False, "name": "signup_form.completed", "passive": True,
    "title": "Signup-form completed",
}  # fmt: skip
APP: JSON = {
    "id": "xnqJQ47v", "type": "app", **AT, "image_url": "https://www.beautyandcare.com/apps/awesome.jpg",
    "metadata": {}, "name": "Beauty & Care",
}  # fmt: skip
BARE_APP: JSON = {**APP, "image_url": None}


def deleted(id: str, type: str) -> JSON:
    return {"id": id, "type": type, "deleted": True}


class Shown(msgspec.Struct, frozen=True):
    """One documented answer."""

    name: str
    kind: type[Record]
    told: JSON


ANSWERS = [
    Shown("profile", Profile, PROFILE),
    Shown("create a profile", Created, {"id": "MzYwlE50"}),
    Shown("update a profile", Updated, {"id": "MzYwlE50", "updated": True}),
    Shown("delete a profile", Deleted, deleted("MzYwlE50", "profile")),
    Shown("list profiles", page_of(Profile, "profiles"), {"profiles": [PROFILE]}),
    Shown("unsubscribe a profile", Profile, {**PROFILE, "state": "unsubscribed"}),
    Shown("verify", Verified, {"verified": True}),
    Shown("unverify", Verified, {"verified": False}),
    Shown("property", Property, PROPERTY),
    Shown("create a property", Property, {**PROPERTY, "profile": "OBYBnY69"}),
    Shown("update a property", Property, {**PROPERTY, "name": "My Renamed Property"}),
    Shown("delete a property", Deleted, deleted("OBYBnY69", "property")),
    Shown("list properties", page_of(Property, "properties"), {"properties": [PROPERTY]}),
    Shown("address", PropertyValue, {"id": "MQNKalb7", "kind": "address", "value": ADDRESS}),
    Shown("birthday", PropertyValue, value("birthday", DAY)),
    Shown("checkbox", PropertyValue, value("checkbox", False)),
    Shown("company", PropertyValue, value("company", "ACME Corporation")),
    Shown("date", PropertyValue, value("date", DAY)),
    Shown("email", PropertyValue, value("email", "will.e@acme.com", verified=True)),
    Shown("gender", PropertyValue, value("gender", "male")),
    Shown("mercadolibre", PropertyValue, value("mercadolibre", "WILLE900001")),
    Shown("number", PropertyValue, value("number", 29.99)),
    Shown("phone", PropertyValue, value("phone", "+59898000001", verified=True)),
    Shown("tags", PropertyValue, value("tags", ["tag1", "tag2"])),
    Shown("text", PropertyValue, value("text", "Long lasting customer")),
    Shown("url", PropertyValue, value("url", "https://www.hellotext.com")),
    Shown("list", ProfileList, LIST),
    Shown("create a list", ProfileList, {**LIST, "name": "Beauty & Care"}),
    Shown("update a list", ProfileList, {**LIST, "name": "Loyal customers"}),
    Shown("delete a list", Deleted, deleted("zN4Xx4Km", "list")),
    Shown("list lists", page_of(ProfileList, "lists"), {"lists": [LIST]}),
    Shown("remove a profile from a list", Profile, {**PROFILE, "lists": []}),
    Shown("coupon", Coupon, COUPON),
    Shown("update a coupon", Coupon, {**COUPON, "code": "SALE15"}),
    Shown("delete a coupon", Deleted, deleted("xJEOaPdk", "coupon")),
    Shown("list coupons", page_of(Coupon, "coupons"), {"coupons": [COUPON]}),
    Shown("track an event", Tracked, {"status": "received"}),
    Shown("action", Action, ACTION),
    Shown("update an action", Action, {**ACTION, "name": "contact.subscribed", "title": "Contact Subscribed"}),
    Shown("delete an action", Deleted, deleted("Wvqz2qD1", "action")),
    Shown("list actions", page_of(Action, "actions"), {"actions": [ACTION]}),
    Shown("app", App, APP),
    Shown("create an app", App, BARE_APP),
    Shown("update an app", App, {**BARE_APP, "name": "Beauty & More"}),
    Shown("delete an app", Deleted, deleted("xnqJQ47v", "app")),
    Shown("list apps", page_of(App, "apps"), {"apps": [APP]}),
]

ERRORS: JSON = {
    "errors": [{"type": "parameter_missing", "message": "This parameter is required.", "parameter": "name"}]
}
