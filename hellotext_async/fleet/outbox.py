"""Events on their way from a producer to the server: grouped, in order, and waiting for room where there is none.

Rules. One command at a time, with what came meanwhile: events keep their order. An event for which
its shard has no room holds up the shard's later ones, and no others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from .._log import logger
from ..errors import NotAccepted, QueueFull, SpoolError
from ..queue.entry import Entry, id_of, more_of
from ..queue.settler import notify, notify_accepted
from ..queue.tasks import Flag
from .appender import FULL, STORED, WAITS, Answer
from .ending import end_tasks
from .record import outcome_from

if TYPE_CHECKING:
    from .appender import Appender
    from .layout import Layout

__all__ = ["Outbox"]

_log = logger("hellotext_async.fleet")

SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0


class Outbox:
    """The events of one producer that the server has not acknowledged."""

    def __init__(
        self, appender: Appender, layout: Layout, on_stored: Callable[[Entry], None], *, wait_for_room: bool
    ) -> None:
        self._appender = appender
        self._layout = layout
        self._on_stored = on_stored
        self._waits = wait_for_room
        self._loop = asyncio.get_running_loop()
        self.pending: set[Entry] = set()
        """What waits for the server's reply, or for room."""
        self._new: list[Entry] = []
        self._blocked: list[Entry] = []
        self._retry_at, self._pause, self._room = 0.0, SHORTEST_PAUSE, True
        self._wake = Flag()
        self._change: asyncio.Future[None] | None = None
        self.accepted = 0
        self.closed = False
        self._appending = self._loop.create_task(self._append(), name="hellotext producer")
        self._appending.add_done_callback(self._end)

    def add(self, entry: Entry) -> None:
        """One more, that waits since its `at`."""
        self.pending.add(entry)
        if not self._new:
            self._wake.set()
        self._new.append(entry)

    async def change(self) -> None:
        """Return when one of them waits no more, or the outbox is closed."""
        if self._change is None:
            self._change = self._loop.create_future()
        await asyncio.shield(self._change)

    def _changed(self) -> None:
        if self._change is not None:
            self._change.set_result(None)
            self._change = None

    async def aclose(self, timeout: float) -> None:
        """Wait for replies for `timeout` seconds; what got none by then is NotAccepted."""
        until = self._loop.time() + timeout
        while self.pending and self._loop.time() < until and not self._appending.done():
            await asyncio.wait([asyncio.ensure_future(self.change())], timeout=until - self._loop.time())
        await end_tasks([self._appending])

    def _end(self, appending: asyncio.Task[None]) -> None:
        """Nothing is appended any more: the producer is closed, or the program cancelled all its tasks."""
        self.closed = True
        self._appender.close()
        if not appending.cancelled() and (error := appending.exception()) is not None:
            _log.error("a producer ended (%s)", type(error).__name__)
        for entry in list(self.pending):
            self._refuse(entry, NotAccepted("the producer was closed before the server answered", may_be_accepted=True))
        self._changed()

    async def _append(self) -> None:
        """One command after the other, with what came meanwhile."""
        while True:
            await self._wake.taken()
            batch = self._next()
            full: list[Entry] = []
            if batch:
                await self._appender.append(batch, [entry.at for entry in batch], partial(self._answered, full))
            if full:
                self._wait_for_room(full)

    def _next(self) -> list[Entry]:
        """What is to be sent now; behind events that wait for room of their shard, others of it wait too."""
        batch, self._new = self._new, []
        if self._blocked and self._loop.time() >= self._retry_at:
            batch, self._blocked = self._blocked + batch, []
        if not self._blocked:
            return batch
        shards = {self._shard(entry) for entry in self._blocked}
        self._blocked += [entry for entry in batch if self._shard(entry) in shards]
        return [entry for entry in batch if self._shard(entry) not in shards]

    def _shard(self, entry: Entry) -> int:
        return self._layout.shard_of(entry.subject, id_of(entry))

    def _wait_for_room(self, full: list[Entry]) -> None:
        """Try again later; sooner after events found room."""
        self._pause = SHORTEST_PAUSE if not self._blocked and self._room else min(LONGEST_PAUSE, self._pause * 2)
        self._room = False
        self._blocked = full + self._blocked
        self._retry_at = self._loop.time() + self._pause
        self._loop.call_later(self._pause + 0.001, self._wake.set)

    def _answered(self, full: list[Entry], entries: Sequence[Entry], answers: Sequence[Answer]) -> None:
        for entry, answer in zip(entries, answers, strict=True):
            if answer == STORED:
                self._accept(entry)
                self.accepted += 1
            elif answer == WAITS:
                self._accept(entry)
            elif isinstance(answer, NotAccepted):
                self._refuse(entry, answer)
            elif answer != FULL:
                self._ended_before(entry, answer)
            elif self._waits:
                entry.at = self._loop.time()  # its time begins anew: the server has answered
                full.append(entry)
            else:
                self._refuse(entry, QueueFull("the stream is full"))
        self._changed()

    def _accept(self, entry: Entry) -> None:
        self._room = True
        self.pending.discard(entry)
        more = more_of(entry)
        more.key = 1
        entry.state, entry.body = "aside", b""
        if more.watch is not None:
            notify_accepted(entry)  # first: what only its acceptance was waited for is not followed
        self._on_stored(entry)

    def _ended_before(self, entry: Entry, answer: str) -> None:
        ended = outcome_from(answer, id_of(entry), entry.action, entry.context)
        if ended is None:
            self._refuse(entry, NotAccepted("the server's answer is unknown", may_be_accepted=True))
            return
        self.pending.discard(entry)
        entry.state, entry.body = "ended", b""
        entry.end = ended
        notify(entry)

    def _refuse(self, entry: Entry, error: NotAccepted | QueueFull | SpoolError) -> None:
        self.pending.discard(entry)
        entry.state, entry.end, entry.body = "refused", error, b""
        notify(entry)
