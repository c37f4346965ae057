"""Events on their way to a stream, in virtual time: how long each waits for a reply, what is sent again, and in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hellotext_async.errors import NotAccepted
from hellotext_async.fleet.appender import FULL, STORED, Answer, Appender, OnAnswers
from hellotext_async.fleet.layout import Layout
from hellotext_async.fleet.losses import Losses
from hellotext_async.fleet.outbox import Outbox
from hellotext_async.queue.entry import Entry, More, id_of
from tests.harness.clock import virtual_time

LAYOUT = Layout("test", 1)


def entry(event_id: str, at: float = 0.0) -> Entry:
    return Entry("page.viewed", b"{}", "s", "idempotent", at, more=More(event_id))


class Silent:
    """Commands that the server never answers."""

    layout = LAYOUT

    async def put(self, puts: Sequence[Any], token: str) -> Any:
        await asyncio.Event().wait()


class Shard:
    """An appender to a shard that has no room for the first few times."""

    def __init__(self, full: int = 0) -> None:
        self._full = full
        self.sent: list[list[str]] = []

    async def append(self, entries: Sequence[Entry], since: Sequence[float], on_answers: OnAnswers) -> None:
        self.sent.append([id_of(one) for one in entries])
        self._full -= 1
        on_answers(entries, [FULL if self._full >= 0 else STORED] * len(entries))

    def close(self) -> None:
        """Nothing is held."""


def outbox(appender: Any) -> Outbox:
    return Outbox(appender, LAYOUT, lambda _: None, wait_for_room=True)


@virtual_time
async def test_each_event_of_a_command_waits_as_long_as_any_other() -> None:
    """One that came later has its answer later; each has one."""
    loop = asyncio.get_running_loop()
    commands: Any = Silent()
    answers: list[tuple[str, float]] = []

    def on_answers(some: Sequence[Entry], found: Sequence[Answer]) -> None:
        assert all(isinstance(answer, NotAccepted) and answer.may_be_accepted for answer in found)
        answers.extend((id_of(one), loop.time()) for one in some)

    await asyncio.sleep(3)
    entries = [entry("first"), entry("second", 2.0), entry("third", 2.0)]
    await Appender(commands, Losses("test"), 5).append(entries, [0.0, 2.0, 2.0], on_answers)
    assert answers == [("first", 5.0), ("second", 7.0), ("third", 7.0)]


@virtual_time
async def test_what_comes_behind_an_event_without_room_waits_for_it() -> None:
    """It is not even sent before that is tried again: the events of a shard keep their order."""
    shard = Shard(full=2)
    box = outbox(shard)
    first, second = entry("first"), entry("second")
    box.add(first)
    await asyncio.sleep(0.01)
    box.add(second)
    while box.pending:
        await box.change()
    assert shard.sent == [["first"], ["first", "second"], ["first", "second"]]
    assert box.accepted == 2
    await box.aclose(1)


@virtual_time
async def test_all_that_wait_for_a_change_learn_of_it() -> None:
    """The first event that waits no more, or the close."""
    box = outbox(Shard())
    changes = [asyncio.ensure_future(box.change()) for _ in range(3)]
    await asyncio.sleep(0)
    changes[0].cancel()
    box.add(entry("x"))
    await asyncio.gather(*changes[1:])
    assert not box.pending
    await box.aclose(1)


@virtual_time
async def test_a_close_waits_so_long_and_no_longer() -> None:
    """Events without a reply by then may have been accepted, and are reported so."""
    loop = asyncio.get_running_loop()
    commands: Any = Silent()
    box = outbox(Appender(commands, Losses("test"), 60))
    entries = [entry(str(number)) for number in range(3)]
    for one in entries:
        box.add(one)
    await box.aclose(2)
    assert loop.time() == 2
    assert Counter(one.state for one in entries) == {"refused": 3}
    assert all(isinstance(one.end, NotAccepted) and one.end.may_be_accepted for one in entries)
