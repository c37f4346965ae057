"""Real servers with two workers get SIGTERM under load: what they accepted is delivered, kept, or a dead letter."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from hellotext_async import Hellotext, SqliteSpool
from hellotext_async.emulator import Emulator, Fault, RateLimit
from tests.cli.command import LIMIT, environment

pytestmark = pytest.mark.own_loop

VISITORS = 16
"""Concurrent visitors; each sends one request after another until the server accepts none."""
LOAD = int(os.environ.get("SERVER_LOAD", "200"))
"""The number of requests that are answered before the signal; at the signal, every case has occurred."""
RATE = LOAD // 4
"""Events per second that the limited API accepts: fewer than arrive."""
UVICORN = ("uvicorn", "tests.integrations.shop:app", "--workers", "2", "--port", "0", "--no-access-log", "--loop")
GUNICORN = (
    "gunicorn", "tests.integrations.shop:app", "--workers", "2", "--bind", "127.0.0.1:0", "--worker-class", "asgi",
    "--no-control-socket", "--asgi-loop",
)  # fmt: skip
SERVERS = {"uvicorn": UVICORN, "gunicorn": GUNICORN}
PAIRS = [
    ("uvicorn", "asyncio", "stalled"),
    ("uvicorn", "uvloop", "limited"),
    ("gunicorn", "asyncio", "limited"),
    ("gunicorn", "uvloop", "stalled"),
]
CASES = (
    list(itertools.product(SERVERS, ("asyncio", "uvloop"), ("stalled", "limited")))
    if "SERVER_LOAD" in os.environ
    else PAIRS
)
LISTENING = re.compile(r"(?:running on|Listening at:) http://127\.0\.0\.1:(\d+)")
CLOSED = re.compile(r"event queue closed with (\d+) delivered, (.*)")
COUNTED = re.compile(r"(\d+) (rejected|unknown|expired|abandoned|kept in the spool)")


class Ended(NamedTuple):
    """The result of a server: the orders that it answered with 200, and its stderr."""

    code: int | None
    answered: set[str]
    err: str

    def counts(self) -> Counter[str]:
        """The counts in all workers' last lines."""
        counts: Counter[str] = Counter()
        for delivered, others in CLOSED.findall(self.err):
            counts["delivered"] += int(delivered)
            for count, what in COUNTED.findall(others):
                counts[what] += int(count)
        return counts


class Server:
    """A server with two workers, which a test loads with requests."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.err = ""
        self.port = 0
        self.answered: set[str] = set()
        self.some = asyncio.Event()
        self.enough = asyncio.Event()
        self._numbers = itertools.count()

    async def read(self) -> None:
        """Collect its output, and find its port and the end of its start in it."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.err += line.decode()

    async def started(self, folder: Path) -> None:
        """Return when both workers are open and it listens."""
        async with asyncio.timeout(LIMIT):
            while (found := LISTENING.search(self.err)) is None or len(list(folder.glob("*.open"))) < 2:
                assert self.process.returncode is None, self.err
                await asyncio.sleep(0.01)
        self.port = int(found[1])

    async def visit(self) -> None:
        """One request after another, until the server accepts none."""
        while True:
            number = next(self._numbers)
            try:
                status = await self._order(number)
            except OSError:
                return
            if status == b"200":
                self.answered.add(f"s{number}")
            if len(self.answered) >= LOAD // 4:
                self.some.set()
            if len(self.answered) >= LOAD:
                self.enough.set()

    async def _order(self, number: int) -> bytes:
        """The status of the answer; empty if there was none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = f"POST /orders/{number} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            words = (await reader.readline()).split()
            return words[1] if len(words) > 1 else b""
        finally:
            writer.close()

    async def stopped_under_load(self, stalled: Emulator | None = None) -> Ended:
        """Load it, stall the API if wanted, and send SIGTERM while visitors continue."""
        async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as visitors:
            for _ in range(VISITORS):
                visitors.create_task(self.visit())
            await self.some.wait()
            if stalled is not None:
                stalled.faults.add(Fault("delay", delay=LIMIT, times=None))
            await self.enough.wait()
            self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> Ended:
        """Its result, after SIGTERM."""
        async with asyncio.timeout(LIMIT):
            code = await self.process.wait()
        return Ended(code, self.answered, self.err)


@asynccontextmanager
async def serving(server: str, loop: str, **given: str) -> AsyncIterator[Server]:
    """The shop under such a server, in separate processes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *SERVERS[server], loop, env=given, stderr=asyncio.subprocess.PIPE, start_new_session=True
    )
    served = Server(process)
    reading = asyncio.create_task(served.read())
    try:
        await served.started(Path(given["SHOP_FOLDER"]))
        yield served
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        await reading


