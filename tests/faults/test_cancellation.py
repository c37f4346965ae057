"""Cancellation at any point leaks nothing and is never dropped, and client and server still agree."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest

from hellotext_async._calls import send
from hellotext_async._wire.call import Call
from hellotext_async.client import Hellotext
from hellotext_async.config import Options, Retry
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from hellotext_async.resources._verbs import Deleted
from tests.harness.cancel import Step, fuzz
from tests.harness.checker import Submissions
from tests.harness.clock import virtual_time
from tests.harness.connection import Connection
from tests.harness.scripts import READ, received, sleep
from tests.harness.server import ScriptedServer
from tests.harness.transport import Script, answers, breaks, unsent
from tests.harness.transport import received as got
from tests.rig import LoopSpool, assert_adds_up, engine

CREATE = Call("POST", "/v1/coupons", Deleted, "non_idempotent", body={"code": "A"})


@pytest.mark.parametrize("by", ["task", "arrival"])
def test_a_call_cancelled_at_any_suspension_leaks_nothing(by: Step) -> None:
    """Through a throttle, a failure and a success: every permit is released, and no task is left."""

    @virtual_time
    async def run() -> None:
        for run_number in range(3):
            del run_number
            script = Script(default=answers(200, b'{"id":"x"}', takes=0.1))
            made = engine(script)

            async def call() -> Deleted:
                script.upcoming.extend([answers(429, takes=0.1), answers(500, takes=0.1)])
                return await send(made, CREATE, Options(Retry()))

            async for end in fuzz(call, by=by):
                assert end.end in ("cancelled", "returned")
                assert not end.left
                script.upcoming.clear()
            assert made.limiter.in_flight == 0
            assert (await send(made, CREATE, Options(Retry()))).id == "x"

    run()


async def test_a_call_over_sockets_cancelled_after_any_number_of_turns_leaks_no_connection() -> None:
    """k = 1 … 200 turns of the loop; afterwards all connections of the pool can be used at once."""
    async with (
        ScriptedServer((sleep(0.001), *received())) as server,
        Hellotext("t", base_url=server.url) as client,
    ):

        async def call() -> Any:
            return await client.events.track("page.viewed", session="s")

        async for end in fuzz(call, 200):
            assert end.end in ("cancelled", "returned"), end
        # All the permits that exist by now, at once: no request is answered before all have arrived.
        width = client.rate().in_flight_limit
        everyone = asyncio.Barrier(width)

        async def together(_: Connection) -> None:
            await everyone.wait()

        server.default = (*READ, together, *received())
        answered = await asyncio.wait_for(asyncio.gather(*(call() for _ in range(width))), 10)
        assert len(answered) == width
        # An answered event was applied; a cancelled one was applied at most once.
        assert len(server.history.applied) <= 200 + width


@pytest.mark.parametrize("by", ["task", "arrival"])
def test_put_cancelled_at_any_suspension_is_accepted_exactly_if_it_returned(by: Step) -> None:
    """While it waits for room and for the commit, in a full queue with a spool."""

    @virtual_time
    async def run() -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            script = Script(default=got(takes=0.5))
            made = engine(script)
            submissions = Submissions()
            settings = Settings(buffer=LoopSpool(f"{folder}/s.db", durability="normal"), capacity=2, concurrency=1)
            number = 0
            async with EventQueue(lambda: made, settings) as opened:

                async def put() -> str:
                    nonlocal number
                    number += 1
                    ref = str(number)
                    submissions.offered(ref, "non_idempotent", "p")
                    await opened.put("page.viewed", profile="p", metadata={"ref": ref})
                    return ref

                for _ in range(8):
                    async for end in fuzz(put, 12, by=by):
                        if end.end == "returned" and end.value is not None:
                            submissions.accepted(end.value)
                        else:
                            submissions.refused(str(number))
                await opened.flush(1000)
                stats = opened.stats()
                assert stats.pending == 0
                assert stats.bytes == 0
                assert stats.accepted == sum(bool(claim.accepted) for claim in submissions.claims.values())
                assert stats.outcomes["delivered"] == stats.accepted
                applied = {seen.json["metadata"]["ref"] for seen in script.history.applied}
                assert applied == {ref for ref, claim in submissions.claims.items() if claim.accepted}

    run()


@pytest.mark.parametrize("by", ["task", "arrival"])
def test_closing_cancelled_at_any_suspension_is_finished_all_the_same(by: Step, tmp_path: Path) -> None:
    """Every event ends or is kept, and the spool can be opened again."""

    @virtual_time
    async def run() -> None:
        made_count = 0

        async def close() -> None:
            nonlocal made_count
            made_count += 1
            path = tmp_path / f"{by}{made_count}.db"
            made = engine(Script(default=got(takes=0.3)))
            opened = EventQueue(
                lambda: made, Settings(buffer=LoopSpool(path, durability="normal"), delivery_timeout=86400)
            )
            await opened.open()
            for n in range(5):
                opened.track("order.placed", order=f"o{n}", profile="p")
            try:
                await opened.aclose(timeout=1)
            finally:
                assert_adds_up(opened)
                again = EventQueue(lambda: made, Settings(buffer=LoopSpool(path), delivery_timeout=86400))
                async with asyncio.timeout(1000):
                    await asyncio.shield(_open_and_close(again))

        async for end in fuzz(close, 60, by=by):
            assert end.end in ("cancelled", "returned"), end

    run()


async def _open_and_close(queue: EventQueue) -> None:
    async with queue:
        await queue.flush(500)


@virtual_time
async def test_a_second_cancellation_of_a_closer_does_not_stop_the_close() -> None:
    """The events end whether or not the caller waits for them."""
    made = engine(Script(default=got(takes=50)))
    opened = EventQueue(lambda: made, Settings())
    receipt = opened.track("page.viewed", session="s")
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(opened.aclose(timeout=1000))
    await asyncio.sleep(1)
    closing.cancel()
    closing.cancel()
    await asyncio.wait([closing])
    assert (await receipt).verdict == "unknown"
    assert_adds_up(opened)


@virtual_time
async def test_collecting_garbage_all_the_time_loses_nothing() -> None:
    """Only the queue itself holds references to receipts, tasks and its internal objects."""
    script = Script(default=got(takes=0.01))
    script.upcoming.extend([unsent(), breaks(), answers(500)] * 5)
    made = engine(script)
    gc.freeze()  # objects older than the queue need not be scanned at each collection
    try:
        async with EventQueue(lambda: made, Settings(delivery="at_least_once", delivery_timeout=600)) as opened:
            for n in range(60):
                opened.track("page.viewed", session=f"s{n}")
                if n % 10 == 0:
                    gc.collect()
                await asyncio.sleep(0.01)
            while opened.stats().queued or opened.stats().in_flight:
                gc.collect()
                await asyncio.sleep(1)
            assert opened.stats().outcomes["delivered"] == 60
    finally:
        gc.unfreeze()
