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
from .handing import Handing
from .plan import Act, Task
from .voice import Voice

__all__ = ["run"]

PATIENCE: Final = 40.0
"""Seconds after which something that should have ended long ago counts as hanging."""

LONGEST: Final = 200.0
"""Seconds after which a program that hangs as a whole prints its location, and ends."""


def run(path: str) -> None:
    """Run the program of this task."""
    faulthandler.register(signal.SIGALRM, chain=True)  # its thread would not survive a fork
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    task = msgspec.json.decode(Path(path).read_bytes(), type=Task)
    voice = Voice(task.results)
    program = _Program(task, voice)
    try:
        with asyncio.Runner(loop_factory=_loop_factory(task.program.loop)) as runner:
            runner.run(program.live())
    except Exception:
        voice("error", text=traceback.format_exc())
    program.after_the_loop()
    voice("bye")
    signal.setitimer(signal.ITIMER_REAL, 0)


def _loop_factory(name: str) -> Any:
    if name == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


class _Program:
    def __init__(self, task: Task, voice: Voice) -> None:
        self.task, self.plan, self.voice = task, task.program, voice
        self.handing: Handing | None = None
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
        handing = self.handing = Handing(queue, self.voice, durable=self.task.round.buffer != "memory")
        self.die_in_time()
        self.sample(queue)
        producers = [asyncio.create_task(handing.produce(one)) for one in self.plan.producers]
        acts = [asyncio.create_task(self.act(one, client, queue)) for one in self.plan.acts]
        if not await self.end(client, queue, producers):
            return
        await self.all_over([*producers, *acts], handing)
        await client.aclose()
        self.say_numbers(queue, final=True)

    async def opened(self, client: Hellotext) -> EventQueue | None:
        """The queue, once no other process has its spool."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        while loop.time() < until:
            queue = self.queue(client)
            try:
                await queue.open()
            except SpoolBusy:
                await asyncio.sleep(0.02)
                continue
            self.voice("open")
            return queue
        self.voice("hang", what="SpoolBusy")
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
        self.voice(
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
            if act.deed == "set_token":
                client.set_token(self.plan.tokens[1])
            elif act.deed == "flush":
                await queue.flush(timeout=0.3)
            else:
                await fork(act.deed, queue, self.task, self.voice)
        except HellotextError as error:
            self.voice("act", deed=act.deed, error=type(error).__name__)

    def sample(self, queue: EventQueue) -> None:
        """Read the figures repeatedly, from the loop and from a thread."""
        if not self.plan.sampled:
            return

        def look() -> None:
            while not self.stopping.wait(0.003):
                try:
                    queue.stats()
                except Exception:
                    self.voice("error", text=f"stats from a thread: {traceback.format_exc()}")
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
            self.voice("stats", right=right, final=final, **numbers)

    # Its end.

    async def end(self, client: Hellotext, queue: EventQueue, producers: list[asyncio.Task[None]]) -> bool:
        """End as planned; False: without closing anything."""
        ending = self.plan.ending
        await asyncio.sleep(60 if ending.way == "kill" else ending.at)
        if ending.way == "leave":
            self.voice("leaving")
            return False
        self.voice("closing")
        if ending.way == "drain":
            await asyncio.wait(producers, timeout=3)
            await queue.flush(timeout=3)
        elif ending.way == "cancelled close":
            await self._cancelled(queue.aclose(timeout=ending.timeout))
        elif ending.way == "client":
            await self._cancelled(client.aclose())
        report = await queue.aclose(timeout=ending.timeout)
        self.voice("report", **{name: getattr(report, name) for name in report.__struct_fields__[:5]})
        return True

    async def _cancelled(self, closing: Any) -> None:
        task = asyncio.ensure_future(closing)
        await asyncio.wait([task], timeout=self.plan.ending.timeout / 2)
        task.cancel()
        await asyncio.wait([task])

    async def all_over(self, tasks: list[asyncio.Task[None]], handing: Handing) -> None:
        """The queue is closed: every waiter has its result soon."""
        _, late = await asyncio.wait(tasks, timeout=PATIENCE)
        for task in late:
            self.voice("hang", what=repr(task.get_coro()))
        await handing.all_resolved(PATIENCE)
        self.stopping.set()
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                self.voice("error", text="".join(traceback.format_exception(error)))

    def after_the_loop(self) -> None:
        """Write the state of receipts when the loop has ended."""
        self.stopping.set()
        if self.handing is not None:
            self.handing.after_the_loop(PATIENCE)

    # The last program.

    async def drain_all(self, client: Hellotext) -> None:
        """Deliver what all the others left, then put again the events without a result."""
        queues = []
        for _ in range(3 if self.task.round.buffer == "folder" else 1):
            queue = await self.opened(client)
            if queue is not None:
                queues.append(queue)
        for queue in queues:
            report = await queue.flush(timeout=PATIENCE)
            if report.queued or report.in_flight:
                self.voice("hang", what=f"the last flush: {report}")
        self.voice("settled")
        handing = Handing(queues[0], self.voice, durable=True)
        for offer in self.task.again:
            await handing.put(handing.offered(offer, "again"), offer)
        await handing.all_resolved(PATIENCE)
        for queue in queues:
            report = await queue.aclose()
            self.voice("report", **{name: getattr(report, name) for name in report.__struct_fields__[:5]})
            self.say_numbers(queue, final=True)
        await client.aclose()
