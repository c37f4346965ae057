"""The objects of the document's examples, under the ids that it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .store import Store

__all__ = ["seed"]

AT = 1665684173
ADDRESS: dict[str, Any] = {
    "city": "Montevideo", "country": "UY", "latitude": "-0.349044168e2", "longitude": "-0.561370421e2", "notes": None,
    "postal_code": "11300", "region": "Departamento de Montevideo",
    "street": {"name": "Av. Luis Alberto de Herrera", "number": "1248"}, "subregion": "CH",
}  # fmt: skip


def seed(store: Store) -> None:
    """Have them."""
    for collection, id, fields in _OBJECTS:
        target = getattr(store, collection)
        target.add({"id": id, "type": target.type, "created_at": AT, **fields})
    _profile(store)
    store.sessions.setdefault("2KAGgAgm", None)


_OBJECTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("lists", "zN4Xx4Km", {"name": "Greens"}),
    ("lists", "dWJ8VYmz", {"name": "Seconds"}),
    (
        "coupons",
        "xJEOaPdk",
        {
            "code": "SALE",
            "description": "Get 15% off all our summer sale",
            "destination_url": "https://www.myshop.com/redeem/SALE",
            "reference": None,
        },
    ),
    ("coupons", "wx4Vn4no", {"code": "WELCOME", "description": None, "destination_url": None, "reference": None}),
    (
        "properties",
        "OBYBnY69",
        {"kind": "text", "name": "My Property", "position": 8, "profile": None, "unique": False},
    ),
    (
        "actions",
        "Wvqz2qD1",
        {"goal": False, "name": "signup_form.completed", "passive": True, "title": "Signup-form completed"},
    ),
    (
        "apps",
        "xnqJQ47v",
        {"image_url": "https://www.beautyandcare.com/apps/awesome.jpg", "metadata": {}, "name": "Beauty & Care"},
    ),
    ("orders", "wx4Vn4no", {"reference": None, "source": None, "items": []}),
    ("forms", "wx4Vn4no", {"reference": None}),
    ("refunds", "wx4Vn4no", {"reference": None, "source": None}),
    ("products", "vxqQJ3Yg", {"name": "Soap", "reference": None, "sku": None, "variants": []}),
    ("carts", "wx4Vn4no", {"reference": None, "source": None, "items": []}),
)


def _profile(store: Store) -> None:
    def value(kind: str, value: Any, **more: Any) -> dict[str, Any]:
        return {"id": "MQNKalb7", "kind": kind, "name": None, "value": value, **more}

    store.profiles.add(
        id="MzYwlE50",
        created_at=AT,
        first_name="Will E",
        last_name="Coyote",
        state="subscribed",
        lists=["zN4Xx4Km"],
        values=[
            value("address", ADDRESS),
            value("birthday", {"day": 3, "month": 11, "year": 1985}),
            value("email", "will.e@acme.com", verified=True),
            value("phone", "+59898000001", verified=True),
            value("gender", "male"),
        ],
    )
