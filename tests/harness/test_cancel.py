"""Cancelling at every suspension: each is reached once, and lost values are found."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.harness.cancel import Step, cancelled_after, fuzz
from tests.harness.clock import virtual_time


@pytest.mark.parametrize("by", ["task", "arrival"])
@virtual_time
async def test_every_suspension_is_cancelled_once(by: Step) -> None:
    """A coroutine with three waits is cancelled at each of them, then not at all; its clean-up always runs."""
    reached: list[int] = []
    cleaned: list[int] = []

    async def work() -> str:
        try:
            for step in range(3):
                reached.append(step)
                await asyncio.sleep(60)
            return "done"
        finally:
            cleaned.append(len(reached))

    runs = [run async for run in fuzz(work, by=by)]
    assert [(run.steps, run.reached, run.end) for run in runs] == [
        (1, True, "cancelled"),
        (2, True, "cancelled"),
        (3, True, "cancelled"),
        (4, False, "returned"),
    ]
    assert (runs[-1].value, len(cleaned), len(reached)) == ("done", 4, 1 + 2 + 3 + 3)


@virtual_time
async def test_a_cancellation_on_arrival_finds_what_is_lost_between_the_two() -> None:
    """A getter that drops its value when cancelled at that moment is found by `arrival`, not by `task`."""

    async def lost(by: Step) -> bool:
        permit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        taken: list[bool] = []

        async def take() -> None:
            await permit  # a cancellation between its result and the next line loses it
            taken.append(True)

        asyncio.get_running_loop().call_later(1, lambda: None if permit.done() else permit.set_result(None))
        await cancelled_after(take(), 1, by=by)
        return not permit.cancelled() and not taken

    assert await lost("arrival")
    assert not await lost("task")


async def test_turns_of_the_loop_reach_other_tasks() -> None:
    """Counting turns, a run is cancelled at any point of the other tasks, and leftover tasks are reported."""
    kept: set[asyncio.Task[Any]] = set()

    async def work() -> None:
        other = asyncio.create_task(asyncio.Event().wait())
        kept.add(other)
        for _ in range(3):
            await asyncio.sleep(0)
        other.cancel()

    runs = [run async for run in fuzz(work, 10)]
    assert [run.end for run in runs] == ["cancelled"] * 3 + ["returned"] * 7
    assert [len(run.left) for run in runs] == [1] * 3 + [0] * 7
    for task in kept:
        task.cancel()


@virtual_time
async def test_a_run_that_outlives_its_cancellation_fails() -> None:
    """Swallowing the cancellation and continuing is an error of the run."""

    async def swallowing() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                pass

    with pytest.raises(AssertionError, match="after 1 steps, it did not end within 10 s"):
        await cancelled_after(swallowing(), 1, by="task")
