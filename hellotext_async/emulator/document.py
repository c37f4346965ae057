"""The objects of the document's examples, under the ids that it shows."""

from __future__ import annotations

from typing import Any

__all__ = ["CREATED_AT", "OBJECTS", "PROFILE", "SESSION", "VALUES", "VALUE_ID"]

CREATED_AT = 1665684173
SESSION = "2KAGgAgm"
VALUE_ID = "MQNKalb7"
"""The document gives all values of its profile one id."""
_ADDRESS: dict[str, Any] = {
    "city": "Montevideo", "country": "UY", "latitude": "-0.349044168e2", "longitude": "-0.561370421e2", "notes": None,
    "postal_code": "11300", "region": "Departamento de Montevideo",
    "street": {"name": "Av. Luis Alberto de Herrera", "number": "1248"}, "subregion": "CH",
}  # fmt: skip
_PLAIN: dict[str, Any] = {"reference": None, "source": None}
OBJECTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("lists", "zN4Xx4Km", {"name": "Greens"}),
    ("lists", "dWJ8VYmz", {"name": "Seconds"}),
    ("coupons", "xJEOaPdk", {
        "code": "SALE", "description": "Get 15% off all our summer sale",
        "destination_url": "https://www.myshop.com/redeem/SALE", "reference": None,
    }),
    ("coupons", "wx4Vn4no", {"code": "WELCOME", "description": None, "destination_url": None, "reference": None}),
    ("properties", "OBYBnY69", {
        "kind": "text", "name": "My Property", "position": 8, "profile": None, "unique": False,
    }),
    ("actions", "Wvqz2qD1", {
        "goal": False, "name": "signup_form.completed", "passive": True, "title": "Signup-form completed",
    }),
    ("apps", "xnqJQ47v", {
        "image_url": "https://www.beautyandcare.com/apps/awesome.jpg", "metadata": {}, "name": "Beauty & Care",
    }),
    ("orders", "wx4Vn4no", {**_PLAIN, "items": []}),
    ("forms", "wx4Vn4no", _PLAIN),
    ("refunds", "wx4Vn4no", _PLAIN),
    ("products", "vxqQJ3Yg", {**_PLAIN, "name": "Soap", "sku": None, "variants": []}),
    ("carts", "wx4Vn4no", {**_PLAIN, "items": []}),
)  # fmt: skip

PROFILE: dict[str, Any] = {
    "id": "MzYwlE50", "first_name": "Will E", "last_name": "Coyote", "state": "subscribed", "lists": ["zN4Xx4Km"],
}  # fmt: skip
VALUES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("address", {"value": _ADDRESS}),
    ("birthday", {"value": {"day": 3, "month": 11, "year": 1985}}),
    ("email", {"value": "will.e@acme.com", "verified": True}),
    ("phone", {"value": "+59898000001", "verified": True}),
    ("gender", {"value": "male"}),
)
