"""The spool: accepted events survive, events that may have been sent are not resent, and one process owns the file."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any

import pytest

from hellotext_async import errors
from hellotext_async.engine import Engine
from hellotext_async.errors import QueueClosed, SpoolBusy, SpoolError
from hellotext_async.queue.dead_letters import DeadLetters
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from hellotext_async.spool.sqlite_spool import SqliteSpool
from tests.harness.transport import Script, answers, received, silent, unsent
from tests.rig import assert_adds_up, engine, event, order, put, queue


def refs(script: Script) -> list[str]:
    return [seen.json["metadata"]["ref"] for seen in script.history]


def opened_on(path: Path, script: Script, *, made: Engine | None = None, **settings: Any) -> EventQueue:
    own = made or engine(script)
    return EventQueue(lambda: own, Settings(buffer=SqliteSpool(path), delivery_timeout=86400, **settings))


def bodies_in(path: Path) -> list[bytes]:
    """The events of a spool, in order of acceptance."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as link:
        return [body for (body,) in link.execute("select body from events order by seq")]


async def test_what_is_not_delivered_is_kept_and_delivered_by_the_next_queue(tmp_path: Path) -> None:
    """In order, with the same bytes, and their first receipts end as kept."""
    refusing = Script(default=unsent())
    opened = opened_on(tmp_path / "s.db", refusing)
    async with opened:
        receipts = [await put(opened, event(n, profile="p")) for n in range(50)]
        bodies = bodies_in(tmp_path / "s.db")
        report = await opened.aclose(timeout=0)
    assert report.kept == 50
    assert_adds_up(opened)
    for receipt in receipts:
        with pytest.raises(QueueClosed) as caught:
            await receipt
        assert caught.value.kept
    script = Script()
    async with opened_on(tmp_path / "s.db", script) as again:
        assert again.stats().accepted == 50
        await again.flush(10)
        assert again.stats().outcomes["delivered"] == 50
    assert refs(script) == [str(n) for n in range(50)]
    assert [seen.body for seen in script.history] == bodies


async def test_a_crash_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    """A copy of the files at any moment holds every event whose put has returned and that has not ended."""
    path = tmp_path / "s.db"
    async with opened_on(path, Script(default=silent())) as opened:
        for n in range(30):
            await put(opened, event(n))
            if n % 10 == 9:
                copy = tmp_path / f"copy{n}.db"
                for suffix in ("", "-wal"):
                    shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
        await opened.aclose(timeout=0)
    for n in (9, 19, 29):
        copy = tmp_path / f"copy{n}.db"
        script = Script()
        async with opened_on(copy, script) as again:
            await again.flush(10)
            assert again.stats().accepted == n + 1
            unknown = list(DeadLetters(f"{copy}.dead-letters.jsonl"))
            assert len(unknown) + len(script.history) == n + 1


async def test_after_a_crash_idempotent_events_in_flight_are_sent_again_and_others_are_unknown(tmp_path: Path) -> None:
    """The mark is durable before the request is written, so it is known which events may have been sent."""
    path, copy = tmp_path / "s.db", tmp_path / "copy.db"
    async with opened_on(path, Script(default=silent())) as opened:
        for n in range(4):
            await put(opened, order(n))
        for n in range(4, 8):
            await put(opened, event(n))
        await asyncio.sleep(0.1)
        assert opened.stats().in_flight == 8
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
        await opened.aclose(timeout=0)
    for delivery, resent in (("careful", {"0", "1", "2", "3"}), ("at_least_once", {str(n) for n in range(8)})):
        mine = tmp_path / f"{delivery}.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{copy}{suffix}", f"{mine}{suffix}")
        script = Script()
        async with opened_on(mine, script, delivery=delivery) as again:
            await again.flush(10)
            outcomes = again.stats().outcomes
        assert set(refs(script)) == resent
        assert (outcomes["delivered"], outcomes["unknown"]) == (len(resent), 8 - len(resent))
        assert len(list(DeadLetters(f"{mine}.dead-letters.jsonl"))) == 8 - len(resent)


