"""Forks of processes that use a stream, and cancellation of commands to the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hellotext_async.emulator import Emulator
from hellotext_async.fleet.commands import PUT
from hellotext_async.fleet.link import Link
from tests.harness.crash import forks_in_a_loop, run_child
from tests.redis.servers import Server

FORKING = """
import asyncio, os, sys
from hellotext_async import RedisStream
from hellotext_async.client import Hellotext

api, server, name = sys.argv[1:4]

async def main():
    stream = RedisStream(server, name, shards=4)
    async with Hellotext("test-token", base_url=api) as client, stream.producer() as producer:
        async with client.worker(stream) as worker:
            for turns in range(24):
                receipt = producer.track("page.viewed", session=f"s{turns}")
                for _ in range(turns):
                    await asyncio.sleep(0)
                child = os.fork()
                if child == 0:
                    sys.exit(0)
                await asyncio.to_thread(os.waitpid, child, 0)
                await receipt
            print(worker.stats().outcomes["delivered"], producer.accepted, flush=True)

asyncio.run(main())
"""


@forks_in_a_loop
@pytest.mark.own_loop
async def test_a_forked_child_that_exits_in_the_loop_of_a_worker_affects_no_process(server: Server, name: str) -> None:
    """At any point of a command of its parent: each event is accepted and delivered once."""
    async with Emulator() as emulator:
        exited = await run_child(FORKING, emulator.url, server.url, name, timeout=60)
        assert exited.lines == ["24 24"], exited.stderr
        assert len(emulator.events) == 24


@pytest.mark.parametrize(
    "ask",
    [
        lambda link: link.command("ping"),
        lambda link: link.pipeline([("PING",)]),
        lambda link: link.run(PUT, [], [1, 1, 1, 1, "token"]),
    ],
    ids=["command", "pipeline", "script"],
)
async def test_no_cancellation_is_lost(ask: Any, server: Server) -> None:
    """In any turn of the loop; Python 3.11 loses a cancellation in the turn in which a `wait_for` ends."""
    link = Link(server.url)
    await link.open()

    async def again() -> None:
        while True:
            await ask(link)

    for turns in range(60):
        asking = asyncio.ensure_future(again())
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking], timeout=20)
        assert asking.cancelled()
    await link.aclose()
