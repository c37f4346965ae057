"""What is asked of a spool in one transaction, by kind, and what came of it.

Rules. It is filled in the loop, written in the thread, and heard of in the loop. New events come
first, after the ids that are made free for them, then marks, then ends, then what is read; each
kind in the order of asking. `flight` is who is in flight for the first time when the group is
taken, `noted` who of those that are gone had a note.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from ..errors import SpoolError

if TYPE_CHECKING:
    from .database import Database, Mark, New, Row
    from .outcome import Outcome
    from .receipt import Receipt

__all__ = ["First", "Group"]

LARGEST: Final = 1024
"""New events in one group."""

First = tuple[int, str | None, int]
"""The event that had an id before: its number, its verdict if it has ended, and its attempts."""


class Group:
    """Filled by kind; `safe` is what those wait for who marked an event."""

    def __init__(self) -> None:
        self.opening = False
        self.forgiven: list[tuple[str]] = []
        self.entering: list[Receipt] = []
        self.ids: list[str] = []
        self.flight: list[int] | None = None
        self.marks: list[Mark] = []
        self.safe: asyncio.Future[None] | None = None
        self.leaving: list[Receipt] = []
        self.ends: list[Outcome | float] = []
        self.gone: list[int] = []
        self.noted: list[int] = []
        self.closed: list[tuple[str, int, float, str]] = []
        self.freed: list[tuple[str]] = []
        self.wanted: tuple[int, int, int] | None = None
        # What came of it: what an earlier queue left, what became of the new events, what was read.
        self.found = (0, 0)
        self.stored: list[int | First | SpoolError] = []
        self.rows: list[Row] = []

    def split(self) -> Group | None:
        """The new events that are too many for one group, as the next one."""
        if len(self.entering) <= LARGEST:
            return None
        rest = Group()
        rest.entering, rest.ids = self.entering[LARGEST:], self.ids[LARGEST:]
        del self.entering[LARGEST:], self.ids[LARGEST:]
        return rest

    def commit(self, db: Database, *, refused: bool) -> None:
        """Write it, all or nothing; new events only unless they are `refused`."""
        db.begin()
        if self.opening:
            self.found = (db.count(), db.last)
        if self.forgiven:
            db.forgive_ids(self.forgiven)
        if self.entering:
            self._store(db, refused=refused)
        db.note(self.marks)
        if self.flight is not None:
            db.fly(self.flight)
        if self.gone:
            db.remove(self.gone)
        if self.noted:
            db.forget(self.noted)
        if self.closed:
            db.close_ids(self.closed)
        if self.freed:
            db.free_ids(self.freed)
        db.purge(time.time())
        db.commit()
        if self.wanted is not None:
            self.rows = db.rows(*self.wanted)

    def _store(self, db: Database, *, refused: bool) -> None:
        if refused:
            error = SpoolError("the spool or its disk is full: the event was not accepted")
            self.stored = [error for _ in self.entering]
            return
        self.stored = []
        here: dict[str, int] = {}
        new: list[New] = []
        number, now = db.last, time.time()
        for receipt, event_id in zip(self.entering, self.ids, strict=True):
            given = receipt._given
            if given:
                first = (here[event_id], None, 0) if event_id in here else db.first(event_id)
                if first is not None:
                    self.stored.append(first)
                    continue
                here[event_id] = number + 1
            number += 1
            body = receipt._body or b""
            new.append((event_id, given, receipt._action, receipt._subject, receipt._repeat, now, body))
            self.stored.append(number)
        db.add(new)
