"""`SqliteSpool`: accepted events on disk, safe before they are called accepted, through crashes and restarts.

Rules. Everything is asked of one thread, which does it in groups; within a group the order of
asking holds, and nobody is told of anything before the group is committed. An event is marked in
flight before its request is written, so after a crash it is known which ones may have been sent.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakValueDictionary

from .._policy.evidence import Attempt
from .._policy.retry_policy import Delivery, should_retry
from ..errors import ConfigurationError, HellotextError, SpoolError
from .database import Database, Durability, Row
from .group import First, Group
from .outcome import Outcome
from .receipt import MadeId, Receipt, Trouble
from .writer import GroupWriter

if TYPE_CHECKING:
    from .journal import Keeper

__all__ = ["SqliteSpool"]

WEEK: Final = timedelta(days=7)
GIB: Final = 1024**3
PAUSE: Final = 0.25
"""Seconds between tries when the disk is full and events have ended."""

_DOUBT: Final = Attempt("uncertain", reason="the process ended")


class SqliteSpool:
    """Where a queue keeps its events: ``client.event_queue(buffer=SqliteSpool("events.db"))``.

    `durability` "full" survives a power cut, "normal" only a crash of the process. `window` is how
    long the ids that callers gave are remembered after their events ended. `max_bytes` bounds the
    file. Dead letters go to `dead_letters`, by default next to the file. One queue at a time owns
    it: another gets SpoolBusy. The file is readable by its owner only and never holds the token.
    """

    writer = GroupWriter
    """What does the writing; a test may put one in place that needs no thread."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Durability = "full",
        window: timedelta | float = WEEK,
        max_bytes: int = GIB,
        dead_letters: str | os.PathLike[str] | None = None,
    ) -> None:
        if durability not in ("full", "normal"):
            raise ConfigurationError("durability: expected 'full' or 'normal'")
        self.path = Path(path)
        self.durability: Durability = durability
        self.window = window.total_seconds() if isinstance(window, timedelta) else float(window)
        self.max_bytes = max_bytes
        self.dead_letters = Path(dead_letters or self.path.with_name(f"{self.path.name}.dead-letters.jsonl"))
        if not self.window >= 0:
            raise ConfigurationError("window: expected a time from 0")

    def journal(self, loop: asyncio.AbstractEventLoop, delivery: Delivery, now: Callable[[], float]) -> SqliteJournal:
        """The journal of one queue; `now` is the queue's clock."""
        return SqliteJournal(self, loop, delivery, now)

    def __repr__(self) -> str:
        return f"SqliteSpool({str(self.path)!r})"


