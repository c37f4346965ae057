"""The spool's SQLite file: rows in, rows out, one transaction a group. It runs in one thread and knows no loop.

Rules. WAL; with ``full`` durability a commit survives a power cut, with ``normal`` the last ones
may not. One owner: a lock file is held, and every group checks the owner's name in the file and
that the path still names this file. A row's checksum covers the row. A file of ours that is
damaged is set aside under another name, never deleted; a file that is not ours is refused.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal

from .._log import logger
from .._own_file import open_own
from ..errors import SpoolError
from .possession import Possession
from .reserve import SIZE, Reserve
from .rows import NEW_WIDTH, Known, New, Row, row_of, values_of
from .schema import claim, looks_like_ours, prepare

__all__ = ["ClosedId", "Database", "Durability", "Mark"]

Durability = Literal["full", "normal"]
CHUNK: Final = 256
SPARE_PAGES: Final = 256
"""Pages above the bound that only ends and marks may use."""
BUSY: Final = 250
"""Milliseconds that SQLite waits for another program's lock by itself; then the group waits, until the queue closes."""
GROWTH: Final = SIZE * 3 // 4
"""Bytes by which the write-ahead log may make the file larger: on a full disk they have room where the reserve was."""

ClosedId = tuple[str, int, bool, float, str]
"""What an event with a caller's id ended in: its verdict, its attempts, whether it may be duplicated, when, the id."""

Mark = tuple[int, int, bool, int]
"""How an event was sent: its number, its attempts, whether it is in flight, how many may have been applied."""

_log = logger("hellotext_async")


