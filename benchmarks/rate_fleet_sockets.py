"""Four worker processes of one stream against a limit, over real sockets: the figures of `docs/fleet.md`.

``python -m benchmarks.rate_fleet_sockets [RATE]``; it starts a server of each kind that the tests use, and an emulator.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Final

from hellotext_async import Hellotext, RedisStream
from hellotext_async.emulator import Emulator, RateLimit
from tests.redis.servers import KINDS, Server
from tests.simulation.figures import jain

WORKERS: Final = 4
SETTLE, SPAN = 20.0, 40.0
"""Seconds until the measurement begins, and that it lasts."""
NAME: Final = "rate"


async def work(redis: str, api: str, token: str) -> None:
    """One worker; it prints how many it has delivered when a line comes in, and ends at the end of the input."""
    async with Hellotext(token, base_url=api) as client:
        worker = client.worker(RedisStream(redis, NAME))
        async with worker:
            while await asyncio.to_thread(sys.stdin.readline):
                print(worker.stats().outcomes["delivered"], flush=True)
            await worker.aclose(1)


async def ask(processes: list[asyncio.subprocess.Process]) -> list[int]:
    """How many events each worker has delivered."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
    return [int(await process.stdout.readline()) for process in processes if process.stdout is not None]


async def measure(kind: str, rate: float, *, retry_after: bool) -> str:
    """One line of the table."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(Server(kind, appendonly="everysec"))
        emulator = await stack.enter_async_context(Emulator(rate_limit=RateLimit(rate, rate, retry_after=retry_after)))
        producer = await stack.enter_async_context(RedisStream(server.url, NAME).producer())
        events = int(rate * (SETTLE + SPAN + 20))
        for at in range(0, events, 1000):
            await asyncio.gather(*(producer.put("page.viewed", session=f"s{n % 5000}") for n in range(at, at + 1000)))
        pipe = asyncio.subprocess.PIPE
        command = (
            sys.executable,
            "-m",
            "benchmarks.rate_fleet_sockets",
            "work",
            server.url,
            emulator.url,
            emulator.token,
        )
        processes = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe) for _ in range(WORKERS)]
        loop = asyncio.get_running_loop()
        await asyncio.sleep(SETTLE)
        began, before, seen = loop.time(), await ask(processes), len(emulator.requests)
        await asyncio.sleep(SPAN)
        after, passed = await ask(processes), loop.time() - began
        shares = [now - then for now, then in zip(after, before, strict=True)]
        refused = [request.status for request in list(emulator.requests)[seen:]].count(429)
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
        header = "with Retry-After" if retry_after else "without Retry-After"
        used = sum(shares)
        return (
            f"| {kind}, {rate:g}/s {header} | {used / passed / rate:.3f} | {refused / (used + refused):.2%} "
            f"| {jain(shares):.4f} | {min(shares) / used:.3f} |"
        )


async def main(rate: float) -> None:
    """Print the table."""
    print("| limit | used | refused | Jain | smallest share |\n|---|---|---|---|---|", flush=True)
    for kind in sorted(KINDS):
        for retry_after in (False, True):
            print(await measure(kind, rate, retry_after=retry_after), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        asyncio.run(work(*sys.argv[2:5]))
    else:
        asyncio.run(main(float(sys.argv[1]) if sys.argv[1:] else 200.0))
