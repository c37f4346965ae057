"""The addresses of a host: when they are looked up, and by whom a lookup is shared."""

from __future__ import annotations

import asyncio

import pytest

from hellotext_async.transport.addresses import Addresses
from tests.harness.clock import virtual_time


class Names:
    """A resolver whose lookups take the seconds of `takes`, and find their own number."""

    def __init__(self, takes: float = 0) -> None:
        self.takes = takes
        self.asked = 0
        self.fails = False

    async def look_up(self) -> list[int]:
        self.asked += 1
        number = self.asked
        await asyncio.sleep(self.takes)
        if self.fails:
            raise OSError("no such name")
        return [number]


@virtual_time
async def test_one_lookup_serves_all_for_a_minute() -> None:
    """Then there is another."""
    names = Names(takes=1)
    addresses = Addresses(names.look_up)
    assert await asyncio.gather(*(addresses.get() for _ in range(5))) == [[1]] * 5
    await asyncio.sleep(59)
    assert await addresses.get() == [1]
    await asyncio.sleep(1)
    assert await addresses.get() == [2]


@virtual_time
async def test_what_is_forgotten_is_looked_up_again() -> None:
    """A connection to it failed."""
    names = Names()
    addresses = Addresses(names.look_up)
    await addresses.get()
    addresses.forget()
    assert await addresses.get() == [2]


@virtual_time
async def test_a_lookup_outlasts_who_waits_for_it() -> None:
    """Its answer serves the next; one without an end is left to itself after half a minute, and another begun."""
    names = Names(takes=100)
    addresses = Addresses(names.look_up)
    for _ in range(6):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(addresses.get(), 5)
    assert names.asked == 1
    names.takes = 1
    assert await addresses.get() == [2]


@virtual_time
async def test_a_failure_is_told_to_all_who_wait_and_to_no_other() -> None:
    """The next looks it up again."""
    names = Names(takes=1)
    names.fails = True
    addresses = Addresses(names.look_up)
    ends = await asyncio.gather(addresses.get(), addresses.get(), return_exceptions=True)
    assert [type(end) for end in ends] == [OSError, OSError]
    names.fails = False
    assert await addresses.get() == [2]


@virtual_time
async def test_closed_it_leaves_no_lookup() -> None:
    """Who waits is told by an error, not by a cancellation of its own."""
    addresses = Addresses(Names(takes=1000).look_up)
    waiting = asyncio.create_task(addresses.get())
    await asyncio.sleep(1)
    (lookup,) = addresses.close()
    with pytest.raises(ConnectionAbortedError):
        await waiting
    assert lookup.cancelled() and not addresses.close()
