"""A queue used from other threads and other loops: events that they put, outcomes that they await, and errors."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

import pytest

from hellotext_async import Event, EventQueue, Outcome, QueueClosed, QueueFull, Receipt, SqliteSpool, WrongLoop
from hellotext_async.queue.settings import Settings
from tests.harness.transport import Script, answers, received, silent
from tests.rig import engine, queue


async def test_a_thread_s_event_is_refused_when_there_is_no_room() -> None:
    """QueueFull at the call, as in the queue's own loop; the caller decides."""
    async with queue(Script(default=silent()), capacity=2) as opened:
        for number in range(2):
            await asyncio.to_thread(opened.track, "page.viewed", session=f"s{number}")
        with pytest.raises(QueueFull):
            await asyncio.to_thread(opened.track, "page.viewed", session="s2")
        await opened.aclose(0)
        with pytest.raises(QueueClosed):
            await asyncio.to_thread(opened.track, "page.viewed", session="s3")


async def test_a_thread_s_event_whose_id_is_being_stored_is_that_event(tmp_path: Path) -> None:
    """It waits for the same acceptance and has the same outcome; one request is sent."""
    script = Script(default=received())
    async with queue(script, buffer=SqliteSpool(tmp_path / "s.db")) as opened:
        receipts = [opened.track("page.viewed", session="s", event_id="x")]
        thread = threading.Thread(
            target=lambda: receipts.append(opened.track("page.viewed", session="s", event_id="x"))
        )
        thread.start()
        thread.join()  # the loop has stored neither of them yet
        await asyncio.gather(*(receipt.accepted() for receipt in receipts))
        assert [(await receipt).verdict for receipt in receipts] == ["delivered"] * 2
        assert opened.stats().accepted == script.asked == 1


async def test_a_suspended_queue_is_resumed_from_a_thread() -> None:
    """The event is sent at once."""
    script = Script(answers(401), default=received())
    async with queue(script) as opened:
        receipt = opened.track("page.viewed", session="s")
        assert (await opened.flush(10)).suspended
        await asyncio.to_thread(opened.resume)
        assert (await receipt).verdict == "delivered"


async def test_a_receipt_is_awaited_in_another_loop() -> None:
    """Also for its acceptance, also when it has ended."""

    async def elsewhere(receipt: Receipt) -> Outcome:
        await receipt.accepted()
        return await receipt

    async with queue(Script(default=received(takes=0.05))) as opened:
        receipt = await opened.put("page.viewed", session="s")
        for _ in range(2):
            outcome = await asyncio.to_thread(lambda: asyncio.run(elsewhere(receipt)))
            assert outcome.verdict == "delivered"


async def test_a_wait_in_a_thread_ends_in_its_time() -> None:
    """TimeoutError; the event stays in the queue."""
    async with queue(Script(default=received(takes=0.3))) as opened:
        receipt = opened.track("page.viewed", session="s")
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(receipt.wait, 0.01)
        assert (await receipt).verdict == "delivered"


def test_a_queue_whose_loop_was_closed_raises_wrong_loop() -> None:
    """For callers that put events, for callers that wait, and for both at once."""
    made: list[Any] = []

    async def main() -> None:
        async with queue(Script(default=received())) as opened:
            made.append(opened)
            made.append(await asyncio.to_thread(opened.track, "page.viewed", session="s"))
            await made[1]

    asyncio.run(main())
    opened, receipt = made
    assert isinstance(opened, EventQueue)
    assert receipt.wait(1).verdict == "delivered"
    with pytest.raises((QueueClosed, WrongLoop)):
        opened.track("page.viewed", session="s")
    opened.resume()


@pytest.mark.parametrize("form", ["mappings", "events"])
async def test_a_bulk_of_events_waits_where_there_is_no_room(form: str) -> None:
    """More than the queue holds at once: each is delivered, none refused."""
    async with queue(Script(default=received(takes=0.001)), capacity=3) as opened:
        fields = [{"session": f"s{number}"} for number in range(40)]
        events = [
            Event("page.viewed", **each) if form == "events" else {"action": "page.viewed", "context": 1, **each}  # type: ignore[typeddict-item]
            for each in fields
        ]
        outcomes = [outcome async for outcome in opened.deliver(events)]
    assert [outcome.verdict for outcome in outcomes] == ["delivered"] * 40
    assert {outcome.context for outcome in outcomes} == ({None} if form == "events" else {1})


def test_a_queue_whose_loop_was_closed_before_it_raises_in_every_thread() -> None:
    """Nothing can be put any more, and no caller waits for an outcome that cannot come."""
    loop, made = asyncio.new_event_loop(), list[Any]()

    async def main() -> None:
        own = engine(Script(default=silent()))
        made.append(await EventQueue(lambda: own, Settings()).open())
        made.append(made[0].track("page.viewed", session="s"))

    loop.run_until_complete(main())
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    ends: list[str] = []

    def use() -> None:
        for call in (lambda: made[0].track("page.viewed", session="s"), lambda: made[1].wait(30)):
            with pytest.raises(WrongLoop) as caught:
                call()
            ends.append(str(caught.value))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert ends == ["the loop of this queue is closed", "the loop of this event's queue is closed"]
    with pytest.warns(ResourceWarning, match="not closed"):
        made.clear()
        gc.collect()
