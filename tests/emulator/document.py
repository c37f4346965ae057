"""Every example of the vendor's document, as data: the request, its documented answer, and each corrected mistake.

A correction names what is wrong in the document. Answers are compared whole, except for what a list holds
after the first object (the document writes ``{...}``) and for ids and times of what is created.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["EXAMPLES", "Example"]

BACKSLASH = "the lines lack their trailing backslashes"
AMPERSAND = "'&' is not percent-encoded in -d"
PLUS = "'+' is not percent-encoded in -d"
PERCENT = "'%' is not percent-encoded in -d"
PLACEHOLDER = "':id' stands in the URL"

AT = 1665684173
ADDRESS = {
    "id": "MQNKalb7",
    "kind": "address",
    "value": {
        "city": "Montevideo",
        "country": "UY",
        "latitude": "-0.349044168e2",
        "longitude": "-0.561370421e2",
        "notes": None,
        "postal_code": "11300",
        "region": "Departamento de Montevideo",
        "street": {"name": "Av. Luis Alberto de Herrera", "number": "1248"},
        "subregion": "CH",
    },
}


def value(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    """A property value as the document shows it."""
    return {"id": "MQNKalb7", "kind": kind, "name": None, "value": value, **more}


GREENS = {"id": "zN4Xx4Km", "type": "list", "name": "Greens", "created_at": AT}
PROFILE: dict[str, Any] = {
    "id": "MzYwlE50",
    "type": "profile",
    "blocked": False,
    "created_at": AT,
    "emails": ["will.e@acme.com"],
    "first_name": "Will E",
    "last_name": "Coyote",
    "lists": [GREENS],
    "phones": ["+59898000001"],
    "properties": [
        ADDRESS,
        value("birthday", {"day": 3, "month": 11, "year": 1985}),
        value("email", "will.e@acme.com", verified=True),
        value("phone", "+59898000001", verified=True),
        value("gender", "male"),
    ],
    "state": "subscribed",
    "verified_emails": ["will.e@acme.com"],
    "verified_phones": ["+59898000001"],
}
UNSUBSCRIBED = {**PROFILE, "state": "unsubscribed"}
PROPERTY = {
    "id": "OBYBnY69", "type": "property", "created_at": AT, "kind": "text", "name": "My Property", "position": 8,
    "profile": None, "unique": False,
}  # fmt: skip
COUPON = {
    "id": "xJEOaPdk", "type": "coupon", "code": "SALE", "created_at": AT,
    "description": "Get 15% off all our summer sale", "destination_url": "https://www.myshop.com/redeem/SALE",
    "reference": None,
}  # fmt: skip
ACTION = {
    "id": "Wvqz2qD1", "type": "action", "created_at": AT, "goal": False, "name": "signup_form.completed",
    "passive": True, "title": "Signup-form completed",
}  # fmt: skip
APP = {
    "id": "xnqJQ47v", "type": "app", "created_at": AT, "image_url": "https://www.beautyandcare.com/apps/awesome.jpg",
    "metadata": {}, "name": "Beauty & Care",
}  # fmt: skip
RECEIVED = {"status": "received"}

VALUES: list[dict[str, Any]] = [
    ADDRESS,
    value("birthday", {"day": 3, "month": 11, "year": 1985}),
    value("checkbox", False),
    value("company", "ACME Corporation"),
    value("date", {"day": 3, "month": 11, "year": 1985}),
    value("email", "will.e@acme.com", verified=True),
    value("gender", "male"),
    value("mercadolibre", "WILLE900001"),
    value("number", 29.99),
    value("phone", "+59898000001", verified=True),
    value("tags", ["tag1", "tag2"]),
    value("text", "Long lasting customer"),
    value("url", "https://www.hellotext.com"),
]


@dataclass(frozen=True)
class Example:
    """One curl of the document: its request with its mistakes corrected, and the documented answer.

    `created` means that it creates an object; `loose` are the keys whose values are then its own.
    """

    name: str
    method: str
    path: str
    given: dict[str, str]
    answer: Any
    mend: tuple[str, ...] = ()
    created: bool = False
    loose: frozenset[str] = field(default_factory=frozenset)


def deleted(id: str, type: str) -> dict[str, Any]:
    """The marker of a delete."""
    return {"id": id, "type": type, "deleted": True}


def event(name: str, given: dict[str, str], *mend: str) -> Example:
    """An event's curl."""
    session = {"session": "2KAGgAgm"}
    return Example(f"track {name}", "POST", "/v1/attribution/events", {**given, **session}, RECEIVED, mend)


