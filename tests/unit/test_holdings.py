"""What a queue over a stream has in memory: the events that it appended, and those that it read."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import pytest

from hellotext_async.fleet.commands import Ending
from hellotext_async.fleet.holdings import Holdings
from hellotext_async.fleet.layout import digest
from hellotext_async.fleet.own import OwnEvents
from hellotext_async.fleet.reader import Item
from hellotext_async.fleet.record import decode, encode
from hellotext_async.fleet.tenure import Tenure
from hellotext_async.queue.entry import Entry, More
from hellotext_async.queue.store import Finish

DELIVERED = Finish("delivered", 1)


class AtOnce:
    """A stepper for which everything is durable at once."""

    async def committed(self) -> None:
        await asyncio.sleep(0)


def holdings() -> Holdings:
    stepper: Any = AtOnce()
    return Holdings(stepper, 1.5, lambda: None, lambda: 0.0)


def entry(event_id: str, subject: str = "s") -> Entry:
    return Entry("page.viewed", b"{}", subject, "idempotent", 0.0, more=More(event_id, has_caller_id=True))


def read(tenure: Tenure, one: Entry, at: str) -> Item:
    """The entry as it is read from the stream."""
    field = encode(one.event_id or "", True, one.action, one.subject, one.idempotency, one.body)
    return Item(tenure, at, decode(field), 100)


async def test_what_is_not_held_is_neither_sent_nor_ended() -> None:
    """Its shard was lost meanwhile: the next owner decides."""
    held, lost = holdings(), entry("x")
    assert await held.mark(lost) is None
    await held.requeue([lost])
    assert await held.finish([lost], [DELIVERED]) == []


async def test_a_withdrawn_event_has_no_outcome() -> None:
    """Nothing is remembered of its id; what is not held is the caller's to withdraw."""
    held, tenure = holdings(), Tenure(0, "me", 1, inf)
    one, other = entry("x"), entry("y")
    held.hold(one, read(tenure, one, "1-0"), arrived=False)
    assert await held.finish([one, other], [None, None]) == [other]
    assert list(tenure.step().ends) == [Ending("1-0", 100, digest("x"), "")]


def test_events_whose_shard_another_process_took_are_elsewhere() -> None:
    """Those of shards that are still owned here keep waiting, and so do those not accepted yet."""
    shards = {"ours", "theirs"}
    own = OwnEvents(lambda one: one.subject in shards)
    ours, theirs, new = entry("a", "ours"), entry("b", "theirs"), entry("c", "theirs")
    for one in (ours, theirs):
        assert own.placed(one) is None
        one.state = "aside"
    assert own.join(new) is None
    shards.remove("theirs")
    assert [(one.entry, one.elsewhere) for one in own.elsewhere()] == [(theirs, True)]
    new.state = "aside"
    assert [(one.entry, one.arrived) for one in own.elsewhere()] == [(new, True)]
    assert list(own.waiting()) == [ours]


@pytest.mark.parametrize("held", [True, False])
def test_a_put_that_was_cancelled_ends_its_event_where_it_is_read(held: bool) -> None:
    """If that is here; nothing is kept of one that another process reads."""
    own = OwnEvents(lambda _: held)
    own.stored(one := entry("x"))
    own.withdraw(one)
    assert own.has("x") is held
    assert [own.withdrawn("x"), own.withdrawn("x")] == [held, False]
