"""Both formats of every action, from the same arguments: the emulator accepts both and stores the same."""

from __future__ import annotations

from typing import Any

import pytest

from hellotext_async import Hellotext
from hellotext_async.config import EventFormat
from hellotext_async.emulator import Emulator
from tests.docs.actions import EXAMPLES, MORE

KINDS = ("apps", "carts", "coupons", "forms", "orders", "products", "variants", "refunds")


async def stored(action: str, fields: dict[str, Any], event_format: EventFormat) -> dict[str, Any]:
    """What the business has after the event: the event, and every object that it is about."""
    async with Emulator() as emulator:
        emulator.store.seed_document()
        async with Hellotext(emulator.token, base_url=emulator.url, event_format=event_format, strict=True) as client:
            await client.events.track(action, **fields)
        (event,) = emulator.events
        common = ("action", "profile", "session", "amount", "currency", "metadata", "tracked_at", "url", "trackable")
        objects = {kind: [{**item, "created_at": 0} for item in getattr(emulator.store, kind)] for kind in KINDS}
        assert any(name.startswith("object") for name in event) == (event_format == "object" and "trackable" in event)
        return {
            "event": {name: event.get(name) for name in common},
            "sessions": dict(emulator.store.sessions),
            **objects,
        }


@pytest.mark.parametrize(("action", "fields"), [*EXAMPLES.items(), *MORE.items()])
async def test_both_formats_store_the_same(action: str, fields: dict[str, Any]) -> None:
    """Event, objects, lines and sessions."""
    assert await stored(action, fields, "typed") == await stored(action, fields, "object")
