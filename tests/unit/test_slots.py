"""The slots that limit concurrent exchanges."""

from __future__ import annotations

import asyncio

from hellotext_async.transport.slots import Slots
from tests.harness.clock import virtual_time


async def taken(slots: Slots, order: list[int], number: int) -> None:
    """Take a slot, and record it."""
    await slots.acquire()
    order.append(number)


async def turns() -> None:
    """Let every ready task run."""
    for _ in range(5):
        await asyncio.sleep(0)


@virtual_time
async def test_places_go_first_come_first_served() -> None:
    """A released slot goes to the first waiter; it is free only if none waits."""
    slots, order = Slots(1), list[int]()
    tasks = [asyncio.create_task(taken(slots, order, number)) for number in range(3)]
    await turns()
    assert order == [0] and slots.free == 0
    slots.release()
    await turns()
    assert order == [0, 1] and slots.free == 0
    slots.release()
    slots.release()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2] and slots.free == 1


@virtual_time
async def test_one_that_is_cancelled_takes_no_place() -> None:
    """Neither while it waits, nor at the moment at which it is given one: then the next waiter has it."""
    slots, order = Slots(1), list[int]()
    tasks = [asyncio.create_task(taken(slots, order, number)) for number in range(4)]
    await turns()
    tasks[1].cancel()
    await turns()
    slots.release()  # to the third
    tasks[2].cancel()
    await turns()
    assert order == [0, 3] and slots.free == 0
    slots.release()
    assert slots.free == 1
    await asyncio.gather(*tasks, return_exceptions=True)
