"""A queue's use of a stream: its events come from the shards that it owns, and new ones go to whichever they belong to.

Rules. An event is in the stream until it has ended. What this process appends comes back by `load`
if its shard is owned here; if not, or not any more, it is kept elsewhere: another process has it.
An event is marked before its request is written, under the lease of its shard, and is written
only while that lease outlasts a whole attempt.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import msgspec

from .._clock import boottime
from .._policy.evidence import Attempt
from ..errors import ConfigurationError, QueueFull, SpoolError
from ..queue.entry import Entry, Trouble, id_of
from ..queue.outcome import Outcome
from ..queue.store import Appended, Finish, Loaded
from .appender import FULL, STORED, WAITS, Answer, Appender
from .commands import Ending
from .ending import end_tasks
from .layout import digest
from .letters import encode_letter
from .link import REPLY_TIMEOUT, Unreachable
from .members import Members
from .reader import Item, Reader
from .record import Mark, verdict_from, verdict_text
from .stepper import Stepper
from .tenure import Tenure

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from ..queue.settings import Settings
    from .commands import Commands
    from .stream import RedisStream

__all__ = ["RedisStore"]

POISON: Final = 3
"""Owners that were lost while an event was in flight, after which it is not tried again."""

PRUNE: Final = 60.0
"""Seconds between two looks for ids that are older than the window."""

CLOSE: Final = 5.0
"""Seconds that the server has to answer when a queue closes."""

_LOST: Final = Attempt("uncertain", reason="its worker ended while it was being sent")
_POISON: Final = Attempt("uncertain", reason=f"poison: {POISON} workers ended while it was being sent")


class _Place(msgspec.Struct, frozen=True):
    """Where an event in memory is kept: its tenure, its entry, the bytes counted for it, and whether it can be read."""

    tenure: Tenure
    entry: str
    size: int
    readable: bool
    lost_owners: int = 0


class RedisStore:
    """One queue's use of a stream."""

    durable = True
    shared = True

    def __init__(self, stream: RedisStream, settings: Settings) -> None:
        self._stream = stream
        self._ttl = stream.lease
        self._total = settings.attempt_seconds
        self._most, self._most_bytes = max(64, settings.capacity // 4), max(65536, settings.max_bytes // 4)
        if self._ttl < self._total * 1.25:
            raise ConfigurationError(
                f"lease: {self._ttl:g} s are too few for attempts of {self._total:g} s: set a quarter more"
            )
        self._loop = asyncio.get_running_loop()
        self._numbers = 0
        self._places: dict[int, _Place] = {}
        self._own: dict[str, Entry] = {}
        self._unplaced: dict[str, Entry] = {}
        self._coming: dict[str, Entry] = {}
        self._joined: dict[str, Entry] = {}
        self._by_id: WeakValueDictionary[str, Entry] = WeakValueDictionary()
        self._withdrawn: set[str] = set()
        self._elsewhere: list[Loaded] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._unseen = 0
        self._pruned = 0.0

    # Its life.

    async def open(self, clock: float) -> int:
        """Join the fleet, and take what is free. SpoolError, ConfigurationError."""
        self._commands: Commands = await self._stream.connect()
        losses = self._stream.losses
        self.members = Members(self._commands, self._ttl, self._changed)
        self._reader = Reader(
            self._commands, self._tenures, self._read, most=self._most, most_bytes=self._most_bytes
        )  # fmt: skip
        self._stepper = Stepper(self._commands, losses, self._tenures, self._lost, self._ttl)
        self._appender = Appender(self._commands, losses, REPLY_TIMEOUT)
        await self.members.beat()
        self._epoch = self.members.server_ahead + boottime() - clock
        for work in (self.members.run(), self._stepper.run(), self._reader.run(), self._prune()):
            self._spawn(work)
        return 0

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work, name="hellotext stream")
        self._tasks.append(task)
        task.add_done_callback(lambda _: self._news.set())

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

    async def close(self, clock: float, *, standing: bool) -> None:
        """Make everything durable and give the shards back, as far as the server answers."""
        try:
            async with asyncio.timeout(CLOSE):
                if any(tenure.pending for tenure in self._tenures()):
                    await self._stepper.committed()
        except (TimeoutError, SpoolError, asyncio.CancelledError):
            pass
        await end_tasks(self._tasks)
        if self._tasks:
            await self.members.leave(CLOSE)
            await self._commands.link.aclose()

    def give_up(self) -> None:
        """Only the server knows what became of what was under way; its leases end by themselves."""

    def drain(self) -> None:
        """Take nothing more: what is in flight ends, what waits is kept elsewhere."""
        self.members.leaving = True
        for tenure in self._tenures():
            tenure.leaving = True
        self._changed()
        self.members.hurry()

    def _tenures(self) -> Iterable[Tenure]:
        return self.members.tenures.values()

    def _lost(self, tenure: Tenure) -> None:
        self.members.end(tenure)

    def _changed(self) -> None:
        """Shards were taken, or go: what waits for those that are not ours is kept elsewhere."""
        self._reader.wake()
        for waiting, arrived in ((self._own, False), (self._joined, True)):
            for event_id, entry in list(waiting.items()):
                if entry.state == "aside" and self._held(entry) is None:
                    del waiting[event_id]
                    self._elsewhere.append(Loaded(entry, elsewhere=True, arrived=arrived))
                    self._unseen += arrived
        self._news.set()

    def _held(self, entry: Entry) -> Tenure | None:
        return self.members.held(self._commands.layout.shard_of(entry.subject, id_of(entry)))

    # New events.

    async def append(self, entries: Sequence[Entry]) -> Sequence[Appended]:
        """Keep new events; one answer each, in order."""
        answers: dict[Entry, Answer] = {}
        now = self._loop.time()
        for entry in entries:
            self._coming[id_of(entry)] = entry
        try:
            await self._appender.append([(entry, now) for entry in entries], answers.__setitem__)
        finally:
            for entry in entries:
                self._coming.pop(id_of(entry), None)
        found: list[Appended] = [self._appended(entry, answers[entry]) for entry in entries]
        self._reader.wake()
        self._news.set()
        return found

    def _appended(self, entry: Entry, answer: Answer) -> Appended:
        if answer == STORED:
            self._unplaced[id_of(entry)] = entry
            self._numbers += 1
            entry.key = self._numbers
            return "stored"
        if answer == FULL:
            return QueueFull("the stream is full")
        if not isinstance(answer, str):
            return answer
        if answer == WAITS:
            return self._join(entry)
        ended = verdict_from(answer)
        if ended is None:
            return SpoolError("what the server remembers of the event's id cannot be read")
        return Outcome(verdict=ended[0], event_id=id_of(entry), action=entry.action, attempts=ended[1])

    def _join(self, entry: Entry) -> Appended:
        """An event with this id waits already: this one ends as that does."""
        event_id = id_of(entry)
        first = self._by_id.get(event_id) or self._own.get(event_id) or self._joined.get(event_id)
        if first is not None and not first.over:
            return first
        self._joined[event_id] = entry
        self._loop.call_soon(self._changed)
        return "aside"

    def place(self, entry: Entry, *, crowded: bool) -> bool:
        """It waits in the stream, and comes back by `load` in its turn."""
        self._own[id_of(entry)] = self._unplaced.pop(id_of(entry), entry)
        if self._held(entry) is None:
            self._changed()
        self._news.set()
        return True

    def waiting(self) -> Sequence[Entry]:
        """Events of this process that wait in the stream alone."""
        elsewhere = (loaded.entry for loaded in self._elsewhere)
        return [entry for entry in (*self._own.values(), *self._joined.values(), *elsewhere) if entry.state == "aside"]

    # Events from the stream.

    def _read(self, items: list[Item]) -> None:
        """They were read: those of other processes are counted here, others when they are accepted."""
        for item in items:
            if not self._is_own(item):
                self._count(item, 1)
        self._news.set()

    def _is_own(self, item: Item) -> bool:
        if item.stored is None:
            return False
        event_id = item.stored.event_id
        return any(event_id in ours for ours in (self._own, self._coming, self._unplaced, self._withdrawn))

    def _count(self, item: Item, by: int) -> None:
        """Count an item as an event of another process, or not any more."""
        if item.counted != (by > 0):
            item.counted = by > 0
            self._unseen += by
            self._news.set()

    async def load(self, most: int, most_bytes: int) -> Sequence[Loaded]:
        """The next events that were read, in order."""
        found, self._elsewhere = self._elsewhere, []
        items = self._reader.items
        while items and len(found) < most and most_bytes > 0:
            if self._blocked(items[0]):
                break
            item = self._reader.take()
            most_bytes -= item.size
            if not item.tenure.active:
                self._count(item, -1)
            elif (loaded := self._loaded(item)) is not None:
                found.append(loaded)
        if items and found:
            self._news.set()
        return found

    def _blocked(self, item: Item) -> bool:
        """Whether it is one of our own whose acceptance is not over yet."""
        if item.stored is None:
            return False
        own = self._coming.get(item.stored.event_id) or self._unplaced.get(item.stored.event_id)
        return own is not None and own.state in ("pending", "stored")

    def _loaded(self, item: Item) -> Loaded | None:
        stored, tenure = item.stored, item.tenure
        if stored is None:
            return self._damaged(item)
        event_id = stored.event_id
        if event_id in self._withdrawn:
            self._withdrawn.discard(event_id)
            tenure.end(Ending(item.entry, item.size, digest(event_id), ""))
            self._stepper.wake()
            return None
        own = self._own.pop(event_id, None)
        if own is None:
            self._count(item, 1)
        entry = own or self._joined.pop(event_id, None)
        if entry is None:
            entry = Entry(stored.action, stored.body, stored.subject, stored.idempotency, 0.0, event_id, stored.given)
        entry.body, entry.subject, entry.idempotency = stored.body, stored.subject, stored.idempotency
        entry.at = min(int(item.entry.partition("-")[0]) / 1000 - self._epoch, self._clock())
        mark = tenure.left.pop(item.entry, None)
        self._place(entry, item, mark)
        if stored.given:
            self._by_id[event_id] = entry
        return Loaded(
            entry,
            was_in_flight=mark is not None and mark.in_flight,
            damaged=mark is not None and mark.in_flight and mark.lost_owners + 1 >= POISON,
            arrived=own is None,
        )

    def _clock(self) -> float:
        return self.members.server_ahead + boottime() - self._epoch

    def _place(self, entry: Entry, item: Item, mark: Mark | None, *, readable: bool = True) -> None:
        lost_owners = 0
        if mark is not None:
            lost_owners = mark.lost_owners + mark.in_flight
            doubts = mark.doubts + mark.in_flight
            doubt = None if not doubts else _POISON if lost_owners >= POISON else _LOST
            entry.trouble = Trouble(attempts=mark.attempts, doubt=doubt, doubts=doubts, last=doubt)
        self._numbers += 1
        entry.key = self._numbers
        self._places[entry.key] = _Place(item.tenure, item.entry, item.size, readable, lost_owners)

    def _damaged(self, item: Item) -> Loaded:
        entry = Entry("", b"{}", None, "at_most_once", self._clock(), f"damaged-{item.entry}", False)
        self._place(entry, item, None, readable=False)
        return Loaded(entry, damaged=True, arrived=True)

    # Attempts and ends.

    async def mark(self, entry: Entry) -> float | None:
        """Until when it may be written; None: the shard is not ours, and the event is kept elsewhere."""
        place = self._places.get(entry.key)
        if place is None:
            return None
        tenure = place.tenure
        if tenure.active:
            trouble = entry.trouble
            attempts, doubts = (1, 0) if trouble is None else (trouble.attempts + 1, trouble.doubts)
            mark = Mark(tenure.epoch, attempts, doubts, place.lost_owners, in_flight=True)
            tenure.mark(place.entry, mark)
            await self._stepper.committed()
        if not tenure.alive or place.entry not in tenure.in_flight:
            self._places.pop(entry.key, None)
            return None
        return tenure.until - self._total

    async def requeue(self, entries: Sequence[Entry]) -> None:
        """Events that were marked wait to be sent again."""
        waits = False
        for entry in entries:
            place = self._places.get(entry.key)
            if place is None or not place.tenure.alive:
                continue
            trouble, epoch = entry.trouble, place.tenure.epoch
            mark = None if trouble is None else Mark(epoch, trouble.attempts, trouble.doubts, place.lost_owners)
            place.tenure.mark(place.entry, mark)
            self._after(place.tenure)
            waits = True
        if waits:
            await self._stepper.committed()

    async def finish(self, entries: Sequence[Entry], ends: Sequence[Finish | None]) -> None:
        """The events have ended: the stream has them no more, and remembers how they ended."""
        waits = False
        for entry, end in zip(entries, ends, strict=True):
            place = self._places.pop(entry.key, None)
            if place is not None:
                place.tenure.end(self._ending(entry, place, end))
                self._after(place.tenure)
                waits = waits or place.tenure.alive
            elif end is None:
                self._withdraw(entry)
        if waits:
            await self._stepper.committed()

    def _ending(self, entry: Entry, place: _Place, end: Finish | None) -> Ending:
        event_id = digest(id_of(entry)) if place.readable else b""
        if end is None:
            return Ending(place.entry, place.size, event_id, "")
        letter = b"" if end.verdict == "delivered" else encode_letter(end, time.time())
        return Ending(place.entry, place.size, event_id, verdict_text(end.verdict, end.attempts), letter)

    def _withdraw(self, entry: Entry) -> None:
        """A `put` was cancelled when the server had the event: it ends when it is read, if it is read here."""
        self._unplaced.pop(id_of(entry), None)
        if self._held(entry) is not None:
            self._withdrawn.add(id_of(entry))
        self._news.set()

    def _after(self, tenure: Tenure) -> None:
        if tenure.leaving and not tenure.in_flight:
            self.members.hurry()

    async def forget(self, event_id: str) -> None:
        """An event that ended badly may be appended again under its id."""
        try:
            await self._commands.forget(digest(event_id), self.members.server_ahead + boottime())
        except Unreachable:
            pass

    async def pause(self, clock: float, *, standing: bool) -> None:
        """Each worker's clock is its own: the stream goes on for the others."""

    async def _prune(self) -> None:
        """Have the server forget ids that are older than the window, and than every event that waits."""
        span = self._commands.limits.bucket_ms
        while True:
            await asyncio.sleep(min(PRUNE, self._commands.limits.window / 4))
            now_ms = int((self.members.server_ahead + boottime()) * 1000)
            for tenure in self._tenures():
                oldest = tenure.oldest_ms(now_ms)
                if tenure.active and oldest is not None:
                    tenure.keep_from = min(now_ms // span - 2, oldest // span)
            self._stepper.wake()
