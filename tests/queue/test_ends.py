"""A queue that ends without `aclose`: its loop ends, its tasks are cancelled, or it dies."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.errors import QueueClosed, WrongLoop
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.receipt import Receipt
from hellotext_async.queue.settings import Settings
from hellotext_async.spool.sqlite_spool import SqliteSpool
from tests.conftest import loop_factory
from tests.harness.clock import virtual_time
from tests.harness.transport import Script, answers, received, silent
from tests.rig import SlowSpool, assert_adds_up, engine, event

LOOPS = ("asyncio", "uvloop")


def opened_on(path: Path | None, script: Script, spool: type[SqliteSpool] = SqliteSpool, **settings: Any) -> EventQueue:
    made = engine(script)
    buffer = None if path is None else spool(path)
    return EventQueue(lambda: made, Settings(buffer=buffer, **{"delivery_timeout": 600, **settings}))


def run(main: Coroutine[Any, Any, Any], loop: str) -> Any:
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(main)


def end_of(receipt: Receipt) -> str:
    """The outcome or state of a receipt, without waiting."""
    assert receipt.done()
    try:
        return receipt.wait(0).verdict
    except QueueClosed as closed:
        return "kept" if closed.kept else "nowhere"


async def delivered_by_the_next(path: Path) -> list[str]:
    """The references of the events that the next queue on the path delivers."""
    script = Script()
    async with opened_on(path, script) as opened:
        await opened.flush(10)
        assert_adds_up(opened)
    return [seen.json["metadata"]["ref"] for seen in script.history]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("turns", [0, 2, 4, 6, 8, 12])
def test_a_loop_that_ends_while_the_spool_commits(tmp_path: Path, turns: int, loop: str) -> None:
    """What the file holds is kept and delivered by the next queue, which can lock the file; the rest is not stored."""
    path, receipts = tmp_path / "s.db", list[Receipt]()

    async def leave() -> None:
        opened = await opened_on(path, Script(default=silent())).open()
        for n in range(100):
            fields = event(n)
            receipts.append(opened.track(fields.pop("action"), **fields))
        for _ in range(turns):
            await asyncio.sleep(0)

    with pytest.warns(ResourceWarning, match="not closed"):
        run(leave(), loop)
        gc.collect()
    ends = Counter(end_of(receipt) for receipt in receipts)
    # Events of the first attempts may have been sent: after a reopening they are unknown, and are not sent again.
    assert set(ends) <= {"kept", "nowhere"}

    async def again() -> tuple[int, int]:
        script = Script()
        async with opened_on(path, script) as opened:
            await opened.flush(10)
            assert_adds_up(opened)
            outcomes = opened.stats().outcomes
        return outcomes["delivered"] + outcomes["unknown"], outcomes["delivered"] - len(script.history)

    assert run(again(), loop) == (ends["kept"], 0)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("turns", [1, 3, 5, 7, 9])
def test_tasks_that_a_program_cancels_while_the_spool_commits(tmp_path: Path, turns: int, loop: str) -> None:
    """A program that cancels all tasks kills the queue; `aclose` then has nothing to wait for."""
    path = tmp_path / "s.db"

    async def leave() -> list[Receipt]:
        opened = await opened_on(path, Script(default=silent())).open()
        receipts: list[Receipt] = []
        for n in range(100):
            fields = event(n)
            receipts.append(opened.track(fields.pop("action"), **fields))
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.01)
        assert_adds_up(opened)
        report = await opened.aclose()
        assert_adds_up(opened)
        assert report.kept == opened.stats().queued + opened.stats().in_flight
        return receipts

    ends = Counter(end_of(receipt) for receipt in run(leave(), loop))
    assert set(ends) <= {"kept", "nowhere"}

    async def again() -> int:
        async with opened_on(path, Script()) as opened:
            await opened.flush(10)
            return opened.stats().outcomes["delivered"] + opened.stats().outcomes["unknown"]

    assert run(again(), loop) == ends["kept"]


@virtual_time
async def test_an_end_that_the_store_commits_while_the_queue_dies_is_an_outcome(tmp_path: Path) -> None:
    """The event is removed from the file, so its receipt does not end as kept."""
    path = tmp_path / "s.db"
    opened = await opened_on(path, Script(default=received()), SlowSpool).open()
    receipt = opened.track("page.viewed", session="s")
    await asyncio.sleep(2.5)  # appended, marked and sent: its outcome is being committed
    assert not receipt.done()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(1)
    assert receipt.done()
    assert (await receipt).delivered
    assert_adds_up(opened)
    await opened.aclose()
    script = Script()
    async with opened_on(path, script, SlowSpool) as again:
        assert again.stats().accepted == 0
    assert not script.history


@virtual_time
async def test_a_put_that_waits_for_room_ends_with_the_queue() -> None:
    """It is refused: no room will become free."""
    opened = await opened_on(None, Script(default=silent()), capacity=1).open()
    opened.track("page.viewed", session="s")
    waiting = asyncio.ensure_future(opened.put("page.viewed", session="s2"))
    flushing = asyncio.ensure_future(opened.flush())
    await asyncio.sleep(1)
    for task in asyncio.all_tasks() - {asyncio.current_task(), waiting, flushing}:
        task.cancel()
    with pytest.raises(QueueClosed):
        await waiting
    assert (await flushing).outcomes["unknown"] == 1
    assert_adds_up(opened)
    await opened.aclose()


@pytest.mark.parametrize("loop", LOOPS)
def test_events_from_threads_end_with_the_loop(loop: str) -> None:
    """An event that a thread put as the loop ended has an outcome, and a `wait` for it in a thread returns."""
    receipts: list[Receipt] = []
    ends: list[str] = []

    def hand_over(opened: EventQueue) -> None:
        receipts.extend(opened.track("page.viewed", session=f"s{n}") for n in range(20))

    def wait() -> None:
        try:
            ends.append(receipts[0].wait(30).verdict)
        except (QueueClosed, WrongLoop) as error:
            ends.append(type(error).__name__)

    async def leave() -> threading.Thread:
        opened = await opened_on(None, Script(default=silent())).open()
        thread = threading.Thread(target=hand_over, args=(opened,))
        thread.start()
        thread.join()  # the loop has taken none of them yet
        waiter = threading.Thread(target=wait)
        waiter.start()
        return waiter

    with pytest.warns(ResourceWarning, match="not closed"):
        waiter = run(leave(), loop)
        gc.collect()
    waiter.join(30)
    assert len(ends) == 1
    assert all(receipt.done() for receipt in receipts)


@pytest.mark.parametrize("loop", LOOPS)
def test_an_event_whose_dead_letter_is_being_written_ends_with_the_loop(tmp_path: Path, loop: str) -> None:
    """The letter is in the file and the receipt has its outcome, however far the writing thread has come."""
    for turns in (2, 4, 8, 16, 32, 64, 128):
        receipts: list[Receipt] = []
        letters = tmp_path / f"{turns}.jsonl"

        async def leave(turns: int, letters: Path, receipts: list[Receipt]) -> None:
            opened = await opened_on(None, Script(answers(422)), dead_letters=letters).open()
            receipts.append(opened.track("page.viewed", session="s"))
            for _ in range(turns):
                await asyncio.sleep(0)

        with pytest.warns(ResourceWarning, match="not closed"):
            run(leave(turns, letters, receipts), loop)
            gc.collect()
        verdict = end_of(receipts[0])
        assert verdict in ("rejected", "abandoned", "unknown")
        assert f'"verdict":"{verdict}"' in letters.read_text().splitlines()[-1]


@pytest.mark.parametrize("durable", [False, True])
async def test_an_event_that_a_thread_hands_to_a_dying_queue_is_nowhere(tmp_path: Path, durable: bool) -> None:
    """Its task is cancelled, and the queue learns of it in the loop's next turn: the event is not reported as kept."""
    path = tmp_path / "s.db" if durable else None
    opened = await opened_on(path, Script()).open()
    receipts: list[Receipt] = []
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0)
    thread = threading.Thread(target=lambda: receipts.append(opened.track("page.viewed", session="late")))
    thread.start()
    thread.join()
    with pytest.raises(QueueClosed) as caught:
        await receipts[0]
    assert not caught.value.kept
    for use in (opened.track, opened.put):
        with pytest.raises(QueueClosed) as caught:
            use("page.viewed", session="later")
        assert not caught.value.kept
    await opened.aclose()


