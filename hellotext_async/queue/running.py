"""A queue that runs: its parts put together, flushing, closing and dying.

Rules. A part asks only those below it: intake, loader, worker, settler, store and core. If a task of the
queue ends unexpectedly the queue dies: events in memory end as abandoned, stored ones are kept,
and nothing waits for ever. A close takes nothing that is durable away.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from .. import _process
from .._log import logger
from ..errors import HellotextError, QueueClosed
from . import left_behind
from .core import Core
from .decide import Rules
from .entry import Entry
from .intake import Intake
from .loader import Loader
from .outcome import Report, Stats
from .receipt import Receipt, dropped
from .settler import Settler, notify
from .standing import stats_of
from .tasks import Tasks, in_turns
from .worker import Worker

if TYPE_CHECKING:
    from .._events.event import Event
    from .attempts import Attempts
    from .letters import LetterFile
    from .settings import Settings
    from .store import Store

__all__ = ["Running"]

LAST_LOAD: Final = 5.0
"""Seconds that a close waits for what is being read from the store."""

_log = logger("hellotext_async.queue")


class Running:
    """The running inside of a queue, bound to the loop it was made in."""

    def __init__(self, settings: Settings, attempts: Attempts, store: Store, letters: LetterFile | None) -> None:
        self.loop = asyncio.get_running_loop()
        self._process = _process.current_process
        self.core = Core(settings, durable=store.durable)
        self.death: QueueClosed | None = None
        """The error of an event that is handed in after the queue died: it is stored nowhere."""
        self._receipts: WeakValueDictionary[Entry, Receipt] = WeakValueDictionary()
        self._judged = self._left_behind = False
        self._leaving: Iterator[None] = iter(())
        self._store, self._letters, self._wall = store, letters, settings.wall
        self._rules = Rules(settings.delivery, settings.delivery_timeout, random.uniform)
        self._tasks = Tasks(self._die, self._dead)
        self._settler = Settler(self.core, store, letters, settings)
        self._worker = Worker(
            self.core,
            self._rules,
            store,
            attempts,
            self._settler,
            self._tasks,
            concurrency=settings.concurrency,
            idempotency_keys=settings.idempotency_keys,
        )
        self.intake = Intake(self.core, store, self._settler, self._worker)
        self._loader = Loader(self.core, self._rules, store, self._settler, self._worker)
        self._opened: asyncio.Future[None] = self.loop.create_future()
        self._tasks.spawn(self._run())
        self._settler.start(self._tasks)
        left_behind.opened(self)

    async def _run(self) -> None:
        """Take possession of the store, then let in what has room: what it holds, and the calls that wait."""
        found = await self._store.open(self._worker.now())
        if self._letters is not None:
            self._letters.check()
        self.core.found(found)
        self._opened.set_result(None)
        if self._store.durable:
            self._tasks.spawn(self.intake.append())
        if self._store.shared:
            self._tasks.spawn(self._loader.watch())
        self._settler.freed.set()
        while True:
            await self._settler.freed.taken()
            self.intake.admit()
            await self._loader.load()

    def hand_over(self) -> None:
        """Leave to other processes what is not in flight."""
        if self._store.shared and self.death is None:
            self._worker.hand_over()

    async def opened(self) -> None:
        """Return when possession is taken; SpoolBusy, SpoolError, ConfigurationError, QueueClosed if it died first."""
        await asyncio.shield(self._opened)

    def receipt(self, entry: Entry) -> Receipt:
        """The receipt of an event; one with an id of the caller's has one for all calls that submit it."""
        if entry.more is None or not entry.more.has_caller_id:
            return Receipt(entry, self.loop)
        return self._receipts.get(entry) or self._receipts.setdefault(entry, Receipt(entry, self.loop))

    def drop(self, event: Event, context: object) -> Receipt:
        """`before_send` does not want the event: it is counted, and was never accepted."""
        self.core.dropped += 1
        return dropped(event, context, self.loop)

    def resume(self) -> None:
        """Go on after a suspension."""
        self._worker.resume()

    # How things stand.

    @property
    def _stopped(self) -> bool:
        return self._worker.suspension is not None or self.death is not None

    async def flush(self, timeout: float | None) -> Report:
        """Wait for what has not ended by now, for `timeout` seconds, or for a suspension."""
        flush = self.core.flush()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if timeout == inf else timeout):
                    await self._settler.settled.until(lambda: flush.over or self._stopped)
        finally:
            self.core.flushes.remove(flush)
        return self.report()

    async def settled(self) -> None:
        """Return when every event has ended, or the queue is dead, or suspended and every request answered."""
        await self._settler.settled.until(
            lambda: self.core.idle or (self._stopped and (self.death is not None or not self.core.in_flight))
        )

    async def failure(self) -> HellotextError:
        """Wait until the queue has died, and return why."""
        await self._settler.settled.until(lambda: self.death is not None)
        return QueueClosed(str(self.death), kept=self._store.durable)

    @property
    def left(self) -> int:
        """Accepted events that have not ended."""
        return self.core.queued + len(self.core.in_flight)

    def stats(self) -> Stats:
        """The queue at this moment, for any thread."""
        return stats_of(self.core, self._worker, self._store, self.loop.time, self._wall)

    def report(self, *, kept: int = 0) -> Report:
        """How things stand, for a flush or a close."""
        return Report(
            outcomes=dict(self.core.outcomes),
            kept=kept,
            queued=self.core.queued,
            in_flight=len(self.core.in_flight),
            suspended=self._worker.suspension is not None,
            error=self._worker.suspension,
        )

    # The end.

    async def close(self, timeout: float, cut_short: asyncio.Event) -> Report:
        """Deliver what there is for up to `timeout` seconds, or until the close is `cut_short`; then `aclose`."""
        waits = [asyncio.ensure_future(self.settled()), asyncio.ensure_future(cut_short.wait())]
        with suppress(asyncio.CancelledError):  # a program that cancels all its tasks waits no longer
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        return await self.aclose()

    async def aclose(self) -> Report:
        """Cut off what is in flight, end or keep what is left, and make everything durable.

        A store that fails, or a program that cancels this task with all others, is the queue's death.
        """
        self._loader.stop()
        if self._let_go():
            return self.report()
        self._store.hurry()
        try:
            if self.death is None:
                await self._wind_down()
            self._tasks.cancel()
            await self._store.close(self._worker.now(), standing=self._worker.suspension is not None)
        except asyncio.CancelledError:
            self._die(None)
        except Exception as error:
            self._die(error)
        while self.death is not None and not self._judged:
            with suppress(asyncio.CancelledError):
                await self._settler.settled.until(lambda: self._judged)
        if self._letters is not None:
            with suppress(asyncio.CancelledError):
                await self._settler.try_letters(self._letters)
            self._letters.close()
        if self._store.durable:
            await in_turns(self._keep_all(QueueClosed(kept=True)))
        self._settler.settled.check()
        left_behind.over(self)
        return self.report(kept=self.left)

    async def _wind_down(self) -> None:
        """What is being appended is appended; calls that wait for room are refused, what is in flight is cut off."""
        self.intake.close(QueueClosed(kept=False))
        await self._unless_dead(lambda: not (self.core.pending or self.intake.withdrawn))
        await self._worker.stop()
        await self._store.requeue(self._worker.cut_off())
        # What is being read is neither in the store nor here: cut off, its receipts would never resolve.
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_LOAD):
                await self._unless_dead(lambda: not self._loader.reading)
        if self.death is None:
            if not self._store.durable:
                self._leaving = self._worker.abandon_all(QueueClosed(kept=False))
                await in_turns(self._leaving)
            await self._unless_dead(lambda: not self.core.in_flight)

    async def _unless_dead(self, holds: Callable[[], bool]) -> None:
        """Return when it holds, or the queue died."""
        await self._settler.settled.until(lambda: self.death is not None or holds())

    def _keep_all(self, error: HellotextError) -> Iterator[None]:
        """Resolve the receipts of events that are kept, step by step."""
        for entry in chain([*self.core.order, *self.core.in_flight], self._store.waiting()):
            self.core.keep(entry, error)
            notify(entry)
            yield

    def _die(self, error: BaseException | None, cause: str = "its task was cancelled") -> None:
        if self._let_go() or self.death is not None:
            return
        if error is not None:
            cause = str(error) if isinstance(error, HellotextError) else type(error).__name__
        what = "died" if self._opened.done() else "was not opened"
        self.death = QueueClosed(f"the queue {what} ({cause})")
        nowhere = error if isinstance(error, HellotextError) else self.death
        left = len(self.core.pending) + self.left
        if left or (self._opened.done() and not self._left_behind):  # else the caller of `open` has the error
            trace = None if isinstance(error, HellotextError) else error
            _log.error("event queue %s (%s) with %d events undelivered", what, cause, left, exc_info=trace)
        if not self._opened.done() and not self.loop.is_closed():
            self._opened.set_exception(nowhere)
            self._opened.exception()  # perhaps it was never awaited
        self._worker.halt()
        last = self._store.give_up()
        self.intake.fail(nowhere, last)
        if last is not None:
            self._settler.fail(last, self.loop.time())
        if not self._left_behind:
            self._tasks.cancel()

    def _let_go(self) -> bool:
        """In a forked child, let the copy go: the events and the letters are its parent's. Whether it was one."""
        if self._process is _process.current_process:
            return False
        if self.death is None:
            self.death, self._judged, self._letters = QueueClosed("the queue is another process's"), True, None
            self._worker.halt()
            self._settler.settled.check()
        return True

    def leave_behind(self) -> None:
        """The loop is over and its tasks stand still for ever: the queue dies, and all that it holds has an end."""
        if self._judged:
            return
        self._left_behind = True
        self._worker.interrupt_all()
        self._die(None, "its event loop ended")
        self._tasks.forget()

    def _dead(self) -> None:
        """All tasks have ended: what they held is judged."""
        if self.death is None or self._judged:
            return
        self._judged = True
        if self._store.durable:
            left = self._keep_all(QueueClosed(str(self.death), kept=True))
        else:
            self._worker.cut_off()
            left = chain(self._leaving, self._worker.abandon_all(self.death))
        for _ in left:
            pass  # at once: the loop may be ending
        if not self._store.durable:
            self._settler.settle_now(self.loop.time())
        self._settler.settled.check()
