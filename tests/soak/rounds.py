"""Runs rounds: a server, programs forked by the host, and the check at the end."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec

from tests.harness.python_path import ROOT, python_path

from .draw import draw
from .history import History, read_history
from .judge import Exit, judge
from .plan import Offer, Round, Task
from .server import Server

__all__ = ["Host", "Result", "run_round"]

_addresses = itertools.count()


class Host:
    """The process that forks the programs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._started: dict[str, asyncio.Future[int]] = {}
        self._ended: dict[str, asyncio.Future[int]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls) -> Host:
        """Start it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.soak.host",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            cwd=ROOT, env={**os.environ, "PYTHONPATH": python_path()},
        )  # fmt: skip
        return cls(process)

    async def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def fork(self, task: Path) -> tuple[int, asyncio.Future[int]]:
        """A program's process id, and its exit status to come."""
        loop, number = asyncio.get_running_loop(), str(next(self._numbers))
        started = self._started[number] = loop.create_future()
        ended = self._ended[number] = loop.create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number} {task}\n".encode())
        return await started, ended

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            word, number, value = line.decode().split()
            futures = self._started if word == "started" else self._ended
            if not (future := futures.pop(number)).done():
                future.set_result(int(value))
        for future in (*self._started.values(), *self._ended.values()):
            if not future.done():
                future.set_exception(RuntimeError("the host of the programs has ended"))


@dataclass(slots=True)
class Result:
    """The broken rules, and counts of what happened."""

    plan: Round
    folder: Path
    broken: list[str]
    numbers: Counter[str] = field(default_factory=Counter[str])


class _Running:
    """One round while it runs."""

    def __init__(self, plan: Round, folder: Path, host: Host) -> None:
        number = next(_addresses)
        address = f"127.{1 + number // 50_000 % 200}.{1 + number // 200 % 250}.{1 + number % 200}"
        self.plan, self.folder, self.host = plan, folder, host
        self.server = Server(address, Random(f"{plan.name} server"), plan.total, self.reached)
        self.pids: dict[str, int] = {}
        self.exits: dict[str, Exit] = {}
        self.lives = {life.name: life for step in plan.steps for life in step.lives}

    def reached(self, program: str, number: int, moment: str) -> None:
        """Kill a program that is to be killed at this moment of its request of this number."""
        ending = self.lives[program].ending
        if (number, moment) == (ending.request, ending.moment) and program in self.pids:
            with suppress(ProcessLookupError):
                os.kill(self.pids[program], signal.SIGKILL)

    async def run(self) -> History:
        url = await self.server.start()
        try:
            for number, step in enumerate(self.plan.steps):
                self.server.begin(step.behaviour)
                await asyncio.gather(*(self.one(number, life, url) for life in range(len(step.lives))))
                await self.server.accept_connections()
        finally:
            await self.server.stop()
        history = read_history(self.folder, list(self.exits))
        for offer in self.offers():
            if offer.key in history.events:
                history.events[offer.key].given = offer.given
                history.events[offer.key].idempotent = offer.idempotent
        return history

    def offers(self) -> list[Offer]:
        made = {one.key: one for life in self.lives.values() for each in life.producers for one in each.offers}
        return list(made.values())

    async def one(self, step: int, life: int, url: str) -> None:
        """One program, from its start to its end."""
        again = [offer for offer in self.offers() if offer.given and self.plan.buffer == "spool"]
        task = Task(self.plan, step, life, url, str(self.folder), again)
        name = task.program.name
        path = self.folder / f"{name}.task"
        path.write_bytes(msgspec.json.encode(task))
        pid, ended = await self.host.fork(path)
        self.pids[name] = pid
        status = await ended
        del self.pids[name]
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it forked
        stderr = path.with_suffix(".stderr")
        self.exits[name] = Exit(status, stderr.read_text(errors="replace") if stderr.exists() else "")


async def run_round(name: str, host: Host, root: Path, only: str | None = None) -> Result:
    """The round of this name; its folder is kept if a rule was broken."""
    plan = draw(name, only)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root))
    running = _Running(plan, folder, host)
    history = await running.run()
    records = running.server.records
    result = Result(plan, folder, judge(plan, records, history, running.exits))
    result.numbers.update(
        {"programs": len(running.exits), "killed": sum(one.killed for one in running.exits.values()),
         "events": len(history.events), "requests": len(records.seen), "applied": len(records.applied),
         f"rounds of {plan.buffer}": 1}
    )  # fmt: skip
    result.numbers.update(f"answers: {seen.kind}" for seen in records.seen)
    for event in history.events.values():
        result.numbers.update(f"outcomes: {verdict}" for verdict in {end.verdict for end in event.ends})
    if result.broken:
        (folder / "broken").write_text("\n".join(result.broken))
        (folder / "records").write_text("\n".join(map(str, records.seen)))
    else:
        shutil.rmtree(folder)
    return result
