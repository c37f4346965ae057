"""An `event_id` is one event in every state: waiting, being stored, cancelled and put again, from disk."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.queue.outcome import Outcome
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from tests.harness.clock import EPOCH, virtual_time
from tests.harness.transport import Script, answers, received, unsent
from tests.rig import LoopSpool, SlowSpool, assert_adds_up, engine, queue

ABOUT: dict[str, Any] = {"session": "s"}
DAY = 86_400.0


def assert_empty(opened: EventQueue) -> None:
    """All capacity is released."""
    stats = opened.stats()
    assert (stats.pending, stats.queued, stats.in_flight, stats.bytes) == (0, 0, 0, 0)
    assert_adds_up(opened)


def applied(script: Script) -> list[str]:
    return [seen.json["session"] for seen in script.history.applied]


@virtual_time
async def test_puts_of_one_id_that_wait_for_room_are_one_event() -> None:
    """Sent once, whichever of them is cancelled."""
    for cancelled in ((), (0,), (1, 2), (0, 1)):
        script = Script(default=received(takes=1))
        async with queue(script, capacity=1) as opened:
            opened.track("page.viewed", session="first")
            puts = [asyncio.ensure_future(opened.put("page.viewed", event_id="x", **ABOUT)) for _ in range(3)]
            await asyncio.sleep(0.5)
            for n in cancelled:
                puts[n].cancel()
            found = await asyncio.gather(*puts, return_exceptions=True)
            receipts = [one for one in found if not isinstance(one, BaseException)]
            assert len(receipts) == 3 - len(cancelled)
            assert {(await one).verdict for one in receipts} == {"delivered"}
            assert_empty(opened)
        assert applied(script) == ["first", "s"]


@virtual_time
async def test_a_put_that_joins_one_that_has_room_and_is_cancelled_goes_on() -> None:
    """The first got room, and was cancelled at any moment before it returned."""
    ended = set()
    for turns in range(12):
        script = Script(default=received(takes=1))
        async with queue(script, capacity=1) as opened:
            first = opened.track("page.viewed", session="first")
            one = asyncio.ensure_future(opened.put("page.viewed", event_id="x", **ABOUT))
            await asyncio.sleep(0.5)
            await first
            for _ in range(turns):
                await asyncio.sleep(0)
            ended.add(one.done())
            one.cancel()
            receipt = await asyncio.wait_for(opened.put("page.viewed", event_id="x", **ABOUT), 10)
            assert (await receipt).verdict == "delivered"
            assert_empty(opened)
        assert applied(script) == ["first", "s"]
    assert ended == {False, True}


@virtual_time
async def test_a_tracked_event_that_joins_a_put_is_accepted_though_the_put_is_cancelled() -> None:
    """At every moment between the offer and the put's return."""
    for turns in range(12):
        script = Script(default=received(takes=1))
        async with queue(script, capacity=1) as opened:
            first = opened.track("page.viewed", session="first")
            putting = asyncio.ensure_future(opened.put("page.viewed", event_id="x", **ABOUT))
            await asyncio.sleep(0)
            await first
            for _ in range(turns):
                await asyncio.sleep(0)
            receipt = opened.track("page.viewed", event_id="x", **ABOUT)
            putting.cancel()
            assert (await asyncio.wait_for(_wait(receipt), 10)).verdict == "delivered"
            assert_empty(opened)
        assert applied(script) == ["first", "s"]


async def _wait(receipt: Any) -> Any:
    return await receipt


@pytest.mark.parametrize("spool", [LoopSpool, SlowSpool])
@pytest.mark.parametrize("busy", [False, True])
def test_a_put_that_is_cancelled_and_put_again_is_sent_once(tmp_path: Path, spool: Any, busy: bool) -> None:
    """At every moment of the first, with a spool: waiting, being written, written, withdrawn."""

    @virtual_time
    async def run() -> None:
        for turns in range(40):
            script = Script(default=received(takes=0.5))
            buffer = spool(tmp_path / f"{spool.__name__}{busy}{turns}.db", durability="normal")
            async with queue(script, buffer=buffer) as opened:
                if busy:
                    await opened.put("page.viewed", session="other")
                putting = asyncio.ensure_future(opened.put("page.viewed", event_id="x", **ABOUT))
                for _ in range(turns):
                    await asyncio.sleep(0 if turns < 20 else 0.1)
                putting.cancel()
                await asyncio.wait([putting])
                receipt = await asyncio.wait_for(opened.put("page.viewed", event_id="x", **ABOUT), 100)
                assert (await asyncio.wait_for(_wait(receipt), 100)).verdict == "delivered"
                assert_empty(opened)
            assert applied(script).count("s") == 1

    run()


@pytest.mark.parametrize("spool", [LoopSpool, SlowSpool])
def test_a_put_that_was_cancelled_is_not_in_the_spool_after_a_close_at_once(tmp_path: Path, spool: Any) -> None:
    """Cancelled before it returned, it is never sent: not by the next queue either."""

    @virtual_time
    async def run() -> None:
        for turns in range(40):
            script = Script(default=unsent())
            buffer = spool(tmp_path / f"{spool.__name__}{turns}.db", durability="normal")
            accepted: set[str] = set()
            unknown: list[Outcome] = []
            async with queue(script, buffer=buffer, on_outcome=unknown.append) as opened:

                async def put(name: str, opened: EventQueue = opened, accepted: set[str] = accepted) -> None:
                    await opened.put("page.viewed", session=name)
                    accepted.add(name)

                puts = [asyncio.ensure_future(put(f"p{n}")) for n in range(4)]
                for _ in range(turns):
                    await asyncio.sleep(0 if turns < 20 else 0.1)
                for one in puts[1:]:
                    one.cancel()
                await asyncio.sleep(0)
                await asyncio.wait_for(opened.aclose(timeout=0), 100)
                await asyncio.wait(puts)
            script = Script()
            async with queue(script, buffer=buffer) as again:
                await again.flush()
            assert len(set(applied(script))) + len(unknown) == len(accepted)
            assert set(applied(script)) <= accepted

    run()


