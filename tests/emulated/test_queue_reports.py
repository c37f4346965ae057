"""What a queue reports through its client's log and hooks, over real sockets."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path

import pytest

from hellotext_async import Hellotext, Hooks, HttpAttempt
from hellotext_async.emulator import Emulator, Fault

PLACE: ContextVar[str] = ContextVar("PLACE", default="nowhere")


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator with the document's objects."""
    async with Emulator() as emulator:
        emulator.store.seed_document()
        yield emulator


async def test_attempts_at_an_event_are_numbered_and_know_where_it_came_from(emulator: Emulator) -> None:
    """Its id and action, the number of the attempt, and the context of the call that put it."""
    made: list[HttpAttempt] = []
    emulator.faults.add(Fault("status", status=500), Fault("status", status=503))
    hooks = Hooks(on_attempt=made.append)
    async with (
        Hellotext(emulator.token, base_url=emulator.url, hooks=hooks) as client,
        client.event_queue() as queue,
    ):
        PLACE.set("checkout")
        receipt = queue.track("order.placed", order="wx4Vn4no", profile="MzYwlE50", event_id="order-1")
        PLACE.set("elsewhere")
        await receipt
    assert [(one.number, one.status, one.event_id, one.action) for one in made] == [
        (1, 500, "order-1", "order.placed"),
        (2, 503, "order-1", "order.placed"),
        (3, 200, "order-1", "order.placed"),
    ]
    assert {one.enqueued_in.get(PLACE) for one in made if one.enqueued_in is not None} == {"checkout"}
    assert all(one.enqueued_in is not None for one in made)


async def test_a_close_with_anything_but_delivered_is_one_warning(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """The number of each outcome, and where the dead letters are."""
    letters = tmp_path / "letters.jsonl"
    emulator.faults.add(Fault("status", status=422), Fault("status", status=404))
    async with (
        Hellotext(emulator.token, base_url=emulator.url, name="greens") as client,
        client.event_queue(dead_letters=letters) as queue,
    ):
        for number in range(5):
            await queue.track("page.viewed", session=f"s{number}")
    assert [message for message in caplog.messages if "closed" in message] == [
        f"greens: event queue closed with 3 delivered, 2 rejected; dead letters are in {letters}"
    ]


async def test_a_close_with_events_left_counts_them(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """Abandoned ones: no spool keeps them."""
    emulator.faults.add(Fault("delay", delay=3, times=None))
    async with Hellotext(emulator.token, base_url=emulator.url) as client:
        queue = await client.event_queue(concurrency=1).open()
        for number in range(7):
            queue.track("page.viewed", session=f"s{number}")
        await queue.aclose(timeout=0.05)
    (message,) = [message for message in caplog.messages if "closed" in message]
    assert message.startswith("event queue closed with 0 delivered, ")
    assert "abandoned" in message


async def test_a_close_with_everything_delivered_is_silent(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is logged at WARNING."""
    async with Hellotext(emulator.token, base_url=emulator.url) as client, client.event_queue() as queue:
        await queue.track("page.viewed", session="s")
    assert caplog.messages == []


def test_a_forgotten_queue_is_named_with_the_place_where_it_was_made() -> None:
    """The ResourceWarning points at the line that made the queue; so does the client's."""

    async def forget() -> None:
        await Hellotext("t", enabled=False).event_queue().open()

    place = rf"made at \S*test_queue_reports\.py:{forget.__code__.co_firstlineno + 1}, was not closed"
    with (
        pytest.warns(ResourceWarning, match=rf"Hellotext client, {place}"),
        pytest.warns(ResourceWarning, match=rf"event queue, {place}"),
    ):
        asyncio.run(forget())
        gc.collect()
