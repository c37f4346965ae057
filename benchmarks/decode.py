"""A page of 100 profiles: our decoding, tolerant as it is, against bare structs of the same fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from .contender import Entry, Idle, Place
from .ground import Ground
from .row import Goal, Row

__all__ = ["PAGE", "Bare", "rows"]

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


class _List(msgspec.Struct):
    id: str
    type: str
    name: str | None
    created_at: datetime


class _Value(msgspec.Struct):
    id: str
    kind: str
    value: Any
    name: str | None = None
    verified: bool | None = None


class _Profile(msgspec.Struct):
    id: str
    type: str
    blocked: bool
    created_at: datetime
    emails: list[str]
    first_name: str | None
    last_name: str | None
    lists: list[_List]
    phones: list[str]
    properties: list[_Value]
    state: str
    verified_emails: list[str]
    verified_phones: list[str]


class _Page(msgspec.Struct):
    profiles: list[_Profile]
    has_more: bool


class Bare(Idle):
    """msgspec and nothing else."""

    def __init__(self, place: Place) -> None:
        self._decode = msgspec.json.Decoder(_Page, strict=False).decode

    async def run(self, units: int) -> None:
        """Decode so many pages."""
        for _ in range(units):
            _ = self._decode(PAGE).profiles


def rows(ground: Ground) -> Iterator[Row]:
    """The cost of one page."""
    figure = ground.race(Entry("benchmarks.ours:Decoded"), Entry("benchmarks.decode:Bare"))
    yield Row("decode", "a page of 100 profiles", figure.inverse(), "x bare", Goal(1.15, 1.07, less=True))
