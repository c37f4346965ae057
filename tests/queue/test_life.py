"""Bounds, waiting, flushing and closing, and where a queue may be used."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from hellotext_async.errors import ConfigurationError, InvalidParameter, QueueClosed, QueueFull, WrongLoop
from hellotext_async.queue.ids import REMEMBERED
from hellotext_async.queue.outcome import Outcome
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.receipt import Receipt
from hellotext_async.queue.settings import Settings
from tests.harness.clock import run_virtual, virtual_time
from tests.harness.transport import Script, answers, received, silent
from tests.rig import assert_adds_up, engine, queue

SLOW = received(takes=1.0)


@virtual_time
async def test_a_full_queue_refuses_track_and_lets_put_wait() -> None:
    """By count: nothing is dropped, and put returns when one event has ended."""
    async with queue(Script(default=SLOW), capacity=5) as opened:
        for n in range(5):
            opened.track("page.viewed", session=f"s{n}")
        with pytest.raises(QueueFull):
            opened.track("page.viewed", session="more")
        receipt = await opened.put("page.viewed", session="more")
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)
        assert (await receipt).verdict == "delivered"


@virtual_time
async def test_a_queue_is_bounded_by_bytes_as_well() -> None:
    """Bodies count, and their bytes are released."""
    async with queue(Script(default=SLOW), max_bytes=1000) as opened:
        with pytest.raises(QueueFull):
            for n in range(100):
                opened.track("page.viewed", session=f"s{n}", metadata={"text": "x" * 100})
        assert opened.stats().bytes <= 1000
        await opened.flush()
        assert opened.stats().bytes == 0
        with pytest.raises(InvalidParameter, match="max_bytes"):
            opened.track("page.viewed", session="s", metadata={"text": "x" * 2000})


@virtual_time
async def test_a_cancelled_put_is_never_sent_and_leaks_no_capacity() -> None:
    """Cancelled while it waits for room."""
    script = Script(default=SLOW)
    async with queue(script, capacity=1) as opened:
        opened.track("page.viewed", session="first")
        putting = [asyncio.ensure_future(opened.put("page.viewed", session=f"p{n}")) for n in range(3)]
        await asyncio.sleep(0.5)
        putting[0].cancel()
        await opened.flush()
        await asyncio.gather(*putting[1:])
        await opened.flush()
        assert opened.stats().accepted == 3
        assert opened.stats().bytes == 0
    assert b"p0" not in b"".join(seen.body for seen in script.history)


@virtual_time
async def test_cancelling_a_receipt_does_not_cancel_the_delivery() -> None:
    """Other waiters for the receipt are not affected either."""
    async with queue(Script(default=SLOW)) as opened:
        receipt = opened.track("page.viewed", session="s")

        async def wait() -> Outcome:
            return await receipt

        one, other = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
        await asyncio.sleep(0.1)
        one.cancel()
        assert (await other).verdict == "delivered"
        assert receipt.done()
        assert receipt.outcome is not None


@virtual_time
async def test_flush_returns_at_its_timeout_and_reports_what_is_left() -> None:
    """With a server that never answers."""
    async with queue(Script(default=silent())) as opened:
        for n in range(100):
            opened.track("page.viewed", session=f"s{n}")
        report = await opened.flush(timeout=5)
        assert asyncio.get_running_loop().time() == pytest.approx(5)
        assert report.queued + report.in_flight == 100


@virtual_time
async def test_closing_ends_every_event_and_never_takes_longer_than_it_was_given() -> None:
    """In flight: unknown; still in memory: abandoned; every waiter gets the outcome."""
    opened = EventQueue(lambda: made, Settings())
    made = engine(Script(default=silent()))
    receipts = [opened.track("page.viewed", session=f"s{n}") for n in range(100)]
    await asyncio.sleep(0)
    report = await opened.aclose(timeout=3)
    assert asyncio.get_running_loop().time() == pytest.approx(3)
    assert report.outcomes["unknown"] > 0
    assert report.outcomes["unknown"] + report.outcomes["abandoned"] == 100
    assert report.queued == report.in_flight == report.kept == 0
    assert {(await receipt).verdict for receipt in receipts} == {"unknown", "abandoned"}
    assert made.limiter.in_flight == 0
    assert_adds_up(opened)


@virtual_time
async def test_closing_twice_and_at_once_gives_one_report() -> None:
    """Cancelling a close shortens it, and it is still completed."""
    made = engine(Script(default=silent()))
    opened = EventQueue(lambda: made, Settings())
    opened.track("page.viewed", session="s")
    await asyncio.sleep(0)
    first = asyncio.ensure_future(opened.aclose(timeout=1000))
    second = asyncio.ensure_future(opened.aclose())
    await asyncio.sleep(1)
    first.cancel()
    report = await second
    assert asyncio.get_running_loop().time() == pytest.approx(1)
    assert report is await opened.aclose()
    with pytest.raises(asyncio.CancelledError):
        await first


@virtual_time
async def test_a_closed_queue_takes_nothing() -> None:
    """track and put raise, also a put that waited for room."""
    async with queue(Script(default=silent()), capacity=1) as opened:
        opened.track("page.viewed", session="s")
        waiting = asyncio.ensure_future(opened.put("page.viewed", session="t"))
        await asyncio.sleep(1)
        await opened.aclose(timeout=1)
        for take in (opened.track, opened.put):
            with pytest.raises(QueueClosed):
                take("page.viewed", session="u")
        with pytest.raises(QueueClosed):
            await waiting


@virtual_time
async def test_the_same_event_id_gets_the_first_receipt_and_is_sent_once() -> None:
    """While it is queued, and after it has ended."""
    script = Script(default=SLOW)
    async with queue(script) as opened:
        first = opened.track("page.viewed", session="s", event_id="e1")
        assert opened.track("page.viewed", session="s", event_id="e1") is first
        outcome = await first
        assert await (await opened.put("page.viewed", session="s", event_id="e1")) is outcome
        assert opened.stats().accepted == 1
        assert outcome.event_id == "e1"
    assert script.asked == 1


@virtual_time
async def test_ids_are_remembered_for_the_last_ten_thousand_that_ended() -> None:
    """A queue that lives for months does not remember all ids."""
    script = Script()
    async with queue(script, ordering=None) as opened:
        for n in range(REMEMBERED + 1):
            await opened.put("page.viewed", session="s", event_id=str(n))
            if n % 1000 == 0:
                await opened.flush()
        await opened.flush()
        asked = script.asked
        await (await opened.put("page.viewed", session="s", event_id="1"))
        assert script.asked == asked
        await (await opened.put("page.viewed", session="s", event_id="0"))
        assert script.asked == asked + 1


@virtual_time
async def test_a_hook_receives_every_outcome_and_its_errors_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An on_outcome that raises is logged by type, and delivery continues."""
    received: list[Outcome] = []

    def hook(outcome: Outcome) -> None:
        received.append(outcome)
        raise ValueError("a customer's secret")

    async with queue(Script(), on_outcome=hook) as opened:
        assert [(await opened.track("page.viewed", session=f"s{n}")).verdict for n in range(3)] == ["delivered"] * 3
    assert len(received) == 3
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


