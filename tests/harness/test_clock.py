"""The virtual clock: time is exact and free, and a run that cannot end is reported."""

from __future__ import annotations

import asyncio
from pathlib import Path

import anyio
import pytest

from tests.harness.clock import Deadlock, Endless, VirtualLoop, run_virtual, virtual_time


@virtual_time
async def test_virtual_time_is_exact_and_free() -> None:
    """Hours pass in order and exactly, and take no time."""
    loop = asyncio.get_running_loop()
    woken: list[float] = []

    async def wake(after: float) -> None:
        await asyncio.sleep(after)
        woken.append(loop.time())

    delays = [86400.0, 0.1, 0.3, 3600.7]
    await asyncio.gather(*map(wake, delays))
    assert woken == sorted(delays)
    assert isinstance(loop, VirtualLoop) and loop.wall() - loop.time() > 1_700_000_000


@virtual_time
async def test_anyio_runs_on_virtual_time(tmp_path: Path) -> None:
    """anyio's sleeps, deadlines and task groups go by the virtual clock, and plain fixtures can be used."""
    assert tmp_path.name
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 50)
        with anyio.move_on_after(20) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught and anyio.current_time() == 20
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
    assert anyio.current_time() == 50


def test_a_deadlock_names_the_places_where_tasks_wait() -> None:
    """No ready callback and no timer is an error at once, and it names the waiting tasks."""

    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.create_task(waits_for_ever(), name="the stuck one")

    with pytest.raises(Deadlock, match=r"the stuck one in waits_for_ever .*test_clock.py:\d+"):
        run_virtual(main())


def test_a_run_that_does_not_end_is_stopped() -> None:
    """A loop of timers ends at the limit of virtual time."""

    async def ticks() -> None:
        await asyncio.sleep(1)
        await ticks()

    with pytest.raises(Endless, match="100 virtual seconds"):
        run_virtual(ticks(), limit=100)


@virtual_time
async def test_threads_hold_the_clock() -> None:
    """While an executor or a held thread works for the loop, timers do not run ahead of it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    ticking = asyncio.create_task(asyncio.sleep(1000))
    assert await asyncio.to_thread(sum, [1, 2]) == 3
    with loop.hold():
        assert await anyio.to_thread.run_sync(sum, [3, 4]) == 7
    assert loop.time() == 0 and not ticking.done()
    await ticking
    assert loop.time() == 1000
