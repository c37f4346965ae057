"""A queue that ends, expires or loads many events yields to the program's callbacks in between."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from hellotext_async.queue.entry import Entry
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.receipt import Receipt
from hellotext_async.queue.settings import Settings
from tests.harness.clock import virtual_time
from tests.harness.transport import Script, received, silent, unsent
from tests.rig import LoopSpool, assert_adds_up, engine, event

MANY: Final = 3000
MOST: Final = 1000
"""The most events that may end in one turn: a few milliseconds."""


class Turns:
    """Counts how many events end between two callbacks of the program."""

    over = False

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._now = 0
        self._ticking = False
        self.largest = self.all = 0

    def __call__(self, _: object) -> None:
        self._now += 1
        self.all += 1
        if not self._ticking:
            self._ticking = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self.largest = max(self.largest, self._now)
        self._ticking, self._now = self._now > 0, 0
        if self._ticking:
            self._loop.call_soon(self._turn)

    def accepted(self, entry: Entry, /) -> None:
        """The event was accepted."""

    def ended(self, entry: Entry, /) -> None:
        """The event has ended, or is kept."""
        self(entry)


async def filled(opened: EventQueue) -> list[Receipt]:
    """Many events, put with an occasional pause."""
    receipts: list[Receipt] = []
    for n in range(MANY):
        fields = event(n)
        receipts.append(opened.track(fields.pop("action"), **fields))
        if n % 100 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(1)
    return receipts


def opened_over(script: Script, **settings: Any) -> EventQueue:
    made = engine(script)
    return EventQueue(lambda: made, Settings(**settings))


@pytest.mark.parametrize("letters", [False, True])
@virtual_time
async def test_a_queue_in_memory_that_closes_with_many(tmp_path: Path, letters: bool) -> None:
    """Each is abandoned, or unknown if it was sent, but not all in one turn."""
    turns = Turns()
    path = tmp_path / "dead.jsonl" if letters else None
    opened = opened_over(Script(default=silent()), on_outcome=turns, dead_letters=path)
    receipts = await filled(opened)
    report = await opened.aclose(timeout=0)
    assert report.outcomes["abandoned"] + report.outcomes["unknown"] == MANY == turns.all
    assert all(receipt.done() for receipt in receipts)
    assert turns.largest <= MOST
    assert_adds_up(opened)


@virtual_time
async def test_a_spool_that_closes_with_many(tmp_path: Path) -> None:
    """The waiters for kept events run in between, and so does the program."""
    turns = Turns()
    opened = opened_over(Script(default=unsent()), buffer=LoopSpool(tmp_path / "s.db"), capacity=MANY)
    receipts = await filled(opened)
    for receipt in receipts:
        receipt.watched_by(turns)
    assert (await opened.aclose(timeout=0)).kept == MANY == turns.all
    assert turns.largest <= MOST


@virtual_time
async def test_a_close_that_is_cancelled_again_and_again_ends_every_receipt(tmp_path: Path) -> None:
    """It cannot be aborted in the turns that it yields."""
    opened = opened_over(Script(default=unsent()), buffer=LoopSpool(tmp_path / "s.db"), capacity=MANY)
    receipts = await filled(opened)
    closing, cancels = asyncio.create_task(opened.aclose(timeout=0)), 0
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.sleep(0)
        if any(receipt.done() for receipt in receipts):
            cancels += 1
            for task in others:
                task.cancel()
    assert closing.cancelled() and cancels > 1
    assert all(receipt.done() for receipt in receipts)


@pytest.mark.parametrize("letters", [False, True])
@virtual_time
async def test_many_that_expire_at_once(tmp_path: Path, letters: bool) -> None:
    """They were accepted at one moment, and expire at one."""
    turns = Turns()
    path = tmp_path / "dead.jsonl" if letters else None
    opened = opened_over(Script(default=unsent()), on_outcome=turns, dead_letters=path, delivery_timeout=60)
    await filled(opened)
    report = await opened.flush(300)
    assert report.outcomes["expired"] == MANY == turns.all
    assert turns.largest <= MOST
    await opened.aclose()


@virtual_time
async def test_many_of_an_earlier_queue_that_are_late_at_the_opening(tmp_path: Path) -> None:
    """They are loaded, checked and ended over several turns."""
    async with opened_over(Script(default=unsent()), buffer=LoopSpool(tmp_path / "s.db"), capacity=MANY) as first:
        await filled(first)
        await first.aclose(timeout=0)
    turns = Turns()
    second = opened_over(
        Script(default=received()), buffer=LoopSpool(tmp_path / "s.db"), on_outcome=turns, delivery_timeout=1e-6
    )
    async with second:
        assert sum((await second.flush(300)).outcomes.values()) == MANY == turns.all
    assert turns.largest <= MOST


def test_a_queue_imports_nothing_while_the_loop_runs() -> None:
    """An import blocks the loop; the modules for opening, delivering and closing were imported with the client."""
    program = (
        "import asyncio, sys\n"
        "from hellotext_async import Hellotext\n"
        "async def main():\n"
        "    before = set(sys.modules)\n"
        "    async with Hellotext('t', base_url='https://127.0.0.1:9') as client:\n"
        "        async with client.event_queue() as queue:\n"
        "            assert [one async for one in queue.deliver([])] == []\n"
        "            await queue.flush(1)\n"
        "    print(*set(sys.modules) - before)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@virtual_time
async def test_a_cancel_scope_of_anyio_does_not_cut_a_close_short() -> None:
    """A program under anyio, as every Starlette one is, ends its scope: the queue delivers its events."""
    script = Script(default=received(takes=2))
    with anyio.CancelScope() as scope:
        async with opened_over(script) as opened:
            receipt = opened.track("page.viewed", session="s1")
            scope.cancel()
    assert receipt.outcome is not None and receipt.outcome.delivered
