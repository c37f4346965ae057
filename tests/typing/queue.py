"""The event queue, receipts, outcomes and dead letters."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal, assert_type

from hellotext_async import (
    DeadLetters,
    Event,
    EventQueue,
    Hellotext,
    HellotextError,
    Letter,
    Outcome,
    Receipt,
    Report,
    SqliteSpool,
    Stats,
)


def seen(outcome: Outcome) -> None:
    """A hook."""


def makes(client: Hellotext, path: Path) -> None:
    assert_type(client.event_queue(buffer=SqliteSpool(path), on_outcome=seen), EventQueue)
    client.event_queue(capacity=5, ordering=None, delivery="at_least_once", dead_letters=path)
    client.event_queue(delivery="sometimes")  # type: ignore[arg-type]
    client.event_queue(ordering="profile")  # type: ignore[arg-type]
    client.event_queue(buffer="events.db")  # type: ignore[arg-type]
    client.event_queue(capacity="many")  # type: ignore[arg-type]
    client.event_queue(on_outcome=lambda: None)  # type: ignore[arg-type, misc]
    client.event_queue(concurency=5)  # type: ignore[call-arg]


async def takes(queue: EventQueue, when: datetime) -> None:
    receipt = queue.track("order.placed", order="x", profile="p", amount=89.9, currency="USD", tracked_at=when)
    assert_type(receipt, Receipt)
    assert_type(await queue.put(Event("page.viewed", session="s")), Receipt)
    assert_type(await receipt, Outcome)
    assert_type(receipt.outcome, Outcome | None)
    assert_type(receipt.event_id, str)
    queue.track()  # type: ignore[call-arg]
    queue.track("order.placed", ordre="x", profile="p")  # type: ignore[call-arg]
    queue.track("order.placed", order=5, profile="p")  # type: ignore[arg-type]
    await queue.put("order.placed", order="x", profiles="p")  # type: ignore[call-arg]
    queue.track({"action": "order.placed"})  # type: ignore[arg-type]


async def reports(queue: EventQueue, outcome: Outcome) -> None:
    assert_type(await queue.flush(timeout=1), Report)
    assert_type(await queue.aclose(), Report)
    assert_type(queue.stats(), Stats)
    assert_type(queue.stats().oldest_age, float)
    assert_type(outcome.delivered, bool)
    assert_type(outcome.error, HellotextError | None)
    assert_type(outcome.attempts, int)
    assert_type(outcome.verdict, Literal["delivered", "rejected", "unknown", "expired", "abandoned"])
    outcome.verdict = "delivered"  # type: ignore[misc]


async def delivers(
    queue: EventQueue, some: Iterable[Event], stream: AsyncIterator[Event], rows: list[dict[str, str]]
) -> None:
    async for outcome in queue.deliver(some):
        assert_type(outcome, Outcome)
    queue.deliver(stream)
    queue.deliver(rows)
    queue.deliver([5])  # type: ignore[list-item]


async def letters(queue: EventQueue, path: Path) -> None:
    found = DeadLetters(path)
    assert_type([letter.reason for letter in found], list[str])
    assert_type(found.get("x"), Letter | None)
    async for outcome in found.replay(queue, include_unknown=True):
        assert_type(outcome, Outcome)


def events(event: Event) -> None:
    assert_type(event.action, str)
    event.nope  # type: ignore[attr-defined]
    Event("order.placed", ordre="x", session="s")  # type: ignore[call-arg]
    Event()  # type: ignore[call-arg]