@virtual_time
async def test_a_worker_that_dies_leaves_no_waiter() -> None:
    """An exception from below the queue (not an Unanswered) ends every event and closes the queue."""

    def hook(_: object) -> Any:
        raise RuntimeError("a bug")

    made = engine(Script(hook=hook))
    opened = EventQueue(lambda: made, Settings())
    receipts = [opened.track("page.viewed", session=f"s{n}") for n in range(200)]
    verdicts = [(await receipt).verdict for receipt in receipts]
    assert set(verdicts) <= {"unknown", "abandoned"}
    with pytest.raises(QueueClosed, match="died"):
        opened.track("page.viewed", session="s")
    assert_adds_up(opened)
    await opened.aclose()


def test_a_queue_belongs_to_its_loop() -> None:
    """Another loop raises WrongLoop, and so does a call without a loop; another thread may track."""
    made: list[EventQueue] = []

    async def first() -> None:
        own = engine(Script())
        opened = EventQueue(lambda: own, Settings())
        made.append(opened)
        assert (await opened.track("page.viewed", session="s")).verdict == "delivered"
        receipts: list[Receipt] = []
        thread = threading.Thread(target=lambda: receipts.append(opened.track("page.viewed", session="s")))
        thread.start()
        thread.join()
        assert (await receipts[0]).verdict == "delivered"
        await opened.aclose()

    async def second() -> None:
        with pytest.raises(WrongLoop):
            made[0].track("page.viewed", session="s")

    run_virtual(first())
    run_virtual(second())
    with pytest.raises(WrongLoop):
        EventQueue(lambda: None, Settings()).track("page.viewed", session="s")  # type: ignore[arg-type,return-value]


