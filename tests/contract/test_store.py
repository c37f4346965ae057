"""What a queue requires of its store: the one in memory, and the one on disk, with its thread and without.

Rules. A stream's store shares its events with other processes; its own suite is in `tests/redis`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Any

import pytest

from hellotext_async._policy.evidence import Attempt
from hellotext_async.errors import SpoolBusy
from hellotext_async.queue.entry import AttemptHistory, Entry, More
from hellotext_async.queue.outcome import Outcome
from hellotext_async.queue.settings import Settings
from hellotext_async.queue.store import Finish, MemoryStore, Store
from hellotext_async.spool.sqlite_spool import SqliteSpool
from tests.rig import LoopSpool

Maker = Callable[[], Store]
DELIVERED = Finish("delivered", 1)
REFUSED = Finish("rejected", 2, "422")
MANY = (1000, 1 << 20)


@pytest.fixture(params=["memory", "thread", "loop"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    """A factory of the same store."""
    if request.param == "memory":
        return MemoryStore
    kind = SqliteSpool if request.param == "thread" else LoopSpool
    return lambda: kind(tmp_path / "events.db").store(Settings())


@pytest.fixture(params=["thread", "loop"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    """A factory of a store that outlives its queue."""
    kind = SqliteSpool if request.param == "thread" else LoopSpool
    return lambda: kind(tmp_path / "events.db").store(Settings())


@asynccontextmanager
async def opened(make: Maker, *, clock: float = 0.0, count: int = 0) -> AsyncIterator[Store]:
    """An open store with room for so many events."""
    made = make()
    assert await made.open(clock) == count
    try:
        yield made
    finally:
        await made.close(clock, standing=False)


def entry(number: int, *, has_caller_id: bool = False, size: int = 0) -> Entry:
    body = b'{"n":%d,"x":"%s"}' % (number, b"x" * size)
    idempotency: Any = "idempotent" if number % 2 else "non_idempotent"
    more = More(f"e{number}", has_caller_id)
    return Entry("page.viewed", body, f"s{number % 3}", idempotency, float(number), more=more)


async def kept(store: Store, entries: list[Entry], *, crowded: bool = False) -> list[bool]:
    """Append and accept these events; whether each waits in the store only."""
    assert await store.append(entries) == ["stored"] * len(entries)
    return [store.place(one, crowded=crowded) for one in entries]


async def bodies(store: Store) -> list[bytes]:
    """The bodies of all waiting events, in order."""
    found: list[bytes] = []
    while loaded := await store.load(*MANY):
        found += [one.entry.body for one in loaded]
    return found


async def test_a_store_that_is_new_is_empty(store: Maker) -> None:
    """It has no waiting, loaded or lost events."""
    async with opened(store) as made:
        assert list(await made.load(*MANY)) == []
        assert list(made.waiting()) == []
        assert made.lost == 0


async def test_each_new_event_is_answered_in_order(store: Maker) -> None:
    """And may be marked, sent, put back and ended."""
    async with opened(store) as made:
        entries = [entry(number) for number in range(10)]
        assert await kept(made, entries) == [False] * 10
        for one in entries:
            assert await made.mark(one) == inf
        await made.requeue(entries[:5])
        assert await made.mark(entries[0]) == inf
        await made.finish(entries, [DELIVERED] * 10)
    async with opened(store) as again:
        assert list(await again.load(*MANY)) == []


async def test_nothing_to_do_is_done(store: Maker) -> None:
    """Empty batches, a pause, an unknown id."""
    async with opened(store) as made:
        assert list(await made.append([])) == []
        await made.requeue([])
        await made.finish([], [])
        await made.allow_resubmission("unknown")
        await made.pause(1.0, standing=True)
        await made.pause(2.0, standing=False)


async def test_what_has_not_ended_comes_back_in_order_as_it_was(durable: Maker) -> None:
    """From the next store over the same place, with everything that sending it requires."""
    entries = [entry(number, has_caller_id=number == 3) for number in range(8)]
    async with opened(durable) as made:
        await kept(made, entries)
        await made.finish([entries[1], entries[4]], [DELIVERED, REFUSED])
    async with opened(durable, count=6) as again:
        found = [one.entry for one in await again.load(*MANY)]
        left = [entries[number] for number in (0, 2, 3, 5, 6, 7)]
        for one, was in zip(found, left, strict=True):
            assert (one.body, one.subject, one.idempotency, one.action) == (
                was.body,
                was.subject,
                was.idempotency,
                was.action,
            )
            assert (one.event_id, one.has_caller_id) == (was.event_id, was.has_caller_id)


async def test_what_was_in_flight_is_known_after_a_crash(durable: Maker) -> None:
    """At the first attempt and at later ones; events put back were not, and uncertain attempts are remembered."""
    first, second, back, never = entries = [entry(number) for number in range(4)]
    made = durable()
    await made.open(0.0)
    await kept(made, entries)
    await made.mark(first)
    doubt = Attempt("uncertain")
    for one in (second, back):
        await made.mark(one)
        one.history = AttemptHistory(attempts=1, last=doubt, last_uncertain=doubt, uncertain_count=1)
        await made.requeue([one])
    await made.mark(second)
    made.give_up()
    async with opened(durable, count=4) as again:
        found = {one.entry.body: one for one in await again.load(*MANY)}
        flying = [body for body, one in found.items() if one.was_in_flight]
        assert flying == [first.body, second.body]
        history = found[back.body].entry.history
        assert history is not None
        assert (history.attempts, history.uncertain_count) == (1, 1)
        assert found[never.body].entry.history is None


async def test_one_owner_at_a_time(durable: Maker) -> None:
    """Until it is closed, or abandoned without a loop."""
    for ending in ("close", "give up"):
        made = durable()
        await made.open(0.0)
        other = durable()
        with pytest.raises(SpoolBusy):
            await other.open(0.0)
        await other.close(0.0, standing=False)
        if ending == "close":
            await made.close(0.0, standing=False)
        else:
            made.give_up()
    async with opened(durable):
        pass


async def test_an_id_is_one_event(durable: Maker) -> None:
    """Within a batch, while it waits, after its end and after a reopening; until the id is forgotten."""
    async with opened(durable) as made:
        answers = await made.append([entry(1, has_caller_id=True), entry(2), entry(1, has_caller_id=True)])
        assert answers[:2] == ["stored", "stored"]
        assert answers[2] != "stored"
    async with opened(durable, count=2) as again:
        (found, _) = await again.load(*MANY)
        (answer,) = await again.append([entry(1, has_caller_id=True)])
        assert answer is found.entry
        await again.finish([found.entry], [REFUSED])
        (answer,) = await again.append([entry(1, has_caller_id=True)])
        assert isinstance(answer, Outcome)
        assert (answer.verdict, answer.attempts) == ("rejected", 2)
    async with opened(durable, count=1) as later:
        await later.load(*MANY)
        (answer,) = await later.append([entry(1, has_caller_id=True)])
        assert isinstance(answer, Outcome)
        await later.allow_resubmission("e1")
        assert await later.append([entry(1, has_caller_id=True)]) == ["stored"]


async def test_a_withdrawn_event_is_gone_and_its_id_is_free(durable: Maker) -> None:
    """Its `put` was cancelled."""
    async with opened(durable) as made:
        one = entry(1, has_caller_id=True)
        await made.append([one])
        await made.finish([one], [None])
        assert await made.append([entry(1, has_caller_id=True)]) == ["stored"]
    async with opened(durable, count=1):
        pass


async def test_what_waits_in_the_store_alone_is_loaded_once_and_in_order(durable: Maker) -> None:
    """Once one event waits there, so do all later ones, until it has been loaded."""
    async with opened(durable) as made:
        assert await kept(made, [entry(0)]) == [False]
        assert await kept(made, [entry(1)], crowded=True) == [True]
        assert await kept(made, [entry(2), entry(3)]) == [True, True]
        assert await bodies(made) == [entry(number).body for number in (1, 2, 3)]
        assert await kept(made, [entry(4)]) == [False]
        assert await bodies(made) == []


async def test_no_more_is_loaded_than_there_is_room_for(durable: Maker) -> None:
    """By number and by bytes; at least one event, however large."""
    entries = [entry(number, size=1000) for number in range(6)]
    async with opened(durable) as made:
        await kept(made, entries, crowded=True)
        sizes = [len(await made.load(most, most_bytes)) for most, most_bytes in ((2, 1 << 20), (100, 1500), (100, 1))]
        assert sizes[0] == 2
        assert sizes[1] in (1, 2)
        assert sizes[2] == 1
        rest = await bodies(made)
        assert sum(sizes) + len(rest) == 6


async def test_events_that_are_waited_for_while_they_wait_here_are_known(durable: Maker) -> None:
    """So that their receipts can end at the close; the same entry is loaded."""
    async with opened(durable) as made:
        one = entry(1)
        await kept(made, [one], crowded=True)
        one.state, one.body = "aside", b""
        assert list(made.waiting()) == [one]
        (loaded,) = await made.load(*MANY)
        assert loaded.entry is one
        assert one.body == entry(1).body


async def test_the_age_of_an_event_counts_across_processes_but_not_while_deliveries_stand_still(durable: Maker) -> None:
    """On the new queue's clock, which has another origin."""
    async with opened(durable, clock=100.0) as made:
        one = entry(1)
        one.at = 90.0
        await kept(made, [one])
        await made.pause(100.0, standing=True)
        made.give_up()
    again = durable()
    assert await again.open(5.0) == 1
    (loaded,) = await again.load(*MANY)
    assert loaded.entry.at == pytest.approx(-5.0)
    await again.close(5.0, standing=False)
