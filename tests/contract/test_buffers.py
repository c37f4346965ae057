"""Every buffer of a queue (memory, a spool, a stream on each kind of server): a queue's promises are the same."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hellotext_async import RedisStream, SqliteSpool
from hellotext_async.errors import InvalidParameter, NotSent, QueueClosed, QueueFull
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from tests.harness.transport import Script, answers, silent, unsent
from tests.redis.servers import KINDS, Server
from tests.rig import assert_adds_up, engine, event, order, put

Buffer = Callable[[], Any]
_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=["memory", "spool", *sorted(KINDS)])
def server(request: pytest.FixtureRequest) -> Iterator[Server | str]:
    """The kind of the buffer; for a stream, its server."""
    if request.param in KINDS:
        with Server(request.param, appendonly="everysec") as running:
            yield running
    else:
        yield request.param


@pytest.fixture
def buffer(server: Server | str, tmp_path: Path) -> Buffer:
    """A factory of the same buffer; None is memory."""
    if isinstance(server, Server):
        name = f"contract-{next(_numbers)}"
        return lambda: RedisStream(server.url, name, shards=8)
    return lambda: None if server == "memory" else SqliteSpool(tmp_path / "events.db")


def durable(buffer: Buffer) -> bool:
    return buffer() is not None


@asynccontextmanager
async def opened(buffer: Buffer, script: Script, **settings: Any) -> AsyncIterator[EventQueue]:
    """An open queue whose counts add up when it is closed."""
    own = engine(script)
    queue = EventQueue(lambda: own, Settings(buffer=buffer(), **{"delivery_timeout": 86400, **settings}))
    async with queue:
        yield queue
    assert_adds_up(queue)


def refs(script: Script) -> list[str]:
    return [seen.json["metadata"]["ref"] for seen in script.history]


async def test_every_event_is_delivered_once(buffer: Buffer) -> None:
    """Put or tracked; each receipt has its outcome."""
    script = Script()
    async with opened(buffer, script) as queue:
        receipts = [await put(queue, event(n)) for n in range(50)]
        receipts += [queue.track("page.viewed", session=f"s{n}", metadata={"ref": str(n)}) for n in range(50, 100)]
        outcomes = [await receipt for receipt in receipts]
        assert {outcome.verdict for outcome in outcomes} == {"delivered"}
        assert [outcome.event_id for outcome in outcomes] == [receipt.event_id for receipt in receipts]
        assert queue.stats().outcomes["delivered"] == 100
    assert sorted(refs(script), key=int) == [str(n) for n in range(100)]


async def test_the_order_of_a_subject_is_kept(buffer: Buffer) -> None:
    """One in flight for each subject, first in first out, across failures that were not the event's own."""
    script = Script(*[unsent()] * 3, answers(200), *[answers(500)] * 2)
    async with opened(buffer, script) as queue:
        for n in range(40):
            await put(queue, order(n, profile=f"p{n % 3}"))
        await queue.flush(20)
        assert queue.stats().outcomes["delivered"] == 40
    delivered = [int(ref) for ref in dict.fromkeys(reversed(refs(script)))][::-1]
    for subject in range(3):
        mine = [n for n in delivered if n % 3 == subject]
        assert mine == sorted(mine)


async def test_an_id_is_one_event(buffer: Buffer) -> None:
    """While it waits, while it is in flight, and after its end."""
    script = Script(default=answers(200))
    async with opened(buffer, script) as queue:
        first = await put(queue, event(1), event_id="mine")
        again = await put(queue, event(1), event_id="mine")
        assert (await first).delivered
        assert (await again).delivered
        late = await put(queue, event(1), event_id="mine")
        assert (await late).event_id == "mine"
        assert (await late).delivered
    assert refs(script) == ["1"]


async def test_an_id_is_remembered_after_the_queue(buffer: Buffer) -> None:
    """By every buffer that outlives the queue."""
    script = Script()
    async with opened(buffer, script) as queue:
        await (await put(queue, event(1), event_id="mine"))
    async with opened(buffer, script) as queue:
        outcome = await (await put(queue, event(1), event_id="mine"))
        assert outcome.delivered
    assert len(script.history) == (1 if durable(buffer) else 2)


async def test_an_outcome_that_is_remembered_keeps_its_mark(buffer: Buffer) -> None:
    """An event that may be duplicated is reported as such to later callers too."""
    if not durable(buffer):
        return
    async with opened(buffer, Script(answers(500), answers(200))) as queue:
        first = await (await put(queue, event(1), event_id="mine"))
    async with opened(buffer, Script()) as queue:
        again = await (await put(queue, event(1), event_id="mine", context="of mine"))
    for outcome in (first, again):
        assert (outcome.verdict, outcome.attempts, outcome.maybe_duplicated) == ("delivered", 2, True)
    assert again.context == "of mine"


async def test_what_is_not_delivered_is_kept_or_abandoned(buffer: Buffer) -> None:
    """At the close; the next queue delivers the kept ones in order, and their first receipts end as kept."""
    async with opened(buffer, Script(default=unsent())) as queue:
        receipts = [await put(queue, event(n, profile="p")) for n in range(20)]
        report = await queue.aclose(timeout=0)
    if not durable(buffer):
        assert (report.kept, report.outcomes["abandoned"]) == (0, 20)
        return
    for receipt in receipts:
        with pytest.raises(QueueClosed) as caught:
            await receipt
        assert caught.value.kept
    script = Script()
    async with opened(buffer, script) as queue:
        while queue.stats().outcomes["delivered"] < 20:
            await asyncio.sleep(0.01)
    assert refs(script) == [str(n) for n in range(20)]


