"""The parts of the queue that need no queue: rules that are rarely exercised elsewhere."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from hellotext_async.queue.entry import AttemptHistory, Entry, Rare
from hellotext_async.queue.order import Order
from hellotext_async.queue.receipt import on_accepted
from hellotext_async.queue.settler import notify_accepted
from hellotext_async.queue.tasks import Conditions
from hellotext_async.spool.commit import CommitThread


class Resource:
    def close(self) -> None:
        """Nothing to release."""


def entry(name: str) -> Entry:
    return Entry(name, b"{}", "s", "non_idempotent", 0.0)


def test_an_event_that_comes_back_while_its_subject_is_busy_waits_in_front_of_the_rest() -> None:
    """It was passed after 30 s, and is sent first as soon as the event that passed it has ended."""
    order = Order()
    first, second, third = entry("1"), entry("2"), entry("3")
    for one in (first, second, third):
        order.add(one)
    assert order.take() is first
    first.history = AttemptHistory(attempts=1)
    order.delay(first, 100, now=0)
    assert order.take() is None
    order.advance(30)
    assert order.take() is second
    order.advance(100)
    assert order.take() is None
    for ends, follows in ((second, first), (first, third)):
        order.release(ends)
        assert order.take() is follows


def test_events_at_the_back_come_back_one_by_one_after_deliveries_of_others() -> None:
    """The third delivery and each later one bring back one event; another that is put back waits for three again."""
    order = Order()
    waiting = [Entry(str(n), b"{}", str(n), "non_idempotent", 0.0) for n in range(9)]
    for one in waiting:
        order.add(one)
    refused = [order.take() for _ in range(3)]
    for one in refused:
        assert one is not None
        order.requeue(one, front=False)
    for n in (3, 4, 5):
        assert order.take() is waiting[n]
        order.release(waiting[n], delivered=True)
    assert order.take() is waiting[0]
    order.requeue(waiting[0], front=False)
    for n in (6, 7, 8):
        assert order.take() is waiting[n]
        order.release(waiting[n], delivered=True)
    assert [order.take() for _ in range(3)] == waiting[1:3] + waiting[:1]


def test_what_an_event_never_had_takes_no_room_in_it() -> None:
    """Setting a rare field to its default allocates nothing; on the class, a field is its descriptor."""
    one = entry("1")
    one.context = None
    assert one.more is None
    one.context = 5
    assert one.context == 5
    assert isinstance(Entry.context, Rare)


def test_after_the_loop_has_ended_nothing_is_woken() -> None:
    """Neither a waiter for a change nor a waiter for an event: both belong to the loop, which is closed."""
    loop = asyncio.new_event_loop()
    one, waiters = entry("1"), Conditions()
    accepted = on_accepted(one, loop)
    waiters.waiting.append((lambda: True, change := loop.create_future()))
    loop.close()
    notify_accepted(one)
    waiters.check_soon()
    assert not accepted.done()
    assert not change.done()


async def test_a_commit_that_is_waited_for_no_more_is_written_all_the_same() -> None:
    """Its waiter was cancelled: the result or the error is dropped, and the thread continues."""
    thread = CommitThread(Resource, asyncio.get_running_loop(), "commits")
    begun, go_on, written = threading.Event(), threading.Event(), list[str]()

    def write(_: Any) -> None:
        begun.set()
        go_on.wait(10)
        written.append("whole")

    def fail(_: Any) -> None:
        written.append("failed")
        raise OSError("no disk")

    cancelled = [thread.submit(write), thread.submit(fail)]
    await asyncio.to_thread(begun.wait)
    for future in cancelled:
        future.cancel()
    go_on.set()
    with pytest.raises(OSError, match="no disk"):
        await thread.submit(fail)
    await thread.stop()
    assert written == ["whole", "failed", "failed"]