def test_a_waiting_thread_returns_when_the_loop_is_closed_without_cancelling() -> None:
    """Nothing was cancelled, so no event has an outcome: WrongLoop says that the loop is closed."""
    loop, ends = asyncio.new_event_loop(), list[type[BaseException]]()

    async def track() -> tuple[EventQueue, Receipt]:
        opened = await opened_on(None, Script(default=silent())).open()
        return opened, opened.track("page.viewed", session="s")

    opened, receipt = loop.run_until_complete(track())

    def wait() -> None:
        try:
            receipt.wait(30)
        except WrongLoop as error:
            ends.append(type(error))

    waiter = threading.Thread(target=wait)
    waiter.start()
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    waiter.join(30)
    assert ends == [WrongLoop]
    with pytest.warns(ResourceWarning, match="not closed"):
        del opened
        gc.collect()


def test_a_spool_is_free_when_its_closed_loop_and_its_queue_are_gone(tmp_path: Path) -> None:
    """A loop that is closed without cancelling anything; the next queue delivers what was stored."""
    path, loop = tmp_path / "s.db", asyncio.new_event_loop()

    async def put() -> EventQueue:
        opened = await opened_on(path, Script(default=silent()), concurrency=1).open()
        for n in range(5):
            fields = event(n)
            await opened.put(fields.pop("action"), **fields)
        return opened

    opened = loop.run_until_complete(put())
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    with pytest.warns(ResourceWarning, match="not closed"):
        del opened
        gc.collect()
    assert len(asyncio.run(delivered_by_the_next(path))) >= 4
