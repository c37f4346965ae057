"""One program: it opens a queue, puts events in every way, and ends as its plan says.

Rules. It writes each result at once, and checks nothing.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import threading
import traceback
from pathlib import Path
from typing import Any, Final

import msgspec

from hellotext_async import Hellotext, HellotextError, Outcome, SpoolBusy, SqliteSpool, Timeouts
from hellotext_async.queue.queue import EventQueue

from .forks import fork
from .plan import Act, Task
from .result_log import ResultLog
from .submitter import Submitter

__all__ = ["run"]

TIMEOUT: Final = 40.0
"""Seconds after which something that should have ended long ago counts as hanging."""

LONGEST: Final = 200.0
"""Seconds after which a program that hangs as a whole prints its location, and ends."""


def run(path: str) -> None:
    """Run the program of this task."""
    faulthandler.register(signal.SIGALRM, chain=True)  # its thread would not survive a fork
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    task = msgspec.json.decode(Path(path).read_bytes(), type=Task)
    log = ResultLog(task.results)
    program = _Program(task, log)
    try:
        with asyncio.Runner(loop_factory=_loop_factory(task.program.loop)) as runner:
            runner.run(program.live())
    except Exception:
        log("error", text=traceback.format_exc())
    program.after_the_loop()
    log("bye")
    signal.setitimer(signal.ITIMER_REAL, 0)


def _loop_factory(name: str) -> Any:
    if name == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


class _Program:
    def __init__(self, task: Task, log: ResultLog) -> None:
        self.task, self.plan, self.log = task, task.program, log
        self.submitter: Submitter | None = None
        self.stopping = threading.Event()
        self.sampler: threading.Thread | None = None

    async def live(self) -> None:
        total = 15.0 if self.plan.name == "last" else self.task.round.total
        token, base = self.plan.tokens[0], self.task.url
        client = Hellotext(token, base_url=base, timeouts=Timeouts(connect=2, read=total, total=total))
        if self.plan.name == "last":
            await self.drain_all(client)
            return
        queue = await self.opened(client)
        if queue is None:
            return
        submitter = self.submitter = Submitter(queue, self.log, durable=self.task.round.buffer != "memory")
        self.die_in_time()
        self.sample(queue)
        producers = [asyncio.create_task(submitter.produce(one)) for one in self.plan.producers]
        acts = [asyncio.create_task(self.act(one, client, queue)) for one in self.plan.acts]
        if not await self.end(client, queue, producers):
            return
        await self.all_over([*producers, *acts], submitter)
        await client.aclose()
        self.say_numbers(queue, final=True)

    async def opened(self, client: Hellotext) -> EventQueue | None:
        """The queue, once no other process has its spool."""
        loop = asyncio.get_running_loop()
        until = loop.time() + TIMEOUT
        while loop.time() < until:
            queue = self.queue(client)
            try:
                await queue.open()
            except SpoolBusy:
                await asyncio.sleep(0.02)
                continue
            self.log("open")
            return queue
        self.log("hang", what="SpoolBusy")
        return None

    def queue(self, client: Hellotext) -> EventQueue:
        each, folder = self.task.round, Path(self.task.folder)
        buffer = {
            "memory": lambda: None,
            "spool": lambda: SqliteSpool(folder / "events.db", durability=each.durability),
            "folder": lambda: SqliteSpool.in_folder(folder / "spools", durability=each.durability),
        }[each.buffer]()
        return client.event_queue(
            capacity=each.capacity,
            max_bytes=each.max_bytes,
            concurrency=each.concurrency,
            ordering=each.ordering,
            strict_order=each.strict_order,
            delivery=each.delivery,
            delivery_timeout=each.delivery_timeout,
            buffer=buffer,
            dead_letters=folder / "letters.jsonl",
            on_outcome=self.on_outcome if self.plan.hook else None,
            transport="pool" if each.pool else None,
        )

    def on_outcome(self, outcome: Outcome) -> None:
        self.log(
            "hook", id=outcome.event_id, key=outcome.context, verdict=outcome.verdict, marked=outcome.maybe_duplicated
        )

    # While it lives.

    def die_in_time(self) -> None:
        """A program that is to be killed kills itself, from a separate thread, at any point; unless the server does."""
        if self.plan.ending.way == "kill":
            timer = threading.Timer(self.plan.ending.at, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()

    async def act(self, act: Act, client: Hellotext, queue: EventQueue) -> None:
        await asyncio.sleep(act.at)
        try:
            if act.action == "set_token":
                client.set_token(self.plan.tokens[1])
            elif act.action == "flush":
                await queue.flush(timeout=0.3)
            else:
                await fork(act.action, queue, self.task, self.log)
        except HellotextError as error:
            self.log("act", action=act.action, error=type(error).__name__)

    def sample(self, queue: EventQueue) -> None:
        """Read the figures repeatedly, from the loop and from a thread."""
        if not self.plan.sampled:
            return

        def look() -> None:
            while not self.stopping.wait(0.003):
                try:
                    queue.stats()
                except Exception:
                    self.log("error", text=f"stats from a thread: {traceback.format_exc()}")
                    return

        async def look_too() -> None:
            while True:
                self.say_numbers(queue)
                await asyncio.sleep(0.002)

        self.sampler = threading.Thread(target=look, daemon=True)
        self.sampler.start()
        self.sampling = asyncio.create_task(look_too())

    def say_numbers(self, queue: EventQueue, *, final: bool = False) -> None:
        """Write those that do not add up, and the last ones."""
        stats = queue.stats()
        right = stats.accepted == sum(stats.outcomes.values()) + stats.queued + stats.in_flight
        right = right and min(stats.bytes, stats.queued, stats.in_flight, stats.pending) >= 0
        if final or not right:
            numbers = {name: getattr(stats, name) for name in stats.__struct_fields__[:6]}
            self.log("stats", right=right, final=final, **numbers)

    # Its end.

    async def end(self, client: Hellotext, queue: EventQueue, producers: list[asyncio.Task[None]]) -> bool:
        """End as planned; False: without closing anything."""
        ending = self.plan.ending
        await asyncio.sleep(60 if ending.way == "kill" else ending.at)
        if ending.way == "leave":
            self.log("leaving")
            return False
        self.log("closing")
        if ending.way == "drain":
            await asyncio.wait(producers, timeout=3)
            await queue.flush(timeout=3)
        elif ending.way == "cancelled close":
            await self._cancelled(queue.aclose(timeout=ending.timeout))
        elif ending.way == "client":
            await self._cancelled(client.aclose())
        report = await queue.aclose(timeout=ending.timeout)
        self.log("report", **{name: getattr(report, name) for name in report.__struct_fields__[:5]})
        return True

    async def _cancelled(self, closing: Any) -> None:
        task = asyncio.ensure_future(closing)
        await asyncio.wait([task], timeout=self.plan.ending.timeout / 2)
        task.cancel()
        await asyncio.wait([task])

    async def all_over(self, tasks: list[asyncio.Task[None]], submitter: Submitter) -> None:
        """The queue is closed: every waiter has its result soon."""
        _, late = await asyncio.wait(tasks, timeout=TIMEOUT)
        for task in late:
            self.log("hang", what=repr(task.get_coro()))
        await submitter.all_resolved(TIMEOUT)
        self.stopping.set()
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                self.log("error", text="".join(traceback.format_exception(error)))

    def after_the_loop(self) -> None:
        """Write the state of receipts when the loop has ended."""
        self.stopping.set()
        if self.submitter is not None:
            self.submitter.after_the_loop(TIMEOUT)

    # The last program.

    async def drain_all(self, client: Hellotext) -> None:
        """Deliver what all the others left, then put again the events without a result."""
        queues = []
        for _ in range(3 if self.task.round.buffer == "folder" else 1):
            queue = await self.opened(client)
            if queue is not None:
                queues.append(queue)
        for queue in queues:
            report = await queue.flush(timeout=TIMEOUT)
            if report.queued or report.in_flight:
                self.log("hang", what=f"the last flush: {report}")
        self.log("settled")
        submitter = Submitter(queues[0], self.log, durable=True)
        for offer in self.task.again:
            await submitter.put(submitter.offered(offer, "again"), offer)
        await submitter.all_resolved(TIMEOUT)
        for queue in queues:
            report = await queue.aclose()
            self.log("report", **{name: getattr(report, name) for name in report.__struct_fields__[:5]})
            self.say_numbers(queue, final=True)
        await client.aclose()
