"""An emulator in its own thread, used by plain tests, several loops and threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvloop

from hellotext_async import Hellotext, NotSent
from hellotext_async.emulator import Emulator, Fault, RateLimit


async def view(emulator: Emulator, session: str = "s") -> None:
    """Track one event with its own client."""
    async with Hellotext(emulator.token, base_url=emulator.url) as client:
        await client.events.track("page.viewed", session=session)


def test_a_plain_test_uses_it_from_several_loops() -> None:
    """asyncio's loop and uvloop's, one after the other."""
    with Emulator.in_thread(token="t", rate_limit=RateLimit(100, 100)) as emulator:
        asyncio.run(view(emulator))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(view(emulator))
        assert emulator.counts == {"page.viewed": 2}
        assert [seen.status for seen in emulator.requests] == [200, 200]
        thread = next(thread for thread in threading.enumerate() if thread.name == "hellotext-emulator")
        assert thread.daemon
    thread.join(5)
    assert not thread.is_alive()


async def test_an_async_test_uses_it_too() -> None:
    """In a loop that is not the emulator's, with faults and a limit set from this thread."""
    with Emulator.in_thread() as emulator:
        emulator.faults.add(Fault("status", status=500))
        await view(emulator)
        assert [seen.status for seen in emulator.requests] == [500, 200]


def test_it_stops_and_goes_on_from_any_loop() -> None:
    """An outage, begun and ended in the test's loop."""

    async def outage(emulator: Emulator) -> None:
        async with Hellotext(emulator.token, base_url=emulator.url) as client:
            await emulator.aclose()
            with pytest.raises(NotSent):
                await client.with_options(deadline=0.2).lists.list()
            await emulator.start()
            assert (await client.lists.list()).items == []

    with Emulator.in_thread() as emulator:
        url = emulator.url
        asyncio.run(outage(emulator))
        assert emulator.url == url


def test_a_port_that_is_taken_raises_at_once() -> None:
    """In the calling thread."""
    with (
        Emulator.in_thread() as emulator,
        pytest.raises(OSError, match="in use"),
        Emulator.in_thread(port=int(emulator.url.rpartition(":")[2])),
    ):
        raise AssertionError("two emulators listen on one port")


def test_an_error_in_the_block_ends_it() -> None:
    """The server stops, and the error reaches the caller."""
    with pytest.raises(RuntimeError, match="mine"), Emulator.in_thread() as emulator:
        raise RuntimeError("mine")
    with pytest.raises(NotSent):
        asyncio.run(view_at_once(emulator))


async def view_at_once(emulator: Emulator) -> None:
    async with Hellotext(emulator.token, base_url=emulator.url) as client:
        await client.with_options(deadline=0.2).lists.list()


def test_its_state_is_read_and_set_while_requests_come_in() -> None:
    """Events, requests and faults, read and set by threads that do nothing else."""

    def load(emulator: Emulator) -> None:
        async def many() -> None:
            async with Hellotext(emulator.token, base_url=emulator.url) as client, client.event_queue() as queue:
                events = ({"action": "page.viewed", "session": f"s{n}"} for n in range(2000))
                assert all([outcome.delivered async for outcome in queue.deliver(events)])

        asyncio.run(many())

    def read(emulator: Emulator, done: threading.Event) -> int:
        rounds = 0
        while not done.is_set():
            assert all(event["action"] == "page.viewed" for event in emulator.events)
            assert len([seen.status for seen in emulator.requests]) <= 500
            assert len(emulator.requests[-5:]) <= 5
            emulator.faults.add(Fault("delay", delay=0, match="POST *", times=2))
            emulator.rate_limit = RateLimit(1e6, 1e6)
            rounds += 1
        return rounds

    done = threading.Event()
    with Emulator.in_thread(history=500) as emulator, ThreadPoolExecutor() as threads:
        readers = [threads.submit(read, emulator, done) for _ in range(2)]
        try:
            threads.submit(load, emulator).result(60)
        finally:
            done.set()
        assert all(reader.result(60) > 0 for reader in readers)
        assert emulator.counts == {"page.viewed": 2000}