async def test_an_event_in_flight_at_a_close_is_unknown_unless_idempotent(buffer: Buffer) -> None:
    """Idempotent events are kept."""
    script = Script(default=silent())
    async with opened(buffer, script) as queue:
        for n in range(4):
            await put(queue, order(n))
        for n in range(4, 8):
            await put(queue, event(n))
        while len(script.history) < 8:
            await asyncio.sleep(0.01)
        report = await queue.aclose(timeout=0)
    assert report.outcomes["unknown"] == (4 if durable(buffer) else 8)
    assert report.kept == (4 if durable(buffer) else 0)


async def test_a_rejection_ends_the_event(buffer: Buffer) -> None:
    """After one request."""
    script = Script(answers(422))
    async with opened(buffer, script) as queue:
        outcome = await (await put(queue, event(1)))
        assert (outcome.verdict, outcome.attempts) == ("rejected", 1)
    assert len(script.history) == 1


async def test_an_uncertain_attempt_is_repeated_only_for_idempotent_events(buffer: Buffer) -> None:
    """By the event's idempotency."""
    script = Script(silent(), silent())
    own = engine(script, total=0.1)
    queue = EventQueue(lambda: own, Settings(buffer=buffer(), delivery_timeout=60, attempt_seconds=0.1))
    async with queue:
        duplicable = await put(queue, event(1))
        assert (await duplicable).verdict == "unknown"
        repeatable = await put(queue, order(2))
        assert (await repeatable).delivered
        assert (await repeatable).attempts == 2
    assert refs(script) == ["1", "2", "2"]


async def test_a_full_queue_refuses_or_makes_wait(buffer: Buffer) -> None:
    """`track` raises, `put` returns when there is room: nothing is dropped."""
    blocked = Script(default=silent())
    async with opened(buffer, blocked, capacity=5, concurrency=2) as queue:
        accepted = 0
        with pytest.raises(QueueFull):
            for n in range(100):
                queue.track("page.viewed", session=f"s{n}")
                accepted += 1
        assert accepted == 5
        waiting = asyncio.ensure_future(put(queue, event(200)))
        await asyncio.sleep(0.1)
        assert durable(buffer) or not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
        await queue.aclose(timeout=0)


async def test_a_401_suspends_and_loses_nothing(buffer: Buffer) -> None:
    """After `resume` everything is delivered."""
    script = Script(answers(401))
    async with opened(buffer, script) as queue:
        for n in range(10):
            await put(queue, event(n, profile="p"))
        report = await queue.flush(10)
        assert report.suspended
        queue.resume()
        while queue.stats().outcomes["delivered"] < 10:
            await asyncio.sleep(0.01)
    assert refs(script)[1:] == [str(n) for n in range(10)]


async def test_events_that_are_too_late_expire(buffer: Buffer) -> None:
    """They were not applied."""
    async with opened(buffer, Script(default=unsent()), delivery_timeout=0.3) as queue:
        receipts = [await put(queue, event(n)) for n in range(5)]
        outcomes = [await receipt for receipt in receipts]
        assert {outcome.verdict for outcome in outcomes} == {"expired"}
        assert {type(outcome.error) for outcome in outcomes} == {NotSent}


async def test_bulk_delivery_yields_every_outcome(buffer: Buffer) -> None:
    """Of more events than the queue has room for."""
    script = Script()
    async with opened(buffer, script, capacity=100) as queue:
        events = ({**event(n), "event_id": str(n)} for n in range(1000))
        found = [outcome.event_id async for outcome in queue.deliver(events)]
    assert sorted(found, key=int) == [str(n) for n in range(1000)]
    assert len(script.history) == 1000


async def test_flush_waits_for_what_was_taken(buffer: Buffer) -> None:
    """And reports their outcomes."""
    script = Script()
    async with opened(buffer, script) as queue:
        for n in range(100):
            await put(queue, event(n))
        report = await queue.flush(10)
        assert (report.outcomes["delivered"], report.queued, report.in_flight) == (100, 0, 0)


async def test_a_cancelled_put_that_was_not_stored_is_not_sent(buffer: Buffer) -> None:
    """At whichever moment it is cancelled, the counts add up, and others are delivered."""
    script = Script()
    async with opened(buffer, script) as queue:
        kept = []
        for turns in range(30):
            one = asyncio.ensure_future(put(queue, event(turns)))
            for _ in range(turns):
                await asyncio.sleep(0)
            one.cancel()
            await asyncio.wait([one])
            if not one.cancelled():
                kept.append(turns)
        receipt = await put(queue, event(99))
        assert (await receipt).delivered
        await queue.flush(10)
    assert {int(ref) for ref in refs(script)} == {*kept, 99}


async def test_bad_events_are_refused_at_the_call(buffer: Buffer) -> None:
    """Before anything is stored."""
    async with opened(buffer, Script()) as queue:
        with pytest.raises(InvalidParameter):
            queue.track("page.viewed")
        assert queue.stats().accepted == 0