class SqliteJournal:
    """One queue's use of a spool: what it asks, and what it hears."""

    def __init__(
        self, spool: SqliteSpool, loop: asyncio.AbstractEventLoop, delivery: Delivery, now: Callable[[], float]
    ) -> None:
        self._spool = spool
        self._loop = loop
        self._delivery: Delivery = delivery
        self._now = now
        self._keeper: Keeper | None = None
        self._opened: asyncio.Future[None] = loop.create_future()
        self._live: WeakValueDictionary[int, Receipt] = WeakValueDictionary()
        self._newest = 0
        self._loading = False
        self._group: Group | None = None
        self._flight: dict[int, None] = {}
        self._db: Database | None = None
        self._closing = threading.Event()
        self._failure: SpoolError | None = None
        self.overflow = 0
        self.loaded = 0

    def begin(self, keeper: Keeper) -> None:
        """Start the thread; the first thing it does is to open the file."""
        self._keeper = keeper
        self._writer: GroupWriter[Group, None] = self._spool.writer(
            self._take, self._write, self._written, loop=self._loop, name="hellotext spool", last=self._give_up
        )
        self._asked().opening = True

    async def opened(self) -> None:
        """Return when possession is taken; SpoolBusy, SpoolError."""
        await asyncio.shield(self._opened)

    # What is asked, in the loop.

    def _asked(self) -> Group:
        """The group to fill: the loop's until it is taken."""
        if self._group is None:
            self._group = Group()
            self._writer.kick()
        return self._group

    def store(self, receipt: Receipt) -> None:
        """Keep a new event; the keeper hears when it is safe."""
        group = self._asked()
        group.entering.append(receipt)
        group.ids.append(receipt.event_id)

    def withdraw(self, receipt: Receipt) -> None:
        """The stored event is not wanted after all."""
        group = self._asked()
        group.gone.append(receipt._seq)
        group.freed.append((receipt.event_id,))

    def mark(self, receipt: Receipt) -> asyncio.Future[None]:
        """Done when it is safe that the event is about to be sent."""
        trouble = receipt._trouble
        group, seq = self._asked(), receipt._place
        if trouble is None:
            self._flight[seq] = None
        else:
            group.marks.append((seq, trouble.attempts + 1, True, trouble.doubts))
        if group.safe is None:
            group.safe = self._loop.create_future()
        return group.safe

    def unmark(self, receipt: Receipt) -> None:
        """The event waits to be sent again, or was not sent after all."""
        trouble = receipt._trouble
        group = self._asked()
        self._flight.pop(receipt._seq, None)
        if trouble is not None:
            group.marks.append((receipt._seq, trouble.attempts, False, trouble.doubts))

    def end(self, receipt: Receipt, end: Outcome | float) -> None:
        """The event has ended; the keeper hears when it is safe that it is not sent again."""
        group, seq = self._asked(), receipt._place
        group.leaving.append(receipt)
        group.ends.append(end)
        group.gone.append(seq)
        if seq in self._flight:
            del self._flight[seq]
        else:
            group.noted.append(seq)
        if receipt._given:
            verdict, attempts = (end.verdict, end.attempts) if isinstance(end, Outcome) else ("delivered", 1)
            group.closed.append((verdict, attempts, time.time(), receipt.event_id))

    def forgive(self, event_id: str) -> None:
        """An event that ended badly may be handed in again under its id, from now on."""
        self._asked().forgiven.append((event_id,))

    def set_aside(self, receipt: Receipt) -> None:
        """There is no room for the stored event in memory: it is on disk only from now on."""
        if not self.overflow:
            self.loaded = receipt._seq - 1
        self.overflow += 1
        self._newest = max(self._newest, receipt._seq)
        self._live[receipt._seq] = receipt
        receipt._body = None

    def refill(self, most: int) -> None:
        """There is room in memory for `most` events: bring them in; the keeper hears."""
        if not self._loading and self.overflow:
            self._loading = True
            self._asked().wanted = (self.loaded, self._newest, most)

    def leave(self, error: HellotextError) -> None:
        """Tell those who wait for events on disk that they stay there."""
        for receipt in list(self._live.values()):
            if not receipt.done():
                receipt._finish(error)

    async def aclose(self) -> None:
        """Make everything safe and give up possession."""
        self._closing.set()
        await self._writer.aclose()

    # What is done, in the thread.

    def _take(self) -> Group:
        group = self._asked()
        group.flight = list(self._flight)
        self._group = group.split()
        if self._group is not None:
            self._writer.kick()
        return group

    def _write(self, group: Group) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            if self._db is None:
                spool = self._spool
                self._db = Database(spool.path, spool.durability, spool.max_bytes, spool.window)
            self._commit(self._db, group)
        except SpoolError as error:
            self._failure = error
            raise
        except sqlite3.Error as error:
            self._failure = SpoolError(f"the spool failed ({error})")
            raise self._failure from None

    def _commit(self, db: Database, group: Group) -> None:
        """Commit the group; if there is no room for its new events commit the rest, and again until it holds."""
        refused = False
        while True:
            try:
                group.commit(db, refused=refused)
                return
            except sqlite3.OperationalError as error:
                db.rollback()
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise
            except BaseException:
                db.rollback()
                raise
            if refused and self._closing.wait(PAUSE):
                raise SpoolError("the disk is full")
            refused = True

    def _give_up(self) -> None:
        if self._db is not None:
            self._db.close()

    # What is heard, in the loop.

    def _written(self, group: Group, _: None, error: Exception | None) -> None:
        keeper = cast("Keeper", self._keeper)
        if error is None:
            self._heard(keeper, group)
        else:
            failure = error if isinstance(error, SpoolError) else SpoolError("the spool failed")
            self._failed(keeper, group, failure)
            keeper.broken(failure)

    def _failed(self, keeper: Keeper, group: Group, error: SpoolError) -> None:
        if group.opening and not self._opened.done():
            self._opened.set_exception(error)
            self._opened.exception()
        for receipt in group.entering:
            keeper.refused(receipt, error)
        if group.safe is not None and not group.safe.done():
            group.safe.set_exception(error)

    def _heard(self, keeper: Keeper, group: Group) -> None:
        if group.opening:
            self._found(keeper, *group.found)
        if group.wanted is not None:
            self._loaded(keeper, group.rows)
        for receipt, result in zip(group.entering, group.stored, strict=True):
            self._stored(keeper, receipt, result)
        if group.safe is not None and not group.safe.done():
            group.safe.set_result(None)
        if group.leaving:
            keeper.ended(group.leaving, group.ends)

    def _stored(self, keeper: Keeper, receipt: Receipt, result: int | First | SpoolError) -> None:
        if isinstance(result, int):
            receipt._accept(result)
            if not self.overflow:
                self.loaded = result
            keeper.stored(receipt)
        elif isinstance(result, SpoolError):
            keeper.refused(receipt, result)
        else:
            self._repeated(keeper, receipt, *result)

    def _repeated(self, keeper: Keeper, receipt: Receipt, seq: int, verdict: Any, attempts: int) -> None:
        if verdict is not None:
            outcome = Outcome(verdict=verdict, event_id=receipt.event_id, action=receipt._action, attempts=attempts)
            keeper.repeated(receipt, outcome)
            return
        if not keeper.repeated(receipt, self._live.get(seq)):
            receipt._place = seq
            self._live[seq] = receipt

    def _found(self, keeper: Keeper, count: int, last: int) -> None:
        self.overflow, self._newest = count, last
        keeper.found(count)
        if not self._opened.done():
            self._opened.set_result(None)

    def _loaded(self, keeper: Keeper, rows: list[Row]) -> None:
        self._loading = False
        ready: list[Receipt] = []
        doubtful: list[Receipt] = []
        damaged: list[Receipt] = []
        unconfirmed = keeper.unconfirmed()
        wanted = [row for row in rows if row.seq not in unconfirmed]
        for row in wanted:
            receipt = self._receipt(row)
            cut_off = row.in_flight and not should_retry("uncertain", receipt._repeat, self._delivery)
            (damaged if row.damaged else doubtful if cut_off else ready).append(receipt)
        if rows:
            self.loaded = rows[-1].seq
            self.overflow = max(0, self.overflow - len(wanted))
        else:
            self.overflow = 0
        keeper.recovered(ready, doubtful, damaged)

    def _receipt(self, row: Row) -> Receipt:
        receipt = self._live.pop(row.seq, None)
        if receipt is None:
            receipt = Receipt(row.action, row.body, row.subject, cast("Any", row.repeat), 0.0)
        receipt._body, receipt._place, receipt._id = row.body, row.seq, row.id if row.given else MadeId(row.id)
        receipt._subject = row.subject
        receipt._at = self._now() - max(0.0, time.time() - row.accepted)
        if row.attempts:
            doubts = row.doubts + row.in_flight
            doubt = _DOUBT if doubts else None
            receipt._trouble = Trouble(attempts=row.attempts, doubt=doubt, doubts=doubts, last=doubt)
        return receipt
