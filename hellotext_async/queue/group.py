"""What is asked of a spool in one transaction, by kind, and what came of it.

Rules. It is filled in the loop, written in the thread, and heard of in the loop. New events come
first, then marks, then ends, then what is read; each kind in the order of asking.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

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

    def __init__(self, stores: list[tuple[Receipt, New]] | None = None) -> None:
        self.opening = False
        self.stores = stores or []
        self.sent: list[int] = []
        self.marks: list[Mark] = []
        self.safe: asyncio.Future[None] | None = None
        self.ends: list[tuple[Receipt, Outcome | float]] = []
        self.gone: list[int] = []
        self.closed: list[tuple[str, int, float, str]] = []
        self.freed: list[tuple[str]] = []
        self.wanted: tuple[int, int, int] | None = None
        # What came of it: what an earlier queue left, what became of the new events, what was read.
        self.found = (0, 0)
        self.stored: list[int | First | SpoolError] = []
        self.rows: list[Row] = []

    def split(self) -> Group | None:
        """The new events that are too many for one group, as the next one."""
        rest = self.stores[LARGEST:]
        del self.stores[LARGEST:]
        return Group(rest) if rest else None

    def commit(self, db: Database, *, refused: bool) -> None:
        """Write it, all or nothing; new events only unless they are `refused`."""
        db.begin()
        if self.opening:
            self.found = (db.count(), db.last)
        self._store(db, refused=refused)
        if self.marks:
            db.note(self.marks)
        if self.sent:
            db.mark(self.sent)
        if self.gone:
            db.remove(self.gone)
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
            self.stored = [error for _ in self.stores]
            return
        results: list[Any] = []
        new: list[tuple[int, New]] = []
        here: dict[str, int] = {}
        for _, event in self.stores:
            if event[1]:
                event_id = event[0]
                first = (here[event_id], None, 0) if event_id in here else db.first(event_id)
                if first is not None:
                    results.append(first)
                    continue
                here[event_id] = db.last + 1
            number = db.number()
            new.append((number, event))
            results.append(number)
        if new:
            db.add(new)
        self.stored = results
