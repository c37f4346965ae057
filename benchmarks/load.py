"""What everybody sends: one event as a shop would track it, about 230 bytes of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import repeat
from typing import Any, Final

__all__ = ["ACTION", "BODY", "CONNECTIONS", "FIELDS", "HEADERS", "PATH", "TOKEN", "event", "sessions"]

CONNECTIONS: Final = 64
PATH: Final = "/v1/attribution/events"
TOKEN: Final = "bench-token"
HEADERS: Final = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

ACTION: Final = "product.viewed"
FIELDS: Final[dict[str, Any]] = {
    "product": "wx4Vn4no",
    "amount": 89.9,
    "currency": "USD",
    "url": "https://shop.example/greens/kale-and-spinach?ref=newsletter",
    "metadata": {"page": 3, "section": "greens", "device": "mobile"},
}


def event(session: str = "s00000000000", tracked_at: int = 1_750_000_000) -> dict[str, Any]:
    """The event as the body of a request."""
    return {"action": ACTION, "session": session, **FIELDS, "tracked_at": tracked_at}


BODY: Final = json.dumps(event(), separators=(",", ":")).encode()


def sessions(distinct: int) -> Iterator[str]:
    """Session ids without end, `distinct` different ones."""
    return (f"s{n:011d}" for _ in repeat(None) for n in range(distinct))
