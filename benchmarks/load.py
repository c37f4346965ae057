"""The events of all contenders: the plain one, about 230 bytes of JSON, or the mix of a shop's day (`cli/shop.py`).

The plain event is flat. Most events of the mix hold nested parameters, and each has its time as a float.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice, repeat
from typing import Any, Final, Literal

from hellotext_async.cli.shop import COUPONS, CUSTOMERS, day

__all__ = [
    "ACTION", "BODY", "CONNECTIONS", "FIELDS", "HEADERS", "PATH", "TOKEN",
    "Fields", "Mix", "bodies", "event", "sessions", "shop",
]  # fmt: skip

Fields = dict[str, Any]
Mix = Literal["plain", "shop"]

CONNECTIONS: Final = 64
PATH: Final = "/v1/attribution/events"
TOKEN: Final = "bench-token"
HEADERS: Final = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

ACTION: Final = "product.viewed"
FIELDS: Final[Fields] = {
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
    """Endless session ids, `distinct` different ones."""
    return (f"s{n:011d}" for _ in repeat(None) for n in range(distinct))


SHOP_EVENTS: Final = 5_000
"""Events of the day, which then begins again."""


@cache
def _day() -> list[tuple[str, Fields]]:
    profiles = [f"MzYwlE{number:03d}" for number in range(CUSTOMERS)]
    coupons = [f"wx4Vn{number}" for number in range(len(COUPONS))]
    events = islice(day(profiles, coupons, ends=1_750_000_000), SHOP_EVENTS)
    return [(fields.pop("action"), fields) for fields in events]


def shop() -> Iterator[tuple[str, Fields]]:
    """The action and the fields of the shop's events, endless; each is built anew, as a program does it."""
    return ((action, _anew(fields)) for action, fields in cycle(_day()))


def _anew(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _anew(each) for key, each in value.items()}
    return [_anew(each) for each in value] if isinstance(value, list) else value


def bodies(mix: Mix) -> Iterator[bytes]:
    """The mix as prepared bytes, endless."""
    if mix == "plain":
        return repeat(BODY)
    return cycle([json.dumps({"action": a, **f}, separators=(",", ":")).encode() for a, f in _day()])