def test_a_queue_waits_for_its_loop_to_run_again() -> None:
    """While its loop is not running, no other loop of the thread may use it, nor a call without one."""
    own, other = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def started() -> EventQueue:
        made = engine(Script())
        return await EventQueue(lambda: made, Settings()).open()

    async def refused() -> None:
        with pytest.raises(WrongLoop):
            opened.track("page.viewed", session="s")

    async def delivered() -> None:
        assert (await opened.track("page.viewed", session="s")).delivered
        await opened.aclose()

    opened = own.run_until_complete(started())
    try:
        other.run_until_complete(refused())
        with pytest.raises(WrongLoop):
            opened.track("page.viewed", session="s")
        own.run_until_complete(delivered())
    finally:
        own.close()
        other.close()


def test_a_loop_that_ends_under_a_queue_abandons_its_events_and_warns() -> None:
    """asyncio.run without aclose: every receipt ends, and a ResourceWarning counts the events."""
    made: list[Any] = []

    async def forget() -> None:
        own = engine(Script(default=silent()))
        opened = EventQueue(lambda: own, Settings())
        made.extend(opened.track("page.viewed", session=f"s{n}") for n in range(50))
        made.append(opened)
        await asyncio.sleep(0.1)

    run_virtual(forget())
    opened = made.pop()
    assert {receipt.outcome.verdict for receipt in made} <= {"unknown", "abandoned"}
    assert_adds_up(opened)
    with pytest.warns(ResourceWarning, match="not closed"):
        del opened
        gc.collect()


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity": 0},
        {"max_bytes": True},
        {"concurrency": -1},
        {"ordering": "global"},
        {"delivery": "exactly_once"},
        {"delivery_timeout": float("nan")},
        {"on_outcome": 5},
    ],
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, Any]) -> None:
    """ConfigurationError names the setting."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Settings(**wrong)


@virtual_time
async def test_an_answer_that_is_no_reply_at_all_never_reaches_the_caller_raw() -> None:
    """A 200 with an invalid body is delivered: its status line was read."""
    async with queue(Script(default=answers(200, b"<html>"))) as opened:
        assert (await opened.track("page.viewed", session="s")).verdict == "delivered"


@virtual_time
async def test_workers_that_have_all_been_busy_go_on_with_what_comes_later() -> None:
    """More events than workers, then none, then one more, several times over."""
    async with queue(Script(), concurrency=2) as opened:
        for _ in range(3):
            for n in range(5):
                opened.track("page.viewed", session=f"s{n}")
            await opened.flush()
            assert (await opened.track("page.viewed", session="s")).waited < 1


def test_a_resume_from_another_thread_after_the_loop_has_ended_is_nothing() -> None:
    """As when a token is replaced while the program ends."""
    opened: list[EventQueue] = []

    async def run() -> None:
        async with queue(Script()) as one:
            opened.append(one)
            assert (await one.track("page.viewed", session="s")).delivered

    asyncio.run(run())
    thread = threading.Thread(target=opened[0].resume)
    thread.start()
    thread.join(10)
    assert opened[0].closed
