"""The objects of the document's examples, under the ids that it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .store import Store

__all__ = ["seed"]

AT = 1665684173
_ADDRESS: dict[str, Any] = {
    "city": "Montevideo", "country": "UY", "latitude": "-0.349044168e2", "longitude": "-0.561370421e2", "notes": None,
    "postal_code": "11300", "region": "Departamento de Montevideo",
    "street": {"name": "Av. Luis Alberto de Herrera", "number": "1248"}, "subregion": "CH",
}  # fmt: skip
_PLAIN: dict[str, Any] = {"reference": None, "source": None}
_OBJECTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
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


def seed(store: Store) -> None:
    """Have them."""
    for collection, id, fields in _OBJECTS:
        target = getattr(store, collection)
        target.add({"id": id, "type": target.type, "created_at": AT, **fields})
    store.profiles.add(
        id="MzYwlE50",
        created_at=AT,
        first_name="Will E",
        last_name="Coyote",
        state="subscribed",
        lists=["zN4Xx4Km"],
        values=[
            _value(store, "address", _ADDRESS),
            _value(store, "birthday", {"day": 3, "month": 11, "year": 1985}),
            _value(store, "email", "will.e@acme.com", verified=True),
            _value(store, "phone", "+59898000001", verified=True),
            _value(store, "gender", "male"),
        ],
    )
    store.sessions.setdefault("2KAGgAgm", None)


def _value(store: Store, kind: str, value: Any, **more: Any) -> dict[str, Any]:
    definition = store.properties.plain(kind)
    definition["id"] = "MQNKalb7"  # the document gives all of them one id
    return {"property": definition, "value": value, **more}
