"""Events: their keywords and the answer."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from datetime import datetime
from typing import assert_type

from hellotext_async import Event, Hellotext, Tracked


async def events(client: Hellotext, when: datetime) -> None:
    family = client.events
    assert_type(await family.track("order.placed", order="x", profile="p", amount=89.9, currency="USD"), Tracked)
    assert_type(await family.track("subscriber.voted", session="s", tracked_at=when, metadata={"a": 1}), Tracked)
    assert_type(await family.track("cart.added", session="s", products=[{"product": "x", "quantity": 2}]), Tracked)
    assert_type(await family.send(Event("page.viewed", session="s", url="https://x")), Tracked)
    assert_type((await family.send(Event("page.viewed", session="s"))).status, str)
    await family.track()  # type: ignore[call-arg]
    await family.track(action="order.placed", order="x", profile="p")  # type: ignore[call-arg]
    await family.track("order.placed", ordre="x", profile="p")  # type: ignore[call-arg]
    await family.track("order.placed", order="x", profile="p", amount="89.9")  # type: ignore[arg-type]
    await family.track("cart.added", session="s", products=[{"produkt": "x"}])  # type: ignore[typeddict-unknown-key]
    await family.send("order.placed")  # type: ignore[arg-type]
    await family.send({"action": "order.placed"})  # type: ignore[arg-type]
