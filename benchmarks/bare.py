"""The lower bound of a part's cost: msgspec and nothing else.

The module imports all that the package does, so that the garbage collector walks as large a heap for both.
"""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from . import ours as ours  # for its size alone
from .contender import Idle, Place
from .load import Mix, event, sessions, shop
from .page import PAGE

__all__ = ["Decoded", "Track"]


class Track(Idle):
    """A dictionary, its JSON, and an entry in a deque: nothing validated, nothing remembered."""

    def __init__(self, place: Place, mix: Mix = "plain") -> None:
        self._encode = msgspec.json.Encoder().encode
        self._kept: deque[bytes] = deque()
        self._sessions = sessions(1000)
        self._shop = shop() if mix == "shop" else None

    async def run(self, units: int) -> None:
        """Append so many events."""
        append, encode = self._kept.append, self._encode
        if self._shop is not None:
            for action, fields in islice(self._shop, units):
                append(encode({"action": action, **fields}))
            return
        for _ in range(units):
            append(encode(event(next(self._sessions), int(time.time()))))

    async def rest(self) -> None:
        """Clear the deque."""
        self._kept.clear()


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


class Decoded(Idle):
    """The same fields in structs of their own."""

    def __init__(self, place: Place) -> None:
        self._decode = msgspec.json.Decoder(_Page, strict=False).decode

    async def run(self, units: int) -> None:
        """Decode so many pages."""
        for _ in range(units):
            _ = self._decode(PAGE).profiles
