"""A queue's use of a stream: its events come from the shards that it owns, and new ones go to whichever they belong to.

Rules. An event is in the stream until it has ended. What this process appends comes back by `load`
if its shard is owned here; if not, or not any more, it is kept elsewhere: another process has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from .._clock import boottime
from ..errors import ConfigurationError, QueueFull, SpoolError
from ..queue.entry import Entry, More, id_of
from ..queue.store import Appended, Finish, Loaded
from .appender import FULL, STORED, WAITS, Answer, Appender
from .commands import Ending
from .ending import end_tasks
from .holdings import Holdings
from .layout import digest
from .link import REPLY_TIMEOUT, Unreachable
from .members import Members
from .own import OwnEvents
from .pruning import prune
from .rate import SharedRate
from .reader import Item, Reader
from .record import outcome_from
from .stepper import Stepper
from .tenure import Tenure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..queue.settings import Settings
    from .location import StreamLocation

__all__ = ["RedisStore"]

CLOSE: Final = 5.0
"""Seconds that the server has to answer when a queue closes."""


class RedisStore:
    """One queue's use of a stream."""

    durable = True
    shared = True

    def __init__(self, stream: StreamLocation, settings: Settings) -> None:
        self._stream = stream
        self._ttl = stream.lease
        self._total = settings.attempt_seconds
        self._most, self._most_bytes = max(64, settings.capacity // 4), max(65536, settings.max_bytes // 4)
        if self._ttl < self._total * 1.25:
            raise ConfigurationError(
                f"lease: {self._ttl:g} s are too few for attempts of {self._total:g} s: set a quarter more"
            )
        self._wall = settings.wall
        self._loop = asyncio.get_running_loop()
        self._own = OwnEvents(lambda entry: self._held(entry) is not None)
        self._elsewhere: list[Loaded] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._limiter = settings.limiter
        self._news = asyncio.Event()
        self._unseen = 0

    # Its life.

    async def open(self, clock: float) -> int:
        """Join the fleet, and take what is free. SpoolError, ConfigurationError."""
        commands = self._commands = await self._stream.connect()
        members = self.members = Members(commands, self._ttl, self._changed)
        self._reader = Reader(commands, self._tenures, self._read, most=self._most, most_bytes=self._most_bytes)
        losses = self._stream.losses
        self._stepper = Stepper(commands, losses, self._tenures, members.end, members.begin_again, self._ttl)
        self._holdings = Holdings(self._stepper, self._total, members.beat_now, self._wall)
        self._appender = Appender(commands, losses, REPLY_TIMEOUT)
        try:
            await members.beat()
        except BaseException:
            await commands.link.aclose()
            raise
        self._epoch = members.server_ahead + boottime() - clock
        self._rate = None if self._limiter is None else SharedRate(commands, self._limiter(), lambda: self.workers)
        if self._rate is not None:
            await self._rate.open()
        runs = members.run(), self._stepper.run(), self._reader.run(), prune(commands.limits, members, self._stepper)
        for work in runs:
            task = self._loop.create_task(work, name="hellotext stream")
            self._tasks.append(task)
            task.add_done_callback(lambda _: self._news.set())
        return 0

    async def arrived(self) -> int:
        """Events of other processes that were read since the last call, when there are some. SpoolError."""
        while True:
            await self._news.wait()
            self._news.clear()
            for task in self._tasks:
                if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                    raise error
            count, self._unseen = self._unseen, 0
            return count

    def hurry(self) -> None:
        """A close has its own time limit."""

    async def close(self, clock: float, *, standing: bool) -> None:
        """Make everything durable and give the shards back, as far as the server answers."""
        if not self._tasks:  # it was never open
            return
        with suppress(TimeoutError, SpoolError, asyncio.CancelledError):
            async with asyncio.timeout(CLOSE):
                if any(tenure.pending or tenure.under_way for tenure in self._tenures()):
                    await self._stepper.committed()
        await end_tasks(self._tasks)
        self._appender.close()
        if self._rate is not None:
            await self._rate.aclose()
        await self.members.leave(CLOSE)
        await self._commands.link.aclose()

    def give_up(self) -> None:
        """Only the server knows what became of what was under way; the leases are renewed no more, and end."""
        if self._tasks and not self._loop.is_closed():
            self.members.stop()
            for task in self._tasks:
                task.cancel()

    @property
    def shards(self) -> tuple[int, ...]:
        """The shards whose events may be sent here."""
        return self.members.shards if self._tasks else ()

    @property
    def workers(self) -> int:
        """How many workers there were at the last beat."""
        return len(self.members.workers) if self._tasks else 0

    @property
    def lost(self) -> int:
        """Acknowledged events, at least, that the server is known to have lost."""
        return self._stream.lost

    def hand_over(self) -> None:
        """Take nothing more: what is in flight ends, what waits is kept elsewhere."""
        if not self._tasks:
            return
        self.members.leaving = True
        self.members.stop()
        self._changed()
        self.members.beat_now()

    def _tenures(self) -> Iterable[Tenure]:
        return self.members.tenures.values()

    def _changed(self) -> None:
        """Shards were taken, or go: what waits for those that are not ours is kept elsewhere."""
        self._reader.wake()
        gone = self._own.elsewhere()
        self._elsewhere += gone
        self._unseen += sum(one.arrived for one in gone)
        self._news.set()

    def _held(self, entry: Entry) -> Tenure | None:
        return self.members.held(self._commands.layout.shard_of(entry.subject, id_of(entry)))

    # New events.

    async def append(self, entries: Sequence[Entry]) -> Sequence[Appended]:
        """Keep new events; one answer each, in order."""
        answers: dict[Entry, Answer] = {}

        def on_answers(some: Sequence[Entry], found: Sequence[Answer]) -> None:
            answers.update(zip(some, found, strict=True))

        self._own.coming(entries)
        try:
            await self._appender.append(entries, [self._loop.time()] * len(entries), on_answers)
        finally:
            self._own.came(entries)
        self._reader.wake()
        self._news.set()
        return [self._appended(entry, answers[entry]) for entry in entries]

    def _appended(self, entry: Entry, answer: Answer) -> Appended:
        if answer == STORED:
            self._own.stored(entry)
            entry.key = 1
            return "stored"
        if answer == FULL:
            return QueueFull("the stream is full")
        if not isinstance(answer, str):
            return answer
        if answer == WAITS:
            first = self._own.join(entry)
            if first is None:
                self._loop.call_soon(self._changed)
            return first or "aside"
        ended = outcome_from(answer, id_of(entry), entry.action, entry.context)
        return ended or SpoolError("what the server remembers of the event's id cannot be read")

    def place(self, entry: Entry, *, crowded: bool) -> bool:
        """It waits in the stream, and comes back by `load` in its turn, or at once if another process has its shard."""
        if (elsewhere := self._own.placed(entry)) is not None:
            self._elsewhere.append(elsewhere)
        self._news.set()
        return True

    def waiting(self) -> Sequence[Entry]:
        """Events of this process that wait in the stream alone."""
        elsewhere = (loaded.entry for loaded in self._elsewhere)
        return [entry for entry in (*self._own.waiting(), *elsewhere) if entry.state == "aside"]

    # Events from the stream.

    def _read(self, items: list[Item]) -> None:
        """They were read: those of other processes are counted here, others when they are accepted."""
        for item in items:
            if item.stored is None or not self._own.has(item.stored.event_id):
                self._count(item, 1)
        self._news.set()

    def _count(self, item: Item, by: int) -> None:
        """Count an item as an event of another process, or not any more."""
        if item.counted != (by > 0):
            item.counted = by > 0
            self._unseen += by
            self._news.set()

    async def load(self, most: int, most_bytes: int) -> Sequence[Loaded]:
        """The next events that were read, in order."""
        found, self._elsewhere = self._elsewhere, []
        items, clock = self._reader.items, self.members.server_ahead + boottime() - self._epoch
        while items and len(found) < most and most_bytes > 0:
            first = items[0].stored
            if first is not None and self._own.undecided(first.event_id):
                break
            item = self._reader.take()
            most_bytes -= item.size
            if not item.tenure.active:
                self._count(item, -1)
            elif (loaded := self._loaded(item, clock)) is not None:
                found.append(loaded)
        if items and found:
            self._news.set()
        return found

    def _loaded(self, item: Item, clock: float) -> Loaded | None:
        stored, tenure = item.stored, item.tenure
        if stored is None:
            return self._holdings.hold_damaged(item, clock)
        event_id = stored.event_id
        if self._own.withdrawn(event_id):
            tenure.end(Ending(item.entry, item.size, digest(event_id), ""))
            self._stepper.wake()
            return None
        entry, own = self._own.take(event_id)
        if not own:
            self._count(item, 1)
        at = min(int(item.entry.partition("-")[0]) / 1000 - self._epoch, clock)
        if entry is None:
            more = More(event_id, stored.has_caller_id, 1)
            entry = Entry(stored.action, stored.body, stored.subject, stored.idempotency, at, more=more)
        else:
            entry.body, entry.subject, entry.idempotency = stored.body, stored.subject, stored.idempotency
            entry.at, entry.key = at, 1
        if stored.has_caller_id:
            self._own.read(entry)
        return self._holdings.hold(entry, item, arrived=not own)

    # Attempts and ends.

    def mark(self, entry: Entry) -> Coroutine[Any, Any, float | None]:
        """Until when it may be written; None: the shard is not ours, and the event is kept elsewhere."""
        return self._holdings.mark(entry)

    async def requeue(self, entries: Sequence[Entry]) -> None:
        """Events that were marked wait to be sent again."""
        await self._holdings.requeue(entries)

    async def finish(self, entries: Sequence[Entry], ends: Sequence[Finish | None]) -> None:
        """The events have ended: the stream has them no more, and remembers how they ended."""
        for withdrawn in await self._holdings.finish(entries, ends):
            # A `put` was cancelled when the server had the event: it ends when it is read.
            self._own.withdraw(withdrawn)
            self._news.set()

    async def allow_resubmission(self, event_id: str) -> None:
        """An event that ended badly may be appended again under its id."""
        with suppress(Unreachable):
            await self._commands.free_id(digest(event_id), self.members.server_ahead + boottime())

    async def pause(self, clock: float, *, standing: bool) -> None:
        """The token is refused, or another is there: others deliver meanwhile, if there are any."""
        self.members.standing = standing
        self.members.beat_now()