SOME = frozenset({"id", "created_at"})

EXAMPLES: list[Example] = [
    Example("authenticate", "GET", "/v1/profiles", {}, {"profiles": [PROFILE]}),
    Example("paginate", "GET", "/v1/profiles", {"starting_after": "BvYeyVYz", "limit": "10"}, {"profiles": []},
            ("the answer is not shown", "the cursor's profile is not among the examples")),
    Example("create profile", "POST", "/v1/profiles", {"first_name": "Will E", "last_name": "Coyote", "phone": "+59899000001"},
            {"id": "MzYwlE50"}, (BACKSLASH, PLUS), created=True),
    Example("retrieve profile", "GET", "/v1/profiles/MzYwlE50", {}, PROFILE, (BACKSLASH, "the answer is shown above it")),
    Example("update profile", "PATCH", "/v1/profiles/MzYwlE50", {"email": "will.e@acme.com", "gender": "male"},
            {"id": "MzYwlE50", "updated": True}, (BACKSLASH,)),
    Example("delete profile", "DELETE", "/v1/profiles/MzYwlE50", {}, deleted("MzYwlE50", "profile"), (BACKSLASH,)),
    Example("list profiles", "GET", "/v1/profiles", {"limit": "5"}, {"profiles": [PROFILE]}, (BACKSLASH, "'{...}' stands for objects")),
    Example("subscribe", "POST", "/v1/profiles/MzYwlE50/subscribe", {}, PROFILE, (BACKSLASH,)),
    Example("unsubscribe", "POST", "/v1/profiles/MzYwlE50/unsubscribe", {}, UNSUBSCRIBED, (BACKSLASH,)),
    Example("verify phone", "POST", "/v1/profiles/MzYwlE50/verify", {"phone": "+59898000001"}, {"verified": True},
            (BACKSLASH, PLUS, "the phone '+598000000' is too short to be one")),
    Example("verify email", "POST", "/v1/profiles/MzYwlE50/verify", {"email": "will.e@acme.com"}, {"verified": True}, (BACKSLASH,)),
    Example("unverify phone", "DELETE", "/v1/profiles/MzYwlE50/verify", {"phone": "+59898000001"}, {"verified": False},
            (BACKSLASH, PLUS, "the phone '+598000000' is too short to be one")),
    Example("unverify email", "DELETE", "/v1/profiles/MzYwlE50/verify", {"email": "will.e@acme.com"}, {"verified": False}, (BACKSLASH,)),
    Example("create property", "POST", "/v1/properties", {"profile": "OBYBnY69", "kind": "text", "name": "My Property"},
            {**PROPERTY, "profile": "OBYBnY69"}, (BACKSLASH, "the profile's id is the property's"), created=True, loose=SOME | {"position"}),
    Example("retrieve property", "GET", "/v1/properties/OBYBnY69", {}, PROPERTY, (BACKSLASH, "the answer is shown above it")),
    Example("update property", "PATCH", "/v1/properties/OBYBnY69", {"name": "My Renamed Property"},
            {**PROPERTY, "name": "My Renamed Property"}, (BACKSLASH, PLACEHOLDER)),
    Example("delete property", "DELETE", "/v1/properties/OBYBnY69", {}, deleted("OBYBnY69", "property"), (BACKSLASH,)),
    Example("list properties", "GET", "/v1/properties", {"limit": "5"}, {"properties": [PROPERTY]}, (BACKSLASH, "'{...}' stands for objects")),
    Example("create list", "POST", "/v1/lists", {"name": "Beauty & Care"}, {**GREENS, "name": "Beauty & Care"},
            (BACKSLASH, AMPERSAND), created=True, loose=SOME),
    Example("retrieve list", "GET", "/v1/lists/zN4Xx4Km", {}, GREENS, (BACKSLASH, "the answer is shown above it")),
    Example("update list", "PATCH", "/v1/lists/zN4Xx4Km", {"name": "Loyal customers"}, {**GREENS, "name": "Loyal customers"}, (BACKSLASH,)),
    Example("delete list", "DELETE", "/v1/lists/zN4Xx4Km", {}, deleted("zN4Xx4Km", "list"), (BACKSLASH,)),
    Example("list lists", "GET", "/v1/lists", {"limit": "5"}, {"lists": [GREENS]}, (BACKSLASH, "'{...}' stands for objects")),
    Example("add to list", "POST", "/v1/lists/zN4Xx4Km/profiles/MzYwlE50", {}, PROFILE, ("the list 'dWJ8VYmz' is not the one in the answer",)),
    Example("remove from list", "DELETE", "/v1/lists/zN4Xx4Km/profiles/MzYwlE50", {}, {**PROFILE, "lists": []},
            ("the list 'dWJ8VYmz' is not the one that the profile was on",)),
    Example("create coupon", "POST", "/v1/coupons",
            {"code": "SALE2", "description": "Get 15% off all our summer sale", "destination_url": "https://www.myshop.com/redeem/SALE"},
            {**COUPON, "code": "SALE2"}, (BACKSLASH, PERCENT, "the code is taken by the document's own coupon"), created=True, loose=SOME),
    Example("retrieve coupon", "GET", "/v1/coupons/xJEOaPdk", {}, COUPON, (BACKSLASH, "the answer is shown above it")),
    Example("update coupon", "PATCH", "/v1/coupons/xJEOaPdk",
            {"code": "SALE15", "description": "Get 15% off all our summer sale", "destination_url": "https://www.myshop.com/redeem/SALE"},
            {**COUPON, "code": "SALE15"}, (BACKSLASH, PERCENT)),
    Example("delete coupon", "DELETE", "/v1/coupons/xJEOaPdk", {}, deleted("xJEOaPdk", "coupon"), (BACKSLASH,)),
    Example("list coupons", "GET", "/v1/coupons", {"limit": "5"}, {"coupons": [COUPON]}, (BACKSLASH, "'{...}' stands for objects")),
    event("app", {"action": "app.installed", "app": "xnqJQ47v"}),
    event("cart", {"action": "cart.added", "products[]": "vxqQJ3Yg"}, "it sends an app and no products"),
    event("coupon", {"action": "coupon.redeemed", "coupon": "wx4Vn4no"}),
    event("form", {"action": "form.completed", "form": "wx4Vn4no"}),
    event("order", {"action": "order.placed", "order": "wx4Vn4no"}),
    event("product", {"action": "product.purchased", "product": "vxqQJ3Yg"}),
    event("refund", {"action": "refund.requested", "refund": "wx4Vn4no"}, "the action 'refund.added' is not one", "a product is given for nothing"),
    event("custom", {"action": "signup_form.completed"}),
    Example("create action", "POST", "/v1/attribution/actions", {"name": "survey.completed", "title": "Signup-form completed"},
            {**ACTION, "name": "survey.completed"}, (BACKSLASH, "the name is taken by the document's own action"), created=True, loose=SOME),
    Example("retrieve action", "GET", "/v1/attribution/actions/Wvqz2qD1", {}, ACTION, ("the answer is shown above it",)),
    Example("update action", "PATCH", "/v1/attribution/actions/Wvqz2qD1", {"name": "contact.subscribed", "title": "Contact Subscribed"},
            {**ACTION, "name": "contact.subscribed", "title": "Contact Subscribed"}, (BACKSLASH, PLACEHOLDER)),
    Example("delete action", "DELETE", "/v1/attribution/actions/Wvqz2qD1", {}, deleted("Wvqz2qD1", "action")),
    Example("list actions", "GET", "/v1/attribution/actions", {"limit": "5"}, {"actions": [ACTION]}, (BACKSLASH, "'{...}' stands for objects")),
    Example("create app", "POST", "/v1/attribution/apps", {"name": "Beauty & Care"}, {**APP, "image_url": None},
            (AMPERSAND, "the answer is not JSON: a comma is missing, another is too much"), created=True, loose=SOME),
    Example("retrieve app", "GET", "/v1/attribution/apps/xnqJQ47v", {}, APP, ("the answer is not JSON", "the answer is shown above it")),
    Example("update app", "PATCH", "/v1/attribution/apps/xnqJQ47v", {"name": "Beauty & More"}, {**APP, "name": "Beauty & More"},
            (AMPERSAND, "-X PATCH is missing", "the answer is not JSON", "its image_url is null, that of the object is not")),
    Example("delete app", "DELETE", "/v1/attribution/apps/xnqJQ47v", {}, deleted("xnqJQ47v", "app")),
    Example("list apps", "GET", "/v1/attribution/apps", {"limit": "5"}, {"apps": [APP]}, ("the answer is not JSON", "'{...}' stands for objects")),
]  # fmt: skip