def kept(folder: Path) -> list[str]:
    """The sessions of the events that wait in a folder's spools."""
    found: list[str] = []
    for path in folder.glob("spool-*.db"):
        with sqlite3.connect(path) as link:
            found += [json.loads(body)["session"] for (body,) in link.execute("select body from events")]
        link.close()
    return found


def letters(folder: Path) -> list[tuple[str, str]]:
    """The sessions and verdicts of the dead letters in a folder."""
    lines = [json.loads(line) for path in folder.glob("*dead-letters.jsonl") for line in path.read_text().splitlines()]
    return [(line["payload"]["session"], line["verdict"]) for line in lines]


async def deliver_kept(emulator: Emulator, folder: Path) -> None:
    """As the next processes do: each takes a file that one left."""
    async with asyncio.timeout(LIMIT), Hellotext(emulator.token, base_url=emulator.url) as client:
        while kept(folder):
            async with client.event_queue(buffer=SqliteSpool.in_folder(folder)) as queue:
                await queue.flush()


@pytest.mark.parametrize(("server", "loop", "api"), CASES)
async def test_sigterm_under_load_loses_nothing(server: str, loop: str, api: str, tmp_path: Path) -> None:
    """Delivered, kept and dead letters are the accepted events, stderr counts them, the next start sends the rest."""
    async with Emulator(rate_limit=RateLimit(RATE, burst=RATE // 10) if api == "limited" else None) as emulator:
        shop = {"SHOP_FOLDER": str(tmp_path), "SHOP_STORE": "spool"}
        async with serving(server, loop, **environment(emulator), **shop, SHOP_DRAIN="0.1") as served:
            ended = await served.stopped_under_load(emulator if api == "stalled" else None)
        applied = Counter(event["session"] for event in emulator.events)
        waiting, dead = kept(tmp_path), letters(tmp_path)
        accounts = [json.loads(path.read_text()) for path in tmp_path.glob("*.account.json")]
        counted = ended.counts()
        assert len(accounts) == 2
        assert counted["delivered"] + len(waiting) + len(dead) == sum(account["accepted"] for account in accounts)
        counts = {
            "delivered": sum(account["outcomes"]["delivered"] for account in accounts),
            "kept in the spool": len(waiting),
            **Counter(verdict for _, verdict in dead),
        }
        assert counted == {what: count for what, count in counts.items() if count}
        if api == "stalled":  # how many of them a limit refuses and leaves waiting depends on the machine
            assert waiting
            assert not emulator.requests.counts[429]
        assert ended.answered <= {*applied, *waiting, *(session for session, _ in dead)}
        assert set(applied.values()) == {1}
        assert not applied.keys() & ({*waiting} | {session for session, verdict in dead if verdict != "unknown"})

        emulator.faults.clear()
        emulator.rate_limit = None
        await deliver_kept(emulator, tmp_path)
        everything = {event["session"] for event in emulator.events} | {session for session, _ in letters(tmp_path)}
        assert ended.answered <= everything


@pytest.mark.parametrize("server", SERVERS)
async def test_without_a_spool_unsent_events_are_reported(server: str, tmp_path: Path) -> None:
    """Delivered, abandoned and dead letters are what was accepted."""
    async with Emulator() as emulator:
        shop = {"SHOP_FOLDER": str(tmp_path), "SHOP_STORE": "memory", "SHOP_DRAIN": "0.1"}
        async with serving(server, "asyncio", **environment(emulator), **shop) as served:
            ended = await served.stopped_under_load(emulator)
        accounts = [json.loads(path.read_text()) for path in tmp_path.glob("*.account.json")]
        counted, dead = ended.counts(), letters(tmp_path)
        assert counted["delivered"] + len(dead) == sum(account["accepted"] for account in accounts)
        assert counted == {"delivered": counted["delivered"], **Counter(verdict for _, verdict in dead)}
        assert counted["abandoned"]
        assert ended.answered <= {event["session"] for event in emulator.events} | {session for session, _ in dead}
