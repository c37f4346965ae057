"""`SqliteStore`: one queue's use of a spool.

Rules. One thread does everything, in groups; within a group new events come first, then marks,
then ends, then what is read. An event is marked in flight before its request is written, so after
a crash it is known which ones may have been sent. Within a process time is the loop's; the wall
clock says only how much of it passed between two processes.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from .._clock import time_of
from .._policy.evidence import Attempt
from ..errors import SpoolError
from ..queue.entry import AttemptHistory, Entry, More, id_of
from ..queue.outcome import Outcome
from ..queue.store import Appended, Finish, LastGroup, Loaded
from .commit import GroupCommit
from .database import Database
from .group import Group
from .id_clock import IdClock, IdTimes
from .rows import Known, New, Row

if TYPE_CHECKING:
    from .commit import Committer

__all__ = ["SqliteStore"]

_UNCERTAIN: Final = Attempt("uncertain", reason="the process ended")


class SqliteStore:
    """One queue's use of a spool."""

    durable = True
    shared = False
    lost = 0

    async def arrived(self) -> int:
        """Nothing does."""
        return 0

    def __init__(self, committer: Committer, wall: Callable[[], float], window: float) -> None:
        self._committer = committer
        self._closing = threading.Event()
        self._wall = wall
        self._time = time_of(asyncio.get_running_loop())
        self._id_clock = IdClock(window)
        self._commits = GroupCommit(self._new_group, self._write, self._committer)
        self._failure: SpoolError | None = None
        self._in_flight: dict[int, None] = {}
        self._aside: WeakValueDictionary[int, Entry] = WeakValueDictionary()
        self._epoch = 0.0
        self._watched: dict[int, Entry] = {}
        self._unplaced: set[int] = set()
        self._in_memory = self._loaded = self._last_aside = 0

    def _new_group(self) -> Group:
        return Group(self._wall, self._id_times().now)

    def _id_times(self) -> IdTimes:
        return self._id_clock.at(self._wall(), self._time())

    async def open(self, clock: float) -> int:
        """Take possession; how many events it holds. SpoolBusy, SpoolError."""
        group = self._commits.group
        group.opening = self._wall()
        try:
            await self._commits.committed()
        except SpoolError as error:
            self._failure = error
            raise
        self._last_aside = group.newest
        self._epoch = group.opened_at - clock
        return group.count

    async def append(self, entries: Sequence[Entry]) -> Sequence[Appended]:
        """Keep new events; one answer each, in order."""
        group = self._commits.group
        start = len(group.new)
        group.new.extend(self._row(entry) for entry in entries)
        group.appended += entries
        await self._commits.committed()
        return [
            self._appended(entry, result)
            for entry, result in zip(entries, group.stored[start : start + len(entries)], strict=True)
        ]

    def _row(self, entry: Entry) -> New:
        has_caller_id = entry.more is not None and entry.more.has_caller_id
        accepted = self._epoch + entry.at
        return New(id_of(entry), has_caller_id, entry.action, entry.subject, entry.idempotency, accepted, entry.body)

    def _appended(self, entry: Entry, result: int | Known | SpoolError) -> Appended:
        if isinstance(result, int):
            _stored(entry).key = result
            self._unplaced.add(result)
            return "stored"
        if isinstance(result, SpoolError):
            return result
        if result.verdict is not None:
            return Outcome(
                verdict=result.verdict,
                event_id=id_of(entry),
                action=entry.action,
                attempts=result.attempts,
                maybe_duplicated=result.maybe_duplicated,
                context=entry.context,
            )
        first = self._aside.get(result.number)
        if first is not None:
            return first
        entry.key = result.number
        self._set_aside(entry)
        return "aside"

    def place(self, entry: Entry, *, crowded: bool) -> bool:
        """Whether it waits here alone: behind others that do, or as the first of them.

        What is numbered in (`_loaded`, `_last_aside`] and placed waits here; no younger event may be in memory.
        """
        key = _stored(entry).key
        self._unplaced.discard(key)
        if self._last_aside <= self._loaded and crowded and key > self._in_memory:
            self._loaded = key - 1
        elif self._last_aside <= self._loaded or key <= self._loaded:
            self._in_memory = max(self._in_memory, key)
            return False
        self._last_aside = max(self._last_aside, key)
        self._set_aside(entry)
        return True

    def _set_aside(self, entry: Entry) -> None:
        """What is waited for, or has a context, is remembered though it waits on disk."""
        self._aside[entry.key] = entry
        if entry.watch is not None or entry.context is not None:
            self._watched[entry.key] = entry

    async def load(self, most: int, most_bytes: int) -> Sequence[Loaded]:
        """The next events that wait here alone."""
        found: list[Loaded] = []
        while not found and self._last_aside > self._loaded:
            group = self._commits.group
            group.wanted = (self._loaded, self._last_aside, most, most_bytes)
            await self._commits.committed()
            self._loaded = group.rows[-1].seq if group.rows else self._last_aside
            self._in_memory = max(self._in_memory, self._loaded)
            rows = (row for row in group.rows if row.seq not in self._unplaced)
            found = [Loaded(self._entry(row), row.in_flight, row.damaged) for row in rows]
        return found

    def _entry(self, row: Row) -> Entry:
        entry = self._aside.get(row.seq)
        self._watched.pop(row.seq, None)
        if entry is None:
            more = More(row.id, row.has_caller_id, row.seq)
            entry = Entry(row.action, row.body, row.subject, row.idempotency, 0.0, more=more)
            if row.has_caller_id:
                self._aside[row.seq] = entry
        entry.body, entry.subject, entry.idempotency = row.body, row.subject, row.idempotency
        entry.at = row.accepted - self._epoch
        if row.attempts:
            entry.history = AttemptHistory.read(row.attempts, row.uncertain_count + row.in_flight, _UNCERTAIN)
        return entry

    def waiting(self) -> Iterator[Entry]:
        """Events that wait here alone and are waited for."""
        entries = (found() for found in self._aside.valuerefs())
        return (entry for entry in entries if entry is not None and entry.state == "aside")

    async def mark(self, entry: Entry) -> float | None:
        """It is durable that the event is about to be sent."""
        more, group = _stored(entry), self._commits.group
        if more.history is None:
            self._in_flight[more.key] = None
            group.in_flight = self._in_flight
        else:
            group.delivery_marks.append((more.key, more.history.attempts + 1, True, more.history.uncertain_count))
        await self._commits.committed()
        return inf

    async def requeue(self, entries: Sequence[Entry]) -> None:
        """Events that were marked wait to be sent again."""
        group = self._commits.group
        for entry in entries:
            history = entry.history
            if self._in_flight.pop(entry.key, 0) is None:
                group.in_flight = self._in_flight
            if history is not None:
                group.delivery_marks.append((entry.key, history.attempts, False, history.uncertain_count))
        await self._commits.committed()

    async def finish(self, entries: Sequence[Entry], ends: Sequence[Finish | None]) -> None:
        """The events have ended, or were not wanted after all."""
        group, ended = self._commits.group, self._id_times().ended
        for entry, end in zip(entries, ends, strict=True):
            more = _stored(entry)
            key = more.key
            group.removed.append(key)
            if self._in_flight.pop(key, 0) is None:
                group.in_flight = self._in_flight
            else:
                group.marked.append(key)
            if end is None:
                group.freed.append((id_of(entry),))
                continue
            group.finished.append(entry)
            if more.has_caller_id:
                group.closed.append((end.verdict, end.attempts, end.maybe_duplicated, ended, id_of(entry)))
        await self._commits.committed()
        if self._unplaced:
            self._unplaced.difference_update(group.removed)

    def hand_over(self) -> None:
        """One queue at a time owns the file."""

    async def allow_resubmission(self, event_id: str) -> None:
        """An event that ended badly may be appended again under its id."""
        self._commits.group.forgotten.append((event_id,))
        await self._commits.committed()

    async def pause(self, clock: float, *, standing: bool) -> None:
        """The delivery clock stands still from now on, or goes on."""
        self._commits.group.clock = (self._epoch + clock, self._wall(), standing)
        await self._commits.committed()

    def hurry(self) -> None:
        """Neither room on the disk nor another program's lock is waited for any more."""
        self._closing.set()

    async def close(self, clock: float, *, standing: bool) -> None:
        """Make everything durable and give up possession."""
        self.hurry()
        try:
            if self._failure is None:
                await self.pause(clock, standing=standing)
        except SpoolError:
            pass  # it is logged by the queue, which it ended
        await self._commits.idle()
        await self._committer.stop()

    def give_up(self) -> LastGroup:
        """Finish what is being written, and give up possession."""
        self._closing.set()
        group = self._commits.abandon(self._failure or SpoolError("the queue died"))
        if group is None:
            return LastGroup()
        appended: list[tuple[Entry, Appended]] = []
        for entry, result in zip(group.appended, group.stored, strict=True):
            if entry.state == "pending":
                appended.append((entry, self._appended(entry, result)))
        return LastGroup(appended, group.finished)

    # In the thread.

    def _write(self, group: Group, db: Database) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            group.write(db, self._closing.wait)
        except SpoolError as error:
            self._failure = error
            raise
        except sqlite3.Error as error:
            self._failure = SpoolError(f"the spool failed ({error})")
            raise self._failure from None


def _stored(entry: Entry) -> More:
    """What an event that has a number is kept under; read as one, since every event passes here several times."""
    if entry.more is None:
        raise AssertionError("an event without a number")
    return entry.more
