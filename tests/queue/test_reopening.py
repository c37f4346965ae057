"""What a spool stores of its events for the next opening: which wait, how they were sent, how ids ended."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.queue.outcome import Outcome
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from tests.harness.clock import virtual_time
from tests.harness.transport import Script, answers, received, silent, unsent
from tests.rig import LoopSpool, assert_adds_up, engine, event, order, put


def opened_on(path: Path, script: Script, **settings: Any) -> EventQueue:
    made = engine(script)
    return EventQueue(lambda: made, Settings(buffer=LoopSpool(path), **{"delivery_timeout": 600, **settings}))


@virtual_time
async def test_events_after_a_reopening_are_sent_though_a_younger_one_than_those_left_has_ended(
    tmp_path: Path,
) -> None:
    """The sequence number of an ended event is stored with its id; no event waits for it."""
    path = tmp_path / "s.db"
    async with opened_on(path, Script(silent(), received())) as first:
        await put(first, order(0))
        await asyncio.sleep(1)
        assert (await (await put(first, event(1), event_id="e1"))).delivered
        await first.aclose(timeout=0)
    async with opened_on(path, Script()) as second:
        await second.flush()
        receipts = [await put(second, event(10 + n)) for n in range(3)]
        await asyncio.sleep(1)
        assert [receipt.done() for receipt in receipts] == [True] * 3
        assert_adds_up(second)


@pytest.mark.parametrize(
    ("delivery", "fields", "marked"),
    [("careful", order(0), False), ("at_least_once", event(0), True)],
    ids=["an idempotent event", "at_least_once"],
)
@virtual_time
async def test_an_attempt_that_a_close_cut_off_is_counted_after_the_reopening(
    tmp_path: Path, delivery: Any, fields: dict[str, Any], marked: bool
) -> None:
    """Delivered by a second request it may be duplicated; if its time is over before that, its outcome is unknown."""
    for retried in (True, False):
        path, seen = tmp_path / f"{retried}.db", list[Outcome]()
        async with opened_on(path, Script(silent()), delivery=delivery) as first:
            await put(first, fields)
            await asyncio.sleep(1)
            await first.aclose(timeout=0)
        script = Script() if retried else Script(default=unsent())
        timeout = 600 if retried else 5
        settings: dict[str, Any] = {"delivery": delivery, "delivery_timeout": timeout, "on_outcome": seen.append}
        async with opened_on(path, script, **settings) as second:
            await second.flush()
        (outcome,) = seen
        if retried:
            assert (outcome.verdict, outcome.attempts, outcome.maybe_duplicated) == ("delivered", 2, marked)
        else:
            assert outcome.verdict == "unknown"


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [("careful", "at_most_once", order(0)), ("at_least_once", "careful", event(0))],
    ids=["at_most_once", "careful"],
)
@virtual_time
async def test_what_may_have_been_sent_follows_the_rules_of_the_queue_that_opens(
    tmp_path: Path, before: Any, after: Any, fields: dict[str, Any]
) -> None:
    """The earlier queue would have sent it again; this one must not."""
    path, script, seen = tmp_path / "s.db", Script(), list[Outcome]()
    async with opened_on(path, Script(silent()), delivery=before) as first:
        await put(first, fields)
        await asyncio.sleep(1)
        assert (await first.aclose(timeout=0)).queued == 1
    async with opened_on(path, script, delivery=after, on_outcome=seen.append) as second:
        await second.flush()
    assert script.asked == 0
    assert [(outcome.verdict, outcome.attempts) for outcome in seen] == [("unknown", 1)]


@virtual_time
async def test_the_outcome_of_an_id_is_stored_with_its_mark(tmp_path: Path) -> None:
    """An event that may be duplicated is reported as such to later callers too, after a reopening."""
    path = tmp_path / "s.db"
    async with opened_on(path, Script(answers(500), received())) as first:
        outcome = await (await put(first, event(1), event_id="e1"))
    assert (outcome.verdict, outcome.attempts, outcome.maybe_duplicated) == ("delivered", 2, True)
    async with opened_on(path, Script()) as second:
        again = await (await put(second, event(1), event_id="e1", context="mine"))
    assert (again.verdict, again.attempts, again.maybe_duplicated) == ("delivered", 2, True)
    assert again.context == "mine"


def make_older(path: Path, version: int) -> None:
    """Convert a closed spool to an older format."""

    def old_sum(*values: Any) -> int:
        *fields, body = values
        return zlib.crc32(body, 0 if version == 1 else zlib.crc32(repr(fields).encode()))

    with sqlite3.connect(path) as link:
        link.create_function("old_sum", 8, old_sum)
        link.execute("update events set sum = old_sum(seq, id, given, action, subject, idempotency, accepted, body)")
        if version < 3:
            link.execute("alter table ids drop column duplicated")
        if version == 1:
            link.execute("alter table events rename column idempotency to repeat")
            link.execute("update events set repeat = 'repeatable'")
            link.execute("pragma application_id = 0")
        link.execute(f"pragma user_version = {version}")
    link.close()


@pytest.mark.parametrize("version", [1, 2, 3])
@virtual_time
async def test_a_spool_of_an_older_format_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    """Its ids are known, with the mark that format 3 has; its events are sent, save one that is damaged."""
    path = tmp_path / "s.db"
    async with opened_on(path, Script(answers(500), received(), silent())) as first:
        assert (await (await put(first, event(1), event_id="e1"))).maybe_duplicated
        await put(first, order(2))
        await put(first, event(3))
        await first.aclose(timeout=0)
    make_older(path, version)
    with sqlite3.connect(path) as link:
        link.execute("update events set body = 7 where action <> 'order.placed'")
    link.close()
    script = Script()
    async with opened_on(path, script) as second:
        known = await (await put(second, event(1), event_id="e1"))
        assert (known.verdict, known.maybe_duplicated) == ("delivered", version == 3)
        await second.flush()
        assert (second.stats().outcomes["delivered"], second.stats().outcomes["abandoned"]) == (1, 1)
    assert [seen.json["action"] for seen in script.history] == ["order.placed"]


def let_pass(path: Path, seconds: float) -> None:
    """Let time pass between two processes: the times in the file become older by it."""
    with sqlite3.connect(path) as link:
        link.execute("update clock set wall = wall - ?", (seconds,))
    link.close()


@pytest.mark.parametrize(
    ("fields", "sent", "verdict"),
    [(event(0), False, "expired"), (order(0), False, "expired"), (order(0), True, "unknown")],
    ids=["never sent", "never sent, idempotent", "cut off"],
)
@virtual_time
async def test_what_expired_while_the_spool_was_closed_is_not_sent(
    tmp_path: Path, fields: dict[str, Any], sent: bool, verdict: str
) -> None:
    """It ends as it would have; what has time left is sent."""
    path, seen = tmp_path / "s.db", list[Outcome]()
    async with opened_on(path, Script(default=silent() if sent else unsent()), delivery_timeout=100) as first:
        await put(first, fields)
        await asyncio.sleep(1)
        await first.aclose(timeout=0)
    let_pass(path, 98)
    async with opened_on(path, Script(default=silent() if sent else unsent()), delivery_timeout=100) as second:
        assert second.stats().outcomes["expired"] == 0
        await put(second, order(9))
        await asyncio.sleep(0.1)
        await second.aclose(timeout=0)
    let_pass(path, 98)
    script = Script()
    async with opened_on(path, script, delivery_timeout=100, on_outcome=seen.append) as third:
        await third.flush()
    assert {outcome.verdict for outcome in seen} == {verdict, "delivered"}
    assert [one.json["order"] for one in script.history] == ["o9"]


@virtual_time
async def test_a_clock_that_was_stopped_at_a_crash_continues_with_the_next_process(tmp_path: Path) -> None:
    """The time from the suspension to the next opening does not count; later time does, crash or not."""
    path = tmp_path / "s.db"
    first = await opened_on(path, Script(default=answers(401)), delivery_timeout=100).open()
    await put(first, order(0))
    await asyncio.sleep(1)
    assert first.stats().suspended
    copies = [tmp_path / f"{n}.db" for n in range(2)]
    crash(path, copies[0])
    await first.aclose(timeout=0)
    let_pass(copies[0], 3600)
    second = await opened_on(copies[0], Script(default=unsent()), delivery_timeout=100).open()
    await asyncio.sleep(1)
    assert second.stats().queued == 1
    crash(copies[0], copies[1])
    await second.aclose(timeout=0)
    let_pass(copies[1], 200)
    script, seen = Script(), list[Outcome]()
    async with opened_on(copies[1], script, delivery_timeout=100, on_outcome=seen.append) as third:
        await third.flush()
    assert [outcome.verdict for outcome in seen] == ["expired"]
    assert not script.asked


def crash(path: Path, copy: Path) -> None:
    """The files that a process which crashes now would leave."""
    for suffix in ("", "-wal"):
        if Path(f"{path}{suffix}").exists():
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
