"""Events that wait in the store only: they take no memory, unless their outcome is awaited."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

from hellotext_async.queue.entry import Entry
from tests.harness.clock import virtual_time
from tests.harness.transport import Script, received, unsent
from tests.rig import LoopSpool, event, put, queue


def entries_in_memory() -> int:
    """The number of events that are referenced anywhere in the process."""
    gc.collect()
    return sum(isinstance(each, Entry) for each in gc.get_objects())


@virtual_time
async def test_what_was_put_is_in_the_file_alone(tmp_path: Path) -> None:
    """Every `put` has returned, and no outcome is awaited."""
    script, before = Script(default=unsent()), entries_in_memory()
    settings: dict[str, Any] = {"buffer": LoopSpool(tmp_path / "s.db"), "capacity": 50, "delivery_timeout": 600}
    async with queue(script, **settings) as opened:
        for n in range(600):
            await put(opened, event(n))
        assert entries_in_memory() - before <= 50
        script.default = received()
        assert (await opened.flush(500)).outcomes["delivered"] == 600


@virtual_time
async def test_what_is_put_several_times_and_awaited_ends_for_all(tmp_path: Path) -> None:
    """Several calls put one event, and wait for its room and its outcome: all of them return."""
    script = Script(default=unsent())
    settings: dict[str, Any] = {"buffer": LoopSpool(tmp_path / "s.db"), "capacity": 50, "delivery_timeout": 600}
    async with queue(script, **settings) as opened:
        for n in range(100):
            await put(opened, event(n))
        tracked = opened.track("page.viewed", session="s", event_id="once")
        waiting = [asyncio.ensure_future(tracked)]
        receipts = await asyncio.gather(*(put(opened, event(100), event_id="once") for _ in range(3)))
        waiting += [asyncio.ensure_future(receipt) for receipt in receipts]
        await asyncio.sleep(1)
        assert not any(each.done() for each in waiting)
        script.default = received()
        await opened.flush(500)
        assert all(outcome.delivered for outcome in await asyncio.gather(*waiting))