class Database:
    """The file, open and owned."""

    def __init__(self, path: Path, durability: Durability, max_bytes: int, window: float) -> None:
        self._path = path
        self._durability = durability
        self._max_bytes = max_bytes
        self._window = window
        self._purged = 0.0
        self._pages = 0
        self._locked = self._into_file = False
        self._owner = secrets.token_hex(8)
        self._possession = Possession(path)
        try:
            self._ours = looks_like_ours(path)
        except BaseException:
            self._possession.leave_nothing()
            raise
        try:
            self._link = self._open_or_replace()
            self.reserve = Reserve(path)
        except BaseException:
            self._possession.release()
            raise

    def _open_or_replace(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.OperationalError as error:
            raise SpoolError(f"the spool {self._path} cannot be opened ({error})") from None
        except sqlite3.DatabaseError:
            if not self._ours:
                raise SpoolError(f"{self._path} is not a spool: it is left as it is") from None
        self._put_aside()
        return self._open()

    def _open(self) -> sqlite3.Connection:
        file = open_own(self._path)
        try:
            self._place = os.fstat(file)
        finally:
            os.close(file)
        link = sqlite3.connect(self._path, isolation_level=None, timeout=5, check_same_thread=False)
        try:
            version = claim(link, self._path)
            link.execute("pragma journal_mode = wal")
            link.execute(f"pragma synchronous = {'full' if self._durability == 'full' else 'normal'}")
            prepare(link, version, self._owner)
            (self._page,) = link.execute("pragma page_size").fetchone()
            newest = (
                "select max(coalesce(m, 0)) from (select max(seq) m from events union all select max(seq) from ids)"
            )
            self._next: int = 1 + link.execute(newest).fetchone()[0]
            self.clock_row = link.execute("select clock, wall, standing from clock").fetchone()
            link.execute(f"pragma busy_timeout = {BUSY}")
        except BaseException:
            link.close()
            raise
        return link

    def _put_aside(self) -> None:
        aside = self._path.with_name(f"{self._path.name}.damaged-{time.time_ns()}")
        for suffix in ("", "-wal", "-shm"):
            file = self._path.with_name(self._path.name + suffix)
            if file.exists():
                file.rename(aside.with_name(aside.name + suffix))
        _log.error("the spool was damaged: it is set aside as %s, and a new one begun", aside.name)

    # One group, one transaction.

    def begin(self, *, growth: int) -> bool:
        """Begin a group whose new events make the file larger by up to `growth` bytes; False if the disk has no room.

        Without new events it may use the spare pages, which are for ends and marks. SpoolError if the file is not
        ours any more.
        """
        size = self._check_place()
        self._into_file = growth > 0 and self._only_in_log(size) + growth > GROWTH
        if self._into_file and not self._make_room(growth):
            return False
        pages = max(64, self._max_bytes // self._page) + (0 if growth else SPARE_PAGES)
        if pages != self._pages:
            self._pages = pages
            self._link.execute(f"pragma max_page_count = {pages}")
        self._link.execute("begin immediate")
        if self._link.execute("select name from owner").fetchone() != (self._owner,):
            raise SpoolError(f"another process took the spool {self._path}")
        return True

    def _make_room(self, growth: int) -> bool:
        """Take what is in the log alone into the file; whether there is room for as much as a group may add, twice."""
        self._link.execute("pragma wal_checkpoint(passive)")
        in_log = self._only_in_log(self._check_place())
        self._into_file = in_log + growth > GROWTH
        return not self._into_file or shutil.disk_usage(self._path).free >= in_log + 2 * growth

    def _check_place(self) -> int:
        try:
            found = self._path.stat()
        except OSError:
            found = None
        if found is None or (found.st_ino, found.st_dev) != (self._place.st_ino, self._place.st_dev):
            raise SpoolError(f"the spool {self._path} was deleted or replaced while it was in use")
        return found.st_size

    def _only_in_log(self, size: int) -> int:
        """By how many bytes a checkpoint would make the file, of this size, larger."""
        (pages,) = self._link.execute("pragma page_count").fetchone()
        return int(pages * self._page - size)

    def commit(self) -> None:
        """Make the group durable; what is too much to be in the log alone on a full disk goes into the file."""
        self._link.execute("commit")
        self._locked = False
        if self._into_file:
            with suppress(sqlite3.OperationalError):  # it is tried again, for `shrink_log` or the next group
                self._link.execute("pragma wal_checkpoint(passive)")

    def report_lock(self) -> None:
        """Say once, until the next commit, that nothing can be written."""
        if not self._locked:
            self._locked = True
            _log.warning(
                "another program has the spool %s locked: nothing is accepted or sent until it is not", self._path.name
            )

    def rollback(self) -> None:
        """Undo the group, as far as it came."""
        if self._link.in_transaction:
            self._link.execute("rollback")

    def shrink_log(self, least: int = 0) -> bool:
        """Give back the disk space of the write-ahead log, if it has so many bytes; whether there was any.

        Events that have ended left free pages in the file itself, but what enters these goes through the log.
        """
        log = self._path.with_name(f"{self._path.name}-wal")
        size = log.stat().st_size if log.exists() else 0
        if size <= least or self._only_in_log(self._check_place()) > SIZE:
            return False
        with suppress(sqlite3.OperationalError):  # still full
            self._link.execute("pragma wal_checkpoint(truncate)")
        return log.stat().st_size < size

    @property
    def last(self) -> int:
        """The number of the newest event that ever was."""
        return self._next - 1

    def newest(self) -> int:
        """The number of the newest event that is kept, 0 if none is."""
        return int(self._link.execute("select coalesce(max(seq), 0) from events").fetchone()[0])

    def first(self, event_id: str) -> Known | None:
        """The event that had this id before."""
        found = self._link.execute("select seq, verdict, attempts, duplicated from ids where id = ?", (event_id,))
        row = found.fetchone()
        return None if row is None else Known(row[0], row[1], row[2] or 0, bool(row[3]))

    def add(self, events: Sequence[New]) -> None:
        """Keep new events under the next numbers."""
        values: list[Any] = []
        ids: list[Any] = []
        for number, event in enumerate(events, self._next):
            values += values_of(number, event)
            if event.has_caller_id:
                ids += (event.id, number)
        self._insert("insert into events values", NEW_WIDTH, values)
        self._insert("insert into ids (id, seq) values", 2, ids)

    def added(self, count: int) -> None:
        """The transaction with so many new events is durable: their numbers are used."""
        self._next += count

    def set_in_flight(self, numbers: Sequence[int]) -> None:
        """These events, and no others, are in flight for the first time: one row, for it changes all the time."""
        self._link.execute("insert or replace into flight values (1, ?)", (str(list(numbers)),))

    def note(self, marks: Sequence[Mark]) -> None:
        """Note how events were sent; of two notes of an event the latter holds."""
        self._insert("insert or replace into sent values", 4, list(chain.from_iterable(marks)))

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget events that have ended."""
        self._link.execute("delete from events where seq in (select value from json_each(?))", (str(list(numbers)),))

    def remove_sent_marks(self, numbers: Sequence[int]) -> None:
        """Forget the notes of events that have ended."""
        self._link.execute("delete from sent where seq in (select value from json_each(?))", (str(list(numbers)),))

    def _insert(self, into: str, width: int, values: Sequence[Any]) -> None:
        """Many rows in one statement: sqlite3 gives the interpreter's lock away at each step, and a busy
        loop is slow to give it back. In parts of few sizes, so that few statements are needed and are ready.
        """
        row, start = f"({','.join('?' * width)})", 0
        while left := (len(values) - start) // width:
            rows = min(CHUNK, 1 << left.bit_length() - 1)
            end = start + rows * width
            self._link.execute(f"{into} {','.join([row] * rows)}", values[start:end])
            start = end

    def close_ids(self, ends: Sequence[ClosedId]) -> None:
        """Remember for a window what events with a caller's id ended in."""
        self._link.executemany("update ids set verdict = ?, attempts = ?, duplicated = ?, ended = ? where id = ?", ends)

    def free_ids(self, ids: Sequence[tuple[str]]) -> None:
        """Forget ids whose events were withdrawn."""
        self._link.executemany("delete from ids where id = ?", ids)

    def forget_ids(self, ids: Sequence[tuple[str]]) -> None:
        """Forget ids whose events ended badly; one that has not ended, or was delivered, stays."""
        self._link.executemany("delete from ids where id = ? and verdict <> 'delivered'", ids)

    def purge(self, now: float) -> None:
        """Forget ids that ended longer ago than the window; once a minute is enough."""
        if abs(now - self._purged) >= 60:
            self._purged = now
            self._link.execute("delete from ids where ended is not null and ended < ?", (now - self._window,))

    def set_clock(self, clock: float, wall: float, *, standing: bool) -> None:
        """Remember the delivery clock, when that was, and whether it stands."""
        self._link.execute("insert or replace into clock values (1, ?, ?, ?)", (clock, wall, standing))

    # Reading.

    def count(self) -> int:
        """How many events are kept."""
        return int(self._link.execute("select count(*) from events").fetchone()[0])

    def rows(self, after: int, upto: int, most: int, most_bytes: int, now: float) -> list[Row]:
        """Events with numbers in (after, upto], in order: up to `most`, and of about `most_bytes`, but one if any."""
        found: list[Row] = []
        cursor = self._link.execute(
            "select e.*, coalesce(attempts, 0), coalesce(in_flight, 0), coalesce(doubts, 0) "
            "from events e left join sent s on s.seq = e.seq where e.seq > ? and e.seq <= ? order by e.seq limit ?",
            (after, upto, most),
        )
        while most_bytes > 0 and (values := cursor.fetchone()) is not None:
            row = row_of(values)
            most_bytes -= len(row.body)
            found.append(row)
        cursor.close()
        for row in found:
            if row.damaged:
                self._put_row_aside(row, now)
        return found

    def _put_row_aside(self, row: Row, now: float) -> None:
        _log.error("event %s in the spool is damaged: it is put aside and not sent", row.id)
        aside = "insert or replace into damaged select seq, id, body, ? from events where seq = ?"
        self._link.execute(aside, (now, row.seq))

    def close(self) -> None:
        """Give the file up."""
        self._link.close()
        self.reserve.close()
        self._possession.release()
