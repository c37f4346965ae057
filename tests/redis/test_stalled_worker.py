"""A worker that is stopped for longer than its lease, and continues after another has taken over its shards.

Rules. The worker is a process that stops itself (SIGSTOP) at the exact point, so that no chance is involved; it
continues (SIGCONT) when the other worker has delivered everything.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from hellotext_async import DeadLetters, Producer, RedisStream
from hellotext_async.emulator import Emulator
from tests.harness.python_path import ROOT
from tests.redis.fleet import LEASE, TOTAL, drained, references, until, worker
from tests.redis.servers import Server
from tests.redis.stalling import AFTER_CHECK, AFTER_MARK, BEFORE_MARK, SHARDS

pytestmark = pytest.mark.own_loop

EVENTS: Final = 60
DUPLICABLE, IDEMPOTENT = "31", "30"
"""The events at which the worker stalls: of two subjects, in the middle of each."""
DELIVERED, UNWRITTEN, LATE = ["delivered"], ["not_sent", "expired"], ["uncertain", "timeout"]
"""The evidence of an attempt; one that continues after its time limit may be cancelled before its answer is read."""


def stream_of(server: Server, name: str, lease: float = LEASE) -> RedisStream:
    return RedisStream(server.url, name, shards=SHARDS, lease=lease)


async def put(producer: Producer, number: int) -> None:
    """Events of ten subjects: the odd ones are non-idempotent, the even ones idempotent."""
    about: Any = {"event_id": str(number), "order_key": f"s{number % 10}", "metadata": {"ref": str(number)}}
    if number % 2:
        await producer.put("page.viewed", session="2KAGgAgm", **about)
    else:
        await producer.put("order.placed", order_parameters={"reference": str(number)}, profile="MzYwlE50", **about)


def sent(emulator: Emulator) -> list[str]:
    """The references of the events whose requests arrived, in order; `references` are of those that were applied."""
    return [seen.body["metadata"]["ref"] for seen in emulator.requests]


@asynccontextmanager
async def stalled(
    emulator: Emulator,
    stream: RedisStream,
    url: str,
    point: str,
    event_id: str,
    *,
    transport: str = "",
    total: float = TOTAL,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker that stops at the given point of the event."""
    arguments = [url, stream.name, str(stream.lease), emulator.url, str(total), transport, point, event_id]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.redis.stalling", *arguments, stdin=pipe, stdout=pipe, cwd=ROOT
    )
    try:
        await until(lambda: os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOHANG) is not None)
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def attempts(child: asyncio.subprocess.Process, event_id: str) -> list[list[str]]:
    """The evidence of a child's attempts at an event, after the child has continued and exited."""
    out, _ = await asyncio.wait_for(child.communicate(b""), 60)
    assert child.returncode == 0
    lines = [line.split() for line in out.decode().splitlines()]
    return [words[1:] for words in lines if words[0] == event_id]


@pytest.mark.parametrize(
    ("point", "event_id", "transport", "attempted", "verdict"),
    [
        (BEFORE_MARK, DUPLICABLE, "", None, "delivered"),
        (AFTER_MARK, DUPLICABLE, "", [UNWRITTEN], "unknown"),
        (AFTER_MARK, IDEMPOTENT, "", [UNWRITTEN], "delivered"),
        (AFTER_CHECK, DUPLICABLE, "", [DELIVERED, LATE], "unknown"),
        (AFTER_CHECK, DUPLICABLE, "pool", [DELIVERED, LATE], "unknown"),
        (AFTER_CHECK, IDEMPOTENT, "", [DELIVERED, LATE], "delivered"),
    ],
)
async def test_a_stopped_worker_doubles_nothing(
    server: Server,
    name: str,
    point: str,
    event_id: str,
    transport: str,
    attempted: list[list[str]] | None,
    verdict: str,
) -> None:
    """All it can still do is write the request that it had checked. An event that it had marked and must not duplicate
    is unknown, every event has an outcome, and a non-idempotent one was applied once at most.
    """
    late = [event_id] if point == AFTER_CHECK else []
    stream = stream_of(server, name)
    async with Emulator() as emulator, stream.producer() as producer:
        emulator.store.seed_document()
        for n in range(EVENTS):
            await put(producer, n)
        async with stalled(emulator, stream, server.url, point, event_id, transport=transport) as child:
            async with worker(emulator, stream) as other:
                await drained(stream, server.url)
                before = len(sent(emulator))
                child.send_signal(signal.SIGCONT)
                await until(lambda: len(other.shards) < SHARDS)  # it is back, and has its share
                await until(lambda: len(sent(emulator)) >= before + len(late))
                made = await attempts(child, event_id)
                assert not made if attempted is None else len(made) == 1 and made[0] in attempted
            written = sent(emulator)[before:]
            # aiohttp may write one turn of the loop after the check: others checked in that turn are written too
            assert written == late if transport != "pool" else event_id in written
        outcomes = [await producer.outcome(str(n)) for n in range(EVENTS)]
        ends = {outcome.event_id: outcome.verdict for outcome in outcomes if outcome is not None}
        assert ends[event_id] == verdict
        applied = Counter(references(emulator))
        for n in range(EVENTS):
            end, times = ends[str(n)], applied[str(n)]
            assert (end, times) in [("delivered", 1), *([("unknown", 0), ("unknown", 1)] if n % 2 else [])], n
        letters = [letter.event_id async for letter in DeadLetters(stream)]
        assert sorted(letters) == sorted(event for event, end in ends.items() if end == "unknown")


async def test_nothing_is_written_whose_attempt_could_outlast_the_lease(server: Server, name: str) -> None:
    """A worker that was stopped after the mark for as long as its lease exceeds the time of an attempt, and no longer:
    it still owns the shard, but writes the request only when the lease has been renewed.
    """
    lease, total = 10.0, 8.0
    stream = stream_of(server, name, lease)
    async with Emulator() as emulator, stream.producer() as producer:
        await put(producer, int(DUPLICABLE))
        async with stalled(emulator, stream, server.url, AFTER_MARK, DUPLICABLE, total=total) as child:
            await asyncio.sleep(lease - total)
            child.send_signal(signal.SIGCONT)
            await drained(stream, server.url)
            assert await attempts(child, DUPLICABLE) == [UNWRITTEN, DELIVERED]
        assert references(emulator) == [DUPLICABLE]
        outcome = await producer.outcome(DUPLICABLE)
        assert outcome is not None and outcome.delivered
