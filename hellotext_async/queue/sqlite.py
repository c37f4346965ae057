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
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast, get_args
from weakref import WeakValueDictionary

from .._policy.classes import Delivery, repeats
from .._policy.evidence import Attempt
from ..errors import ConfigurationError, HellotextError, SpoolError
from .database import Database, Durability, New, Row
from .outcome import Outcome
from .receipt import Receipt, Stored, Trouble
from .writer import GroupWriter

if TYPE_CHECKING:
    from .journal import Keeper

__all__ = ["SqliteSpool"]

WEEK: Final = timedelta(days=7)
GIB: Final = 1024**3
PAUSE: Final = 0.25
"""Seconds between tries when the disk is full and events have ended."""

_DOUBT: Final = Attempt("uncertain", reason="the process ended")

Kind = Literal["open", "store", "withdraw", "mark", "end", "load"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


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


_Op = tuple[Kind, Any, Any]
"""What is asked, of which receipt (or who waits for it), and what with."""


class _Done(NamedTuple):
    """A group that is safe: what was asked by kind, and what came of it."""

    asked: dict[Kind, list[_Op]]
    stored: list[Any]
    loaded: list[list[Row]]
    found: tuple[int, int] | None


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
        self._db: Database | None = None
        self._closing = threading.Event()
        self._failure: SpoolError | None = None
        self.overflow = 0
        self.loaded = 0

    def begin(self, keeper: Keeper) -> None:
        """Start the thread; the first thing it does is to open the file."""
        self._keeper = keeper
        self._writer: GroupWriter[_Op, _Done] = self._spool.writer(
            self._write, self._written, loop=self._loop, name="hellotext spool", last=self._give_up
        )
        self._writer.submit(("open", None, None))

    async def opened(self) -> None:
        """Return when possession is taken; SpoolBusy, SpoolError."""
        await asyncio.shield(self._opened)

    # What is asked, in the loop.

    def store(self, receipt: Receipt) -> None:
        """Keep a new event; the keeper hears when it is safe."""
        new = (
            receipt.event_id,
            receipt._given,
            receipt._action,
            receipt._subject,
            receipt._repeat,
            time.time(),
            receipt._body,
        )
        self._writer.submit(("store", receipt, new))

    def withdraw(self, receipt: Receipt) -> None:
        """The stored event is not wanted after all."""
        self._writer.submit(("withdraw", None, (_seq(receipt), receipt.event_id)))

    def mark(self, receipt: Receipt) -> asyncio.Future[None]:
        """Done when it is safe that the event is about to be sent."""
        safe: asyncio.Future[None] = self._loop.create_future()
        trouble = receipt._trouble
        attempts, doubts = (0, 0) if trouble is None else (trouble.attempts, trouble.doubts)
        self._writer.submit(("mark", safe, (_seq(receipt), attempts + 1, True, doubts)))
        return safe

    def unmark(self, receipt: Receipt) -> None:
        """The event was sent, and waits to be sent again."""
        trouble = receipt._trouble or Trouble()
        self._writer.submit(("mark", None, (_seq(receipt), trouble.attempts, False, trouble.doubts)))

    def end(self, receipt: Receipt, end: Outcome | float) -> None:
        """The event has ended; the keeper hears when it is safe that it is not sent again."""
        closed = None
        if receipt._given:
            verdict, attempts = ("delivered", 1) if isinstance(end, float) else (end.verdict, end.attempts)
            closed = (verdict, attempts, time.time(), receipt.event_id)
        self._writer.submit(("end", receipt, (_seq(receipt), closed, end)))

    def set_aside(self, receipt: Receipt) -> None:
        """There is no room for the stored event in memory: it is on disk only from now on."""
        if not self.overflow:
            self.loaded = _seq(receipt) - 1
        self.overflow += 1
        self._newest = max(self._newest, _seq(receipt))
        self._live[_seq(receipt)] = receipt
        receipt._body = None

    def refill(self, most: int) -> None:
        """There is room in memory for `most` events: bring them in; the keeper hears."""
        if not self._loading and self.overflow:
            self._loading = True
            self._writer.submit(("load", None, (self.loaded, self._newest, most)))

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

    def _write(self, group: Sequence[_Op]) -> _Done:
        if self._failure is not None:
            raise self._failure
        try:
            if self._db is None:
                spool = self._spool
                self._db = Database(spool.path, spool.durability, spool.max_bytes, spool.window)
            asked: dict[Kind, list[_Op]] = {kind: [] for kind in KINDS}
            for op in group:
                asked[op[0]].append(op)
            return self._kept(self._db, asked)
        except SpoolError as error:
            self._failure = error
            raise
        except sqlite3.Error as error:
            self._failure = SpoolError(f"the spool failed ({error})")
            raise self._failure from None

    def _kept(self, db: Database, asked: dict[Kind, list[_Op]]) -> _Done:
        """Commit the group; if there is no room for its new events commit the rest, and again until it holds."""
        refused = False
        while True:
            try:
                return self._commit(db, asked, refused=refused)
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

    def _commit(self, db: Database, asked: dict[Kind, list[_Op]], *, refused: bool) -> _Done:
        db.begin()
        found = (db.count(), db.last) if asked["open"] else None
        stored = self._store(db, asked["store"], refused=refused)
        if asked["mark"]:
            db.mark([mark for _, _, mark in asked["mark"]])
        ends = [end for _, _, end in asked["end"]]
        withdrawn = [event for _, _, event in asked["withdraw"]]
        if ends or withdrawn:
            db.remove([*(end[0] for end in ends), *(event[0] for event in withdrawn)])
        given = [end[1] for end in ends if end[1] is not None]
        if given:
            db.close_ids(given)
        if withdrawn:
            db.free_ids([(event_id,) for _, event_id in withdrawn])
        db.purge(time.time())
        db.commit()
        return _Done(asked, stored, [db.rows(*what) for _, _, what in asked["load"]], found)

    def _store(self, db: Database, asked: Sequence[_Op], *, refused: bool) -> list[Any]:
        """The new events' numbers; for an event whose id was accepted before, what is known of the first."""
        if refused:
            return [SpoolError("the spool or its disk is full: the event was not accepted") for _ in asked]
        results: list[Any] = []
        new: list[New] = []
        here: dict[str, int] = {}
        for _, _, event in asked:
            if event[1]:
                event_id = event[0]
                first = (here[event_id], None, 0) if event_id in here else db.first(event_id)
                if first is not None:
                    results.append(first)
                    continue
                here[event_id] = db.last + 1
            seq = db.number()
            new.append((seq, *event))
            results.append(seq)
        if new:
            db.add(new)
        return results

    def _give_up(self) -> None:
        if self._db is not None:
            self._db.close()

    # What is heard, in the loop.

    def _written(self, group: Sequence[_Op], done: _Done | None, error: Exception | None) -> None:
        keeper = cast("Keeper", self._keeper)
        if done is not None:
            self._heard(keeper, done)
            return
        failure = error if isinstance(error, SpoolError) else SpoolError("the spool failed")
        for op in group:
            self._failed(keeper, op, failure)
        keeper.broken(failure)

    def _failed(self, keeper: Keeper, op: _Op, error: SpoolError) -> None:
        kind, whom, _ = op
        if kind == "open" and not self._opened.done():
            self._opened.set_exception(error)
            self._opened.exception()
        elif kind == "store":
            keeper.refused(whom, error)
        elif kind == "mark" and whom is not None and not whom.done():
            whom.set_exception(error)

    def _heard(self, keeper: Keeper, done: _Done) -> None:
        if done.found is not None:
            self._found(keeper, *done.found)
        for rows in done.loaded:
            self._loaded(keeper, rows)
        for (_, receipt, _), result in zip(done.asked["store"], done.stored, strict=True):
            self._stored(keeper, receipt, result)
        for _, safe, _ in done.asked["mark"]:
            if safe is not None and not safe.done():
                safe.set_result(None)
        for _, receipt, (_, _, end) in done.asked["end"]:
            keeper.ended(receipt, end)

    def _stored(self, keeper: Keeper, receipt: Receipt, result: Any) -> None:
        if isinstance(result, int):
            _number(receipt, result)
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
            _number(receipt, seq)
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
            cut_off = row.in_flight and not repeats("uncertain", receipt._repeat, self._delivery)
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
        receipt._body, receipt._stored, receipt._id = row.body, Stored(row.seq, True), row.id
        receipt._subject = row.subject
        receipt._at = self._now() - max(0.0, time.time() - row.accepted)
        if row.attempts:
            doubts = row.doubts + row.in_flight
            doubt = _DOUBT if doubts else None
            receipt._trouble = Trouble(attempts=row.attempts, doubt=doubt, doubts=doubts, last=doubt)
        return receipt


def _number(receipt: Receipt, seq: int) -> None:
    if receipt._stored is None:
        receipt._stored = Stored()
    receipt._stored.seq = seq


def _seq(receipt: Receipt) -> int:
    return 0 if receipt._stored is None else receipt._stored.seq
