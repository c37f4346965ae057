"""A page of 100 profiles as the API sends it."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["PAGE"]

_ADDRESS: Final = {
    "city": "Montevideo", "country": "UY", "latitude": "-0.349044168e2", "longitude": "-0.561370421e2", "notes": None,
    "postal_code": "11300", "region": "Departamento de Montevideo", "subregion": "CH",
    "street": {"name": "Av. Luis Alberto de Herrera", "number": "1248"},
}  # fmt: skip


def _profile(number: int) -> dict[str, Any]:
    values = [
        {"id": "MQNKalb7", "kind": "address", "value": _ADDRESS},
        {"id": "xK4n2aPw", "kind": "birthday", "name": None, "value": {"day": 3, "month": 11, "year": 1985}},
        {"id": "Lp0zRm8d", "kind": "checkbox", "name": "Active", "value": True},
        {
            "id": "o9Vb3cYt",
            "kind": "email",
            "name": None,
            "value": f"will.{number}@acme.example",
            "verified": True,
        },
        {"id": "Qw7eRt5y", "kind": "phone", "name": None, "value": f"+59898{number:06d}", "verified": False},
    ]
    return {
        "id": f"MzYwlE{number:02d}", "type": "profile", "blocked": False, "created_at": 1665684173 + number,
        "emails": [f"will.{number}@acme.example"], "first_name": "Will E", "last_name": "Coyote",
        "lists": [{"id": "zN4Xx4Km", "type": "list", "name": "Greens", "created_at": 1665684173}],
        "phones": [f"+59898{number:06d}"], "properties": values, "state": "subscribed",
        "verified_emails": [f"will.{number}@acme.example"], "verified_phones": [],
    }  # fmt: skip


PAGE: Final = json.dumps({"profiles": [_profile(n) for n in range(100)], "has_more": True}).encode()
