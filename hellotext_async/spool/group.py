"""What is asked of a spool in one transaction, by kind, and what came of it.

Rules. It is filled in the loop and written in the thread. New events come first, after the ids
that are made free for them, then marks, then ends, then what is read; each kind in the order of
asking. `appended` and `finished` are the entries of what is new and of what ends. `in_flight` is what
is in flight for the first time, `marked` what of those that are gone had a note.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..errors import SpoolError
from .reserve import SIZE
from .rows import Known, growth_by

if TYPE_CHECKING:
    from ..queue.entry import Entry
    from .database import ClosedId, Database, Mark
    from .rows import New, Row

__all__ = ["Group"]

PAUSE: Final = 0.25
"""Seconds between tries when the disk is full and events have ended, or another program has the file locked."""


class Group:
    """Filled by kind; what came of it is below."""

    def __init__(self, wall: Callable[[], float], id_time: float) -> None:
        self._wall = wall
        self._id_time = id_time
        self.opening: float | None = None
        self.forgotten: list[tuple[str]] = []
        self.new: list[New] = []
        self.in_flight: dict[int, None] | None = None
        self.delivery_marks: list[Mark] = []
        self.removed: list[int] = []
        self.marked: list[int] = []
        self.closed: list[ClosedId] = []
        self.freed: list[tuple[str]] = []
        self.appended: list[Entry] = []
        self.finished: list[Entry] = []
        self.wanted: tuple[int, int, int, int] | None = None
        self.clock: tuple[float, float, bool] | None = None
        # What came of it.
        self.durable = False
        self.count = self.newest = 0
        self.opened_at = 0.0
        self.stored: list[int | Known | SpoolError] = []
        self.rows: list[Row] = []

    def seal(self) -> None:
        """It is handed to the thread: what the loop goes on changing is copied."""
        if self.in_flight is not None:
            self.in_flight = dict(self.in_flight)

    def write(self, db: Database, wait: Callable[[float], bool]) -> None:
        """Commit it. When there is no room the new events are refused, then the reserve is given up, then it waits.

        It also waits, with new events and all, while another program has the file locked.
        """
        if self.new and not db.reserve.allocated:
            db.reserve.allocate(db.shrink_log)
        refuse = not db.reserve.allocated
        shrunk = False
        while (reason := self._try(db, refuse=refuse)) != sqlite3.SQLITE_OK:
            if reason == sqlite3.SQLITE_BUSY:
                db.report_lock()
                if wait(PAUSE):
                    raise SpoolError("another program has the spool locked")
                continue
            if not shrunk:
                shrunk = True
                if db.shrink_log(0 if refuse else SIZE):
                    continue
            if refuse and db.reserve.allocated:
                db.reserve.release()
                db.shrink_log()
            elif refuse and wait(PAUSE):
                raise SpoolError("the disk is full")
            refuse = True
        if self.wanted is not None:
            self.rows = db.rows(*self.wanted, self._wall())

    def _try(self, db: Database, *, refuse: bool) -> int:
        """Commit it: SQLITE_OK; or that cannot be done at this time, since the disk is full or the file locked."""
        try:
            if not self._commit(db, refuse=refuse):
                return sqlite3.SQLITE_FULL
        except sqlite3.OperationalError as error:
            db.rollback()
            reason = error.sqlite_errorcode & 0xFF  # without what makes it an extended one
            if reason not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
                raise
            return reason
        except BaseException:
            db.rollback()
            raise
        return sqlite3.SQLITE_OK

    def _commit(self, db: Database, *, refuse: bool) -> bool:
        """Whether there was room for it."""
        if not db.begin(growth=0 if refuse else growth_by(self.new)):
            return False
        if self.opening is not None:
            self.count, self.newest = db.count(), db.newest()
            self.opened_at = _spool_clock(db.clock_row, self.opening)
            self.clock = self.opened_at, self.opening, False  # at once: a crash would leave the old one
        if self.forgotten:
            db.forget_ids(self.forgotten)
        number = self._add(db, refuse=refuse)
        if self.delivery_marks:
            db.note(self.delivery_marks)
        if self.in_flight is not None:
            db.set_in_flight(list(self.in_flight))
        if self.removed:
            db.remove(self.removed)
        if self.marked:
            db.remove_sent_marks(self.marked)
        if self.closed:
            db.close_ids(self.closed)
        if self.freed:
            db.free_ids(self.freed)
        if self.clock is not None:
            clock, wall, standing = self.clock
            db.set_clock(clock, wall, standing=standing)
        db.purge(self._id_time)
        db.commit()
        self.durable = True
        db.added(number)
        return True

    def _add(self, db: Database, *, refuse: bool) -> int:
        if refuse:
            error = SpoolError("the spool or its disk is full: the event was not accepted")
            self.stored = [error] * len(self.new)
            return 0
        self.stored = []
        here: dict[str, int] = {}
        new: list[New] = []
        number = db.last
        for event in self.new:
            if event.has_caller_id:
                first = Known(here[event.id]) if event.id in here else db.first(event.id)
                if first is not None:
                    self.stored.append(first)
                    continue
                here[event.id] = number + 1
            number += 1
            new.append(event)
            self.stored.append(number)
        db.add(new)
        return len(new)


def _spool_clock(kept: tuple[float, float, bool] | None, wall: float) -> float:
    """The clock by which the spool's events age: the wall's, less the time for which deliveries stood still."""
    if kept is None:
        return wall
    clock, at, standing = kept
    return clock if standing else clock + max(0.0, wall - at)
