"""``python -m tests.soak.fleet``: a fleet whose workers, or whose server, are killed or stopped while it delivers.

It is judged by what a raw API received, what the server of the stream stores of each id, and what was accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import msgspec

from hellotext_async import Hellotext, Outcome, RedisStream, Timeouts
from hellotext_async.errors import HellotextError, NotAccepted
from tests.harness.scripts import RECEIVED
from tests.redis.fleet import entries, owners
from tests.redis.servers import KINDS, Server

NAME: Final = "fleet"
LEASE: Final = 3.0
TOTAL: Final = 2.0
"""The time limit of an attempt, in seconds; a lease must be longer."""
SHARDS: Final = 16
TOGETHER: Final = 200
"""Events that are put at once."""
LATEST: Final = 100_000
"""Bytes of the append-only file that a crash of the machine loses under `everysec`."""
TIMEOUT: Final = 120.0
"""Seconds without an outcome after which waiting events count as stuck."""
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(RECEIVED), RECEIVED,
)  # fmt: skip


def arguments(line: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.fleet", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--subjects", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=0, help="workers killed with SIGKILL, each with a successor")
    parser.add_argument("--stops", type=int, default=0, help="workers stopped for longer than their lease")
    parser.add_argument("--rescales", type=int, default=0, help="workers ended by SIGTERM, each with a successor")
    parser.add_argument("--server-kills", type=int, default=0, help="the server killed with SIGKILL and started again")
    parser.add_argument("--appendfsync", choices=["always", "everysec"], default="everysec")
    parser.add_argument("--kind", choices=sorted(KINDS), default=sorted(KINDS)[0])
    parser.add_argument("--rate", type=float, default=1e6, help="events that are put in a second, at most")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two disturbances, on average")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(line)


class Api(asyncio.Protocol):
    """One connection to an API that applies what arrives, and answers a little later."""

    applied: list[tuple[int, str, float]]
    """The number and subject of each application, and when it was."""
    rng: Random

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._got = transport, b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = self._got[:end].lower()
            start = head.index(b"content-length:") + 15
            size = int(head[start:].partition(b"\r\n")[0])
            if len(self._got) < end + 4 + size:
                return
            event = msgspec.json.decode(self._got[end + 4 : end + 4 + size])
            self._got = self._got[end + 4 + size :]
            self.applied.append((event["metadata"]["number"], event["session"], time.monotonic()))
            asyncio.get_running_loop().call_later(self.rng.random() * 0.02, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)


def stream_at(url: str) -> RedisStream:
    """The stream, with the settings that all processes use."""
    return RedisStream(url, NAME, shards=SHARDS, lease=LEASE)


async def work(url: str, api: str) -> None:
    """Run a worker until SIGTERM."""
    timeouts = Timeouts(connect=1, read=TOTAL, total=TOTAL)
    async with Hellotext("token", base_url=api, timeouts=timeouts) as client, client.worker(stream_at(url)) as worker:
        await worker.run()
        os.write(1, f"{worker.stats().lost}\n".encode())


class Fleet:
    """One run."""

    def __init__(self, given: argparse.Namespace, server: Server) -> None:
        self.given, self.server = given, server
        self.rng = Random(given.seed)
        self.workers: list[asyncio.subprocess.Process] = []
        self.lost_by_workers = self.lost_by_producer = 0
        self.disturbances: Counter[str] = Counter()
        self.accepted: dict[int, float] = {}
        self.refused = 0
        self.applied: list[tuple[int, str, float]] = []

    async def run(self) -> list[str]:
        """Everything; what was broken."""
        handler = type("Records", (Api,), {"applied": self.applied, "rng": self.rng})
        api = await asyncio.get_running_loop().create_server(handler, "127.0.0.1", 0, backlog=1024)
        self.api = f"http://127.0.0.1:{api.sockets[0].getsockname()[1]}"
        try:
            return await self.judged()
        finally:
            api.close()
            for worker in self.workers:
                worker.kill()

    async def judged(self) -> list[str]:
        """A fleet that delivers while it is disturbed; what was broken."""
        for _ in range(self.given.workers):
            await self.join()
        while "" in await owners(stream_at(self.server.url), self.server.url):
            await asyncio.sleep(0.1)
        began = time.monotonic()
        disturbing = asyncio.create_task(self.disturb())
        await self.put_all()
        print(f"{len(self.accepted)} accepted in {time.monotonic() - began:.0f} s", flush=True)
        await disturbing
        stuck = await self.drained()
        print(f"drained after {time.monotonic() - began:.0f} s; disturbances: {dict(self.disturbances)}", flush=True)
        outcomes = await self.outcomes()
        for worker in list(self.workers):
            await self.leave(worker)
        return [*stuck, *self.judge(outcomes)]

    # The workers.

    async def join(self) -> None:
        """Start a worker."""
        command = [sys.executable, "-m", "tests.soak.fleet", "worker", self.server.url, self.api]
        self.workers.append(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE))

    async def leave(self, worker: asyncio.subprocess.Process) -> None:
        """Stop a worker cleanly, and add its count of losses: each counts those of its own shards."""
        self.workers.remove(worker)
        worker.terminate()
        output, _ = await worker.communicate()
        self.lost_by_workers += int(output or b"0")

    async def disturb(self) -> None:
        """The disturbances, in any order."""
        given = self.given
        disturbances = ["kill"] * given.kills + ["stop"] * given.stops + ["rescale"] * given.rescales
        disturbances += ["server"] * given.server_kills
        self.rng.shuffle(disturbances)
        for disturbance in disturbances:
            await asyncio.sleep(self.given.pause * (0.5 + self.rng.random()))
            worker = self.rng.choice(self.workers)
            self.disturbances[disturbance] += 1
            if disturbance == "kill":
                self.workers.remove(worker)
                worker.kill()
                await worker.wait()
                await self.join()
            elif disturbance == "stop":
                worker.send_signal(signal.SIGSTOP)
                await asyncio.sleep(LEASE * 1.7)
                worker.send_signal(signal.SIGCONT)
            elif disturbance == "rescale":
                await self.leave(worker)
                await self.join()
            else:
                self.server.kill()
                if given.appendfsync == "everysec":
                    self.server.forget(LATEST)
                await asyncio.sleep(0.5)
                await asyncio.to_thread(self.server.start)

    # The events.

    async def put_all(self) -> None:
        """In the order of their numbers for each subject: a group ends before the next begins."""
        stream = stream_at(self.server.url)
        async with stream.producer(timeout=30) as producer:
            numbers, began = range(self.given.events), time.monotonic()
            for start in range(0, len(numbers), TOGETHER):
                await asyncio.sleep(began + start / self.given.rate - time.monotonic())
                await asyncio.gather(*(self.put(producer, number) for number in numbers[start : start + TOGETHER]))
        self.lost_by_producer = stream.lost

    async def put(self, producer: Any, number: int) -> None:
        fields = {
            "session": f"s{number % self.given.subjects}",
            "event_id": str(number),
            "metadata": {"number": number},
        }
        action = "page.viewed" if number % 2 else "order.placed"
        if number % 2 == 0:
            fields["order"] = f"o{number}"
        for _ in range(20):
            try:
                await producer.put(action, **fields)
            except NotAccepted:
                continue  # under its id it is not duplicated
            self.accepted[number] = time.monotonic()
            return
        self.refused += 1

    async def drained(self) -> list[str]:
        """Wait until no event is in the stream; what is stuck."""
        at, before = time.monotonic(), -1
        while time.monotonic() - at < TIMEOUT:
            left = 0
            with contextlib.suppress(HellotextError, OSError):
                left = await entries(stream_at(self.server.url), self.server.url)
                if left == 0:
                    return []
            if left != before:
                at, before = time.monotonic(), left
            await asyncio.sleep(0.2)
        return [f"stuck: {before} events have not ended within {TIMEOUT:.0f} s"]

    async def outcomes(self) -> dict[int, Outcome | None]:
        """The server's outcome of each accepted event."""
        found: dict[int, Outcome | None] = {}
        async with stream_at(self.server.url).producer() as producer:
            numbers = list(self.accepted)
            for start in range(0, len(numbers), TOGETHER):
                some = numbers[start : start + TOGETHER]
                found.update(zip(some, await asyncio.gather(*(producer.outcome(str(n)) for n in some)), strict=True))
        return found

    # The judgement.

    def judge(self, outcomes: dict[int, Outcome | None]) -> list[str]:
        """Every broken promise."""
        times = Counter(number for number, _, _ in self.applied)
        unknown_to_it = [number for number, outcome in outcomes.items() if outcome is None]
        verdicts = Counter(outcome.verdict for outcome in outcomes.values() if outcome is not None)
        print(f"outcomes {dict(verdicts)}; without an outcome {len(unknown_to_it)}")
        print(f"detected losses: {self.lost_by_workers} by the workers, {self.lost_by_producer} by the producer")
        print(f"applied {len(self.applied)} times; longest wait {self.longest_wait():.1f} s", flush=True)
        broken: list[str] = []
        lossy = self.given.server_kills and self.given.appendfsync == "everysec"
        gone = [number for number in unknown_to_it if not times[number]]
        if not lossy:
            broken += [f"lost: {number} has no outcome" for number in unknown_to_it]
        elif gone and not (self.lost_by_workers or self.lost_by_producer):
            broken.append(f"{len(gone)} events were lost with the server's writes, and nothing noticed it")
        for number, outcome in outcomes.items():
            if outcome is not None and outcome.delivered and not times[number]:
                broken.append(f"{number} is delivered, and was never applied")
            if number % 2 and times[number] > 1 and not lossy:
                broken.append(f"{number} must not be doubled, and was applied {times[number]} times")
        return broken + ([] if lossy else self.overtaken())

    def overtaken(self) -> list[str]:
        """Events whose first application came after that of a later one of their subject."""
        latest: dict[str, int] = {}
        seen: set[int] = set()
        broken: list[str] = []
        for number, subject, _ in self.applied:
            if number not in seen and number < latest.get(subject, -1):
                broken.append(f"{number} was applied after {latest[subject]}, which came later")
            seen.add(number)
            latest[subject] = max(latest.get(subject, -1), number)
        return broken

    def longest_wait(self) -> float:
        """Seconds between the acceptance of an event and its first application, at most."""
        first: dict[int, float] = {}
        for number, _, at in self.applied:
            first.setdefault(number, at)
        return max((at - self.accepted[number] for number, at in first.items() if number in self.accepted), default=0.0)


async def main() -> int:
    """The exit code."""
    given = arguments()
    with Server(given.kind, appendonly=given.appendfsync) as server:
        fleet = Fleet(given, server)
        broken = await fleet.run()
    for line in broken[:20]:
        print("BROKEN", line)
    print(f"{len(broken)} broken", flush=True)
    return bool(broken)


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        asyncio.run(work(*sys.argv[2:]))
    else:
        sys.exit(asyncio.run(main()))