async def test_an_event_not_sent_when_the_queue_closed_is_not_uncertain(tmp_path: Path) -> None:
    """Closed at any moment between acceptance and sending, also while the mark is being written."""
    for turns in range(40):
        path = tmp_path / f"{turns}.db"
        first, second = Script(default=silent()), Script()
        made = engine(first)
        async with opened_on(path, first, made=made) as opened:
            for n in range(3):
                await put(opened, event(n))
            for _ in range(turns):
                await asyncio.sleep(0)
            await opened.aclose(timeout=0)
            assert made.limiter.in_flight == 0
        async with opened_on(path, second) as again:
            await again.flush(10)
            assert sorted(refs(first) + refs(second)) == ["0", "1", "2"], turns
            assert again.stats().outcomes["unknown"] == 0


async def test_never_more_events_are_marked_in_flight_than_twice_the_workers(tmp_path: Path) -> None:
    """So a crash leaves few events uncertain: the one that each worker sends, and the one that it delivered before,
    whose outcome is in the next commit.
    """
    path, seen = tmp_path / "s.db", 0
    async with opened_on(path, Script(default=received(takes=0.01)), concurrency=5) as opened:
        for n in range(200):
            opened.track("page.viewed", session=f"s{n}", metadata={"ref": str(n)})
        for _ in range(20):
            await asyncio.sleep(0.01)
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as link:
                flying, noted = link.execute(
                    "select (select count(*) from flight, json_each(numbers)), (select count(*) from sent where in_flight)"
                ).fetchone()
            assert flying + noted <= 2 * 5
            seen += flying
        await opened.flush(60)
    assert seen


async def test_the_same_event_id_is_sent_once_also_after_a_restart(tmp_path: Path) -> None:
    """The first receipt or its outcome, as long as the window remembers it."""
    path, script = tmp_path / "s.db", Script()
    async with opened_on(path, script) as opened:
        first = await put(opened, event(), event_id="shop-1")
        assert (await first).verdict == "delivered"
    async with opened_on(path, script) as again:
        receipt = await put(again, event(), event_id="shop-1")
        outcome = await receipt
        assert (outcome.verdict, outcome.event_id, outcome.attempts) == ("delivered", "shop-1", 1)
        assert again.stats().accepted == 0
        assert (await put(again, event(), event_id="shop-2")).event_id == "shop-2"
        await again.flush(5)
    assert script.asked == 2
    async with EventQueue(lambda: engine(script), Settings(buffer=SqliteSpool(path, window=0))) as third:
        await asyncio.sleep(0.01)
        assert (await (await put(third, event(), event_id="shop-1"))).verdict == "delivered"
    assert script.asked == 3


async def test_an_id_whose_event_waits_on_disk_gets_that_events_outcome(tmp_path: Path) -> None:
    """Put again after a restart, before the first one was sent."""
    path = tmp_path / "s.db"
    async with opened_on(path, Script(default=unsent())) as opened:
        for n in range(40):
            await put(opened, event(n), event_id=f"e{n}")
        await opened.aclose(timeout=0)
    script = Script()
    async with opened_on(path, script, capacity=8) as again:
        receipts = [await put(again, event(n), event_id=f"e{n}") for n in range(40)]
        outcomes = [await asyncio.wait_for(receipt, 10) for receipt in receipts]
        assert again.stats().accepted == 40
    assert [outcome.event_id for outcome in outcomes] == [f"e{n}" for n in range(40)]
    assert sorted(refs(script), key=int) == [str(n) for n in range(40)]


async def test_more_events_than_memory_holds_wait_on_disk_in_order(tmp_path: Path) -> None:
    """A queue with room for 20 accepts 1,000 while the server is down, then delivers all in order."""
    script = Script(default=unsent())
    async with opened_on(tmp_path / "s.db", script, capacity=20) as opened:
        receipts = [await put(opened, event(n, profile="p")) for n in range(1000)]
        stats = opened.stats()
        assert stats.accepted == 1000
        assert stats.bytes < 20 * 200
        script.default = received()
        outcomes = await asyncio.wait_for(asyncio.gather(*receipts), 60)
        assert {outcome.verdict for outcome in outcomes} == {"delivered"}
    applied = [int(seen.json["metadata"]["ref"]) for seen in script.history.applied]
    assert applied == list(range(1000))


