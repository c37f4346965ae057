"""A store that raises unexpected errors: no caller waits for ever, whatever it calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.errors import HellotextError
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from hellotext_async.spool.store import SqliteStore
from tests.harness.clock import virtual_time
from tests.harness.transport import Script, answers, received, silent
from tests.rig import LoopSpool, assert_adds_up, engine, event, order, put

METHODS = ["open", "append", "load", "mark", "requeue", "finish", "forget", "pause", "close"]


class BrokenStore(SqliteStore):
    """Raises when `broken` is called, and from then on."""

    broken = ""

    def __getattribute__(self, name: str) -> Any:
        if name == object.__getattribute__(self, "broken"):
            raise RuntimeError("a bug")
        return object.__getattribute__(self, name)


class BrokenSpool(LoopSpool):
    """The spool that a queue is given."""

    def store(self, settings: Settings) -> BrokenStore:
        loop = asyncio.get_running_loop()
        committer = self.committer(lambda: self.open_database(self.path), loop, "spool")
        self.made = BrokenStore(committer, settings.wall, self.window)
        return self.made


def opened_on(spool: LoopSpool, script: Script) -> EventQueue:
    made = engine(script)
    return EventQueue(lambda: made, Settings(buffer=spool, delivery_timeout=600, concurrency=2, capacity=8))


async def ends(what: Any) -> str:
    """The outcome or the error of an awaitable, within an hour."""
    try:
        async with asyncio.timeout(3600):
            return str(await what)
    except HellotextError as error:
        return type(error).__name__


@pytest.mark.parametrize("answer", ["received", "failed", "unauthorized", "silent"])
@pytest.mark.parametrize("method", METHODS)
@virtual_time
async def test_no_caller_waits_for_a_store_that_is_broken(tmp_path: Path, method: str, answer: str) -> None:
    """Receipts, puts that wait for room, a flush and a close end; the counts add up; the file is free and intact."""
    path = tmp_path / "s.db"
    replies = {
        "received": received(takes=1),
        "failed": answers(500, takes=1),
        "unauthorized": answers(401, takes=1),
        "silent": silent(),
    }
    spool = BrokenSpool(path)
    opened = opened_on(spool, Script(default=replies[answer]))
    if method != "open":
        await opened.open()
        for n in range(6):
            await put(opened, order(n))
        await asyncio.sleep(0.5)
        spool.made.broken = method
    else:
        BrokenStore.broken = method
    try:
        waits: list[Any] = [ends(put(opened, event(n))) for n in range(10, 16)]
        waits = [asyncio.ensure_future(wait) for wait in waits]
        await asyncio.sleep(0)
        waits.append(asyncio.ensure_future(ends(opened.flush())))
        await asyncio.sleep(5)
        await ends(opened.aclose(timeout=5))
        found = await asyncio.gather(*waits)
    finally:
        BrokenStore.broken = ""
    assert "TimeoutError" not in found
    assert_adds_up(opened)
    async with opened_on(LoopSpool(path), Script()) as again:
        await again.flush()
        assert_adds_up(again)


@pytest.mark.parametrize("durable", [False, True], ids=["memory", "spool"])
@pytest.mark.parametrize("turns", range(0, 24, 2))
@virtual_time
async def test_a_close_whose_own_task_is_cancelled_ends_all_the_same(tmp_path: Path, durable: bool, turns: int) -> None:
    """The program cancels all tasks while it closes: no caller waits, and the spool is unlocked."""
    path, made = tmp_path / "s.db", engine(Script(default=received(takes=2)))
    buffer = LoopSpool(path) if durable else None
    opened = EventQueue(lambda: made, Settings(buffer=buffer, delivery_timeout=600, concurrency=2))
    receipts = [await put(opened, order(n)) for n in range(6)]
    closing = asyncio.ensure_future(ends(opened.aclose(timeout=1 if turns % 4 else 0)))
    flushing = asyncio.ensure_future(ends(opened.flush()))
    await asyncio.sleep(1 if turns % 4 else 0)
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.wait([closing, flushing])
    async with asyncio.timeout(3600):
        report = await opened.aclose()
    assert_adds_up(opened)
    found = [await ends(receipt) for receipt in receipts]
    assert "TimeoutError" not in found
    kept = found.count("QueueClosed")
    assert kept == report.kept == (opened.stats().queued + opened.stats().in_flight)
    if durable:
        async with opened_on(LoopSpool(path), Script()) as again:
            await again.flush()
            assert_adds_up(again)
            assert again.stats().accepted == kept