@pytest.mark.parametrize("spool", [LoopSpool, SlowSpool])
@pytest.mark.parametrize("server", ["there", "away"])
def test_an_id_that_waits_on_disk_is_joined_while_it_is_read(tmp_path: Path, spool: Any, server: str) -> None:
    """It is put again at any moment of the reopening; the queue closes in every case."""

    @virtual_time
    async def run() -> None:
        for turns in range(30):
            buffer = spool(tmp_path / f"{spool.__name__}{server}{turns}.db", durability="normal")
            async with queue(Script(default=unsent()), buffer=buffer) as opened:
                await opened.put("page.viewed", event_id="x", **ABOUT)
                await opened.aclose(timeout=0)
            script = Script(default=received() if server == "there" else unsent())
            made = engine(script)
            again = EventQueue(lambda made=made: made, Settings(buffer=buffer, delivery_timeout=1e6))  # type: ignore[misc]
            opening = asyncio.ensure_future(again.open())
            for _ in range(turns):
                await asyncio.sleep(0 if turns < 15 else 0.1)
            tracked = again.track("page.viewed", event_id="x", **ABOUT)
            await asyncio.wait_for(tracked.accepted(), 100)
            receipt = await asyncio.wait_for(again.put("page.viewed", event_id="x", **ABOUT), 100)
            await opening
            if server == "there":
                await asyncio.wait_for(again.flush(), 100)
                assert (await asyncio.wait_for(_wait(tracked), 10)).verdict == "delivered"
                assert (await asyncio.wait_for(_wait(receipt), 10)).verdict == "delivered"
                assert_empty(again)
            stats = again.stats()
            assert stats.accepted == 1
            await asyncio.wait_for(again.aclose(timeout=0), 100)
            assert_adds_up(again)
            assert tracked.done()
            assert receipt.done()
            assert len(applied(script)) == (server == "there")

    run()


@pytest.mark.parametrize("state", ["delivered", "aside"])
def test_a_put_of_a_known_id_that_is_cancelled_takes_nothing_back(tmp_path: Path, state: str) -> None:
    """The spool has the id; cancelled at any moment, capacity and counts are right."""

    @virtual_time
    async def run() -> None:
        for turns in range(25):
            buffer = LoopSpool(tmp_path / f"{state}{turns}.db", durability="normal")
            first = Script() if state == "delivered" else Script(default=unsent())
            async with queue(first, buffer=buffer) as opened:
                await opened.put("page.viewed", event_id="x", **ABOUT)
                await opened.flush(1)
                await opened.aclose(timeout=0)
            script = Script()
            async with queue(script, buffer=buffer) as again:
                putting = asyncio.ensure_future(again.put("page.viewed", event_id="x", **ABOUT))
                for _ in range(turns):
                    await asyncio.sleep(0)
                putting.cancel()
                await asyncio.wait([putting])
                await again.flush()
                assert_empty(again)
            assert len(applied(script)) == (state == "aside")

    run()


@virtual_time
async def test_a_failed_event_that_waited_on_disk_may_be_put_again_when_that_is_allowed(tmp_path: Path) -> None:
    """Its receipt is still referenced: without `allow_resubmission` the id has that outcome."""
    script = Script(default=answers(422, takes=1))
    buffer = LoopSpool(tmp_path / "s.db", durability="normal")
    async with queue(script, buffer=buffer, capacity=4, concurrency=1) as opened:
        receipts = [await opened.put("page.viewed", event_id=str(n), session="s") for n in range(8)]
        assert [(await receipt).verdict for receipt in receipts] == ["rejected"] * 8
        script.default = received()
        for n, receipt in enumerate(receipts):
            assert await opened.put("page.viewed", event_id=str(n), session="s") is receipt
            opened.allow_resubmission(str(n))
            assert (await (await opened.put("page.viewed", event_id=str(n), session="s"))).delivered
    assert script.asked == 16


@virtual_time
@pytest.mark.parametrize("days", [8, -8, 4000], ids=str)
async def test_an_id_is_remembered_while_the_wall_clock_jumps(tmp_path: Path, days: float) -> None:
    """By more than the window of a week, and back: no id is forgotten before its time, and no event is doubled."""
    wall, script = EPOCH, Script()
    async with queue(script, buffer=LoopSpool(tmp_path / "s.db"), wall=lambda: wall) as opened:
        assert (await opened.track("page.viewed", event_id="x", **ABOUT)).delivered
        for jump in (days * DAY, -days * DAY):
            wall += jump
            await asyncio.sleep(120)
            assert (await opened.track("page.viewed", session="other")).delivered
    async with queue(script, buffer=LoopSpool(tmp_path / "s.db"), wall=lambda: wall) as opened:
        assert (await opened.track("page.viewed", event_id="x", **ABOUT)).delivered
    assert applied(script).count("s") == 1


@virtual_time
async def test_the_old_name_forget_warns_and_allows_a_resubmission() -> None:
    """For one version."""
    script = Script(answers(422))
    async with queue(script) as opened:
        assert (await (await opened.put("page.viewed", event_id="x", **ABOUT))).verdict == "rejected"
        with pytest.warns(DeprecationWarning, match=r"allow_resubmission\(\)"):
            opened.forget("x")
        assert (await (await opened.put("page.viewed", event_id="x", **ABOUT))).delivered