async def test_a_cancelled_put_is_never_sent(tmp_path: Path) -> None:
    """Cancelled at every step until it is stored."""
    script = Script()
    async with opened_on(tmp_path / "s.db", script) as opened:
        accepted = set()
        for n in range(60):
            putting = asyncio.ensure_future(put(opened, event(n)))
            for _ in range(n % 12):
                await asyncio.sleep(0 if n % 2 else 0.0005)
            putting.cancel()
            try:
                await putting
                accepted.add(str(n))
            except asyncio.CancelledError:
                pass
        await opened.flush(10)
        assert opened.stats().accepted == len(accepted)
        assert opened.stats().pending == 0
    assert set(refs(script)) == accepted


async def test_a_spool_has_one_owner(tmp_path: Path) -> None:
    """A second queue raises SpoolBusy, and the first continues."""
    path = tmp_path / "s.db"
    async with opened_on(path, Script()) as opened:
        with pytest.raises(SpoolBusy):
            await opened_on(path, Script()).open()
        assert (await (await put(opened, event()))).verdict == "delivered"
    async with opened_on(path, Script()) as again:
        assert (await (await put(again, event(1)))).verdict == "delivered"


async def test_a_damaged_spool_is_set_aside_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is never deleted; a new file is created."""
    path = tmp_path / "s.db"
    async with opened_on(path, Script(default=unsent())) as opened:
        for n in range(200):
            await put(opened, event(n))
        await opened.aclose(timeout=0)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"damage" * 200 + whole[5296:])
    async with opened_on(path, Script()) as opened:
        assert (await (await put(opened, event()))).verdict == "delivered"
    aside = [name for name in os.listdir(tmp_path) if "damaged" in name]
    assert len(aside) == 1
    assert b"damagedamage" in (tmp_path / aside[0]).read_bytes()
    assert "damaged" in caplog.text


@pytest.mark.parametrize("kind", ["text", "database", "database in WAL mode", "empty database of another program"])
async def test_a_file_that_is_not_a_spool_is_refused_and_left_as_it_is(tmp_path: Path, kind: str) -> None:
    """Not moved, not changed, as readable as before; no file is written beside it."""
    path = tmp_path / "theirs.db"
    if kind == "text":
        path.write_bytes(b"this is not a database, and long enough to be sure of it" * 100)
    else:
        link = sqlite3.connect(path)
        link.execute("pragma application_id = 99" if "empty" in kind else "create table customers (name)")
        link.commit()
        if "WAL" in kind:
            link.execute("pragma journal_mode = wal")
        link.close()
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(SpoolError, match=r"theirs\.db"):
        await opened_on(path, Script()).open()
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["theirs.db"]


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a link"])
async def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """No call blocks until the other end of a pipe is opened."""
    path = tmp_path / "s.db"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolError, match=r"s\.db"):
        await opened_on(path, Script()).open()
    assert os.listdir(tmp_path) == ["s.db"]


@pytest.mark.parametrize(
    "damage", ["body = cast(replace(body, 'p2', 'p9') as blob)", "given = 'x'", "idempotency = 'often'"]
)
async def test_a_row_that_is_damaged_is_not_sent(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    """One flipped bit in a body, or an impossible value: that event is reported and stays, the others are sent."""
    path = tmp_path / "s.db"
    async with opened_on(path, Script(default=unsent())) as opened:
        for n in range(5):
            await put(opened, order(n))
        await opened.aclose(timeout=0)
    link = sqlite3.connect(path)
    link.execute(f"update events set {damage} where seq = 3")
    link.commit()
    link.close()
    script = Script()
    async with opened_on(path, script) as again:
        await again.flush(10)
        assert_adds_up(again)
        outcomes = again.stats().outcomes
        # Unknown if it was in flight when the first queue closed.
        assert outcomes["abandoned"] + outcomes["unknown"] == 1
    assert sorted(refs(script)) == ["0", "1", "3", "4"]
    async with opened_on(path, script) as third:
        assert third.stats().accepted == 0
    assert "damaged" in caplog.text


async def test_a_full_spool_refuses_new_events_and_delivers_the_old(tmp_path: Path) -> None:
    """put raises SpoolError and counts nothing; space is released when events end."""
    script = Script(default=unsent())
    made = engine(script)
    spool = SqliteSpool(tmp_path / "s.db", max_bytes=64 * 4096)
    accepted = 0
    async with EventQueue(lambda: made, Settings(buffer=spool, delivery_timeout=86400)) as opened:
        with pytest.raises(SpoolError, match="full"):
            for n in range(10_000):
                await opened.put("page.viewed", session=f"s{n}", metadata={"text": "x" * 1000, "ref": str(n)})
                accepted += 1
        assert opened.stats().accepted == accepted > 10
        assert opened.stats().pending == 0
        script.default = received()
        await opened.flush(20)
        assert opened.stats().outcomes["delivered"] == accepted
        await opened.put("page.viewed", session="s", metadata={"ref": "last"})


async def test_an_unusable_place_is_a_spool_error(tmp_path: Path) -> None:
    """A missing directory, a directory in place of the file."""
    for path in (tmp_path / "nowhere" / "s.db", tmp_path):
        with pytest.raises(SpoolError):
            await opened_on(path, Script()).open()


async def test_the_files_are_for_their_owner_only_and_hold_no_token(tmp_path: Path) -> None:
    """Mode 0600, dead letters too."""
    async with opened_on(tmp_path / "s.db", Script(default=answers(422))) as opened:
        await (await put(opened, event()))
        modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in os.listdir(tmp_path)}
    assert set(modes.values()) == {0o600}
    assert len(modes) >= 3


async def test_dead_letters_hold_failed_events_and_can_be_replayed(tmp_path: Path) -> None:
    """With payload, reason and attempts; replay keeps event_id and tracked_at, unknown ones only on request."""
    path = tmp_path / "dead.jsonl"
    script = Script(answers(422, b'{"errors":[{"type":"blank","parameter":"name"}]}'), silent(), default=answers(422))
    made = engine(script, total=0.05)
    async with queue(script, made=made, dead_letters=path, concurrency=1) as opened:
        await opened.track("page.viewed", session="s", event_id="e1", metadata={"ref": "1"})
        await opened.track("page.viewed", session="s", event_id="e2", metadata={"ref": "2"})
    letters = {letter.event_id: letter for letter in DeadLetters(path)}
    assert {key: letter.verdict for key, letter in letters.items()} == {"e1": "rejected", "e2": "unknown"}
    assert "blank" in letters["e1"].reason
    assert letters["e1"].attempts == 1
    again = Script()
    async with queue(again) as opened:
        first = [outcome.event_id async for outcome in DeadLetters(path).replay(opened)]
        rest = [outcome.event_id async for outcome in DeadLetters(path).replay(opened, include_unknown=True)]
    assert (first, rest) == (["e1"], ["e2"])
    assert list(DeadLetters(path)) == []
    assert [seen.body for seen in again.history] == [script.history[0].body, script.history[1].body]


@pytest.mark.parametrize("kept", ["in memory", "in the spool", "in the spool, after a restart"])
async def test_a_replay_sends_again_though_the_queue_remembers_the_id(tmp_path: Path, kept: str) -> None:
    """Put by the caller, the same id is the same event; replayed, it is another attempt, until it is delivered."""
    path = tmp_path / "dead.jsonl"
    script = Script(answers(422), received())
    buffer = None if kept == "in memory" else SqliteSpool(tmp_path / "spool.db")
    made = engine(script)
    given = {key: value for key, value in event().items() if key != "action"}

    def opened() -> EventQueue:
        return EventQueue(lambda: made, Settings(buffer=buffer, dead_letters=path, delivery_timeout=86400))

    first = opened()
    assert (await first.track("page.viewed", event_id="e1", **given)).verdict == "rejected"
    if kept.endswith("restart"):
        await first.aclose()
        first = opened()
    async with first as again:
        assert (await again.track("page.viewed", event_id="e1", **given)).verdict == "rejected"
        assert [outcome.verdict async for outcome in DeadLetters(path).replay(again)] == ["delivered"]
        again.allow_resubmission("e1")
        assert (await again.track("page.viewed", event_id="e1", **given)).verdict == "delivered"
    if buffer is not None:
        async with opened() as later:
            later.allow_resubmission("e1")
            assert (await later.track("page.viewed", event_id="e1", **given)).verdict == "delivered"
    assert len(script.history) == 2


async def test_a_generated_id_identifies_no_event_after_a_restart_either(tmp_path: Path) -> None:
    """Only an id that a caller gave identifies an event."""
    script = Script()
    async with opened_on(tmp_path / "s.db", Script(default=unsent())) as opened:
        made = (await put(opened, event(1))).event_id
        await opened.aclose(timeout=0)
    async with opened_on(tmp_path / "s.db", script) as again:
        await again.flush(10)
        outcome = await again.track("page.viewed", session="s", event_id=made, metadata={"ref": "2"})
        assert (outcome.verdict, outcome.event_id) == ("delivered", made)
    assert refs(script) == ["1", "2"]


async def test_half_a_line_left_by_a_crash_does_not_hide_the_other_letters(tmp_path: Path) -> None:
    """It is counted as damaged."""
    path = tmp_path / "dead.jsonl"
    async with queue(Script(default=answers(422)), dead_letters=path) as opened:
        await opened.track("page.viewed", session="s")
    with path.open("ab") as file:
        file.write(b'{"event_id":"x","acti')
    letters = DeadLetters(path)
    assert len(list(letters)) == 1
    assert letters.damaged == 1


async def test_files_cut_anywhere_reopen_to_a_prefix(tmp_path: Path) -> None:
    """The log truncated at every 512 bytes: the first n events are restored, for some n, never with a gap."""
    path = tmp_path / "s.db"
    async with opened_on(path, Script(default=silent()), concurrency=1) as opened:
        for n in range(12):
            await put(opened, event(n, profile="p"))
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{tmp_path}/whole.db{suffix}")
        await opened.aclose(timeout=0)
    size = (tmp_path / "whole.db-wal").stat().st_size
    counts = []
    for cut in [*range(0, size, 512), size]:
        mine = tmp_path / f"cut{cut}.db"
        shutil.copy(tmp_path / "whole.db", mine)
        Path(f"{mine}-wal").write_bytes((tmp_path / "whole.db-wal").read_bytes()[:cut])
        script = Script()
        async with opened_on(mine, script) as again:
            await again.flush(10)
            lost = {letter.event().metadata["ref"] for letter in DeadLetters(f"{mine}.dead-letters.jsonl")}
        found = sorted(int(ref) for ref in {*refs(script), *lost})
        assert found == list(range(len(found)))
        counts.append(len(found))
    assert counts == sorted(counts)
    assert counts[-1] == 12


def test_the_errors_of_a_spool_are_the_packages_own() -> None:
    """SpoolBusy is a SpoolError is a HellotextError."""
    assert issubclass(SpoolBusy, SpoolError)
    assert issubclass(SpoolError, errors.HellotextError)


@pytest.mark.parametrize("idle", [False, True])
async def test_deliver_raises_when_the_spool_keeps_its_events(tmp_path: Path, idle: bool) -> None:
    """A close while events wait: ended ones are yielded, then QueueClosed(kept=True); it never waits for ever.

    Nor for the next event of a stream that yields none.
    """

    async def source() -> Any:
        for n in range(50):
            yield order(n)
        if idle:
            await asyncio.Event().wait()

    opened = opened_on(tmp_path / "s.db", Script(default=unsent()))
    async with opened:

        async def bulk() -> int:
            return len([outcome async for outcome in opened.deliver(source())])

        task = asyncio.ensure_future(bulk())
        await asyncio.sleep(0.05)
        await opened.aclose(timeout=0)
        with pytest.raises(QueueClosed) as caught:
            await asyncio.wait_for(task, 5)
    assert caught.value.kept


async def test_what_may_have_been_applied_stays_so_after_a_failed_replay(tmp_path: Path) -> None:
    """A letter that was unknown is not sent by a plain replay, though its last replay was rejected."""
    path = tmp_path / "dead.jsonl"
    made = engine(Script(silent()), total=0.05)
    async with queue(Script(silent()), made=made, dead_letters=path) as opened:
        await opened.track("page.viewed", session="s", event_id="e1")
    async with queue(Script(default=answers(422))) as opened:
        ends = [outcome.verdict async for outcome in DeadLetters(path).replay(opened, include_unknown=True)]
    assert ends == ["rejected"]
    again = Script()
    async with queue(again) as opened:
        assert [outcome async for outcome in DeadLetters(path).replay(opened)] == []
    assert [letter.verdict for letter in DeadLetters(path)] == ["unknown"]
    assert again.asked == 0


async def test_a_window_without_an_end_remembers_ids_for_ever(tmp_path: Path) -> None:
    """`inf` is a window, though not a finite number of seconds."""
    script = Script()
    for _ in range(2):
        async with queue(script, buffer=SqliteSpool(tmp_path / "s.db", window=inf)) as opened:
            assert (await (await opened.put("page.viewed", session="s", event_id="x"))).delivered
    assert script.asked == 1
