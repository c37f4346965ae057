"""A profile as the API answers it, with every kind of value."""

from __future__ import annotations

from typing import Any

ADDRESS: dict[str, Any] = {
    "city": "Montevideo",
    "country": "UY",
    "latitude": "-0.349044168e2",
    "longitude": "-0.561370421e2",
    "notes": None,
    "postal_code": "11300",
    "region": "Departamento de Montevideo",
    "street": {"name": "Av. Luis Alberto de Herrera", "number": "1248"},
    "subregion": "CH",
}
DAY: dict[str, Any] = {"day": 3, "month": 11, "year": 1985}


def value(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    """One value of a profile."""
    return {"id": "MQNKalb7", "kind": kind, "name": None, "value": content, **more}


PROFILE: dict[str, Any] = {
    "id": "MzYwlE50",
    "type": "profile",
    "blocked": False,
    "created_at": 1665684173,
    "emails": ["will.e@acme.com"],
    "first_name": "Will E",
    "last_name": "Coyote",
    "lists": [{"id": "zN4Xx4Km", "type": "list", "name": "Greens", "created_at": 1665684173}],
    "phones": ["+59898000001"],
    "properties": [
        {"id": "MQNKalb7", "kind": "address", "value": ADDRESS},
        value("birthday", DAY),
        value("email", "will.e@acme.com", verified=True),
        value("phone", "+59898000001", verified=True),
        value("gender", "male"),
    ],
    "state": "subscribed",
    "verified_emails": ["will.e@acme.com"],
    "verified_phones": ["+59898000001"],
}
