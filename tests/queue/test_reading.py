"""What may be read of a queue and its receipts from any thread, while the loop is running."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hellotext_async.queue.entry import Entry, id_of
from hellotext_async.queue.receipt import Receipt
from hellotext_async.spool.sqlite_spool import SqliteSpool
from tests.harness.transport import Script, received
from tests.rig import event, queue

EVENTS = 1_000


@contextmanager
def switching(interval: float) -> Iterator[None]:
    """Within the context, the interpreter switches threads at this interval (seconds)."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def reading(read: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Two threads call `read` repeatedly; yields what it raised."""
    stop, raised = threading.Event(), list[BaseException]()

    def again() -> None:
        try:
            while not stop.is_set():
                read()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=again) for _ in range(2)]
    with switching(1e-5):
        try:
            for thread in threads:
                thread.start()
            yield raised
        finally:
            stop.set()
            for thread in threads:
                thread.join()


@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
async def test_the_numbers_add_up_for_every_thread_at_every_moment(tmp_path: Path, spooled: bool) -> None:
    """Events of few subjects, so that many subjects come and go while they are iterated."""
    buffer = SqliteSpool(tmp_path / "s.db", durability="normal") if spooled else None

    async with queue(Script(default=received(takes=0.001)), buffer=buffer, capacity=500) as opened:

        def read() -> None:
            stats = opened.stats()
            assert stats.accepted == sum(stats.outcomes.values()) + stats.queued + stats.in_flight, stats
            assert stats.oldest_age >= 0

        with reading(read) as raised:
            async for _ in opened.deliver(event(n, profile=f"p{n % 50}") for n in range(EVENTS)):
                pass
    assert not raised
    assert opened.stats().outcomes["delivered"] == EVENTS


async def test_receipts_are_read_by_every_thread_while_their_events_end() -> None:
    """A receipt that is done has its outcome, and an outcome has the receipt's id."""
    receipts: list[Receipt] = []

    def read() -> None:
        for receipt in receipts[-50:]:
            if receipt.done():
                assert receipt.outcome is not None
                assert receipt.outcome.event_id == receipt.event_id
            repr(receipt)

    async with queue(Script(hook=lambda seen: received(takes=0.001 * (seen.number % 3)))) as opened:
        with reading(read) as raised:
            for n in range(EVENTS):
                fields = event(n)
                receipts.append(opened.track(fields.pop("action"), **fields))
                if n % 100 == 0:
                    await asyncio.sleep(0)
            await opened.flush()
    assert not raised


def test_an_event_has_one_id_for_all_threads() -> None:
    """The first thread that reads it creates it; a concurrent one gets the same."""
    entries = [Entry("page.viewed", b"{}", None, "idempotent", 0.0) for _ in range(5_000)]
    barrier, found = threading.Barrier(3), list[list[str]]()

    def ask() -> None:
        ids: list[str] = []
        for entry in entries:
            barrier.wait()
            ids.append(id_of(entry))
        found.append(ids)

    with switching(1e-7):
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) == len(entries)
