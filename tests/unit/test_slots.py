"""The places that exchanges hold at a time."""

from __future__ import annotations

import asyncio

from hellotext_async.transport.slots import Slots
from tests.harness.clock import virtual_time


async def taken(slots: Slots, order: list[int], number: int) -> None:
    """Take a place, and say when."""
    await slots.acquire()
    order.append(number)


async def turns() -> None:
    """Whatever is ready has its turn."""
    for _ in range(5):
        await asyncio.sleep(0)


@virtual_time
async def test_places_go_first_come_first_served() -> None:
    """A place that is given back goes to the first who waits; it is free only if nobody does."""
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
    """Neither while it waits, nor in the moment in which it is given one: then the next has it."""
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
