"""The spool's SQLite file: rows in, rows out, one transaction a group. It runs in one thread and knows no loop.

Rules. WAL; with ``full`` durability a commit survives a power cut, with ``normal`` the last ones
may not. One owner: the file is locked while it is open. A row's checksum is verified when it is
read. A file that is damaged is set aside under another name, never deleted, and a new one begun.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from ..errors import SpoolBusy, SpoolError

__all__ = ["Database", "Durability", "Mark", "New", "Row"]

Durability = Literal["full", "normal"]
FORMAT: Final = 1
CHUNK: Final = 256

_SCHEMA: Final = """
create table if not exists events (
    seq integer primary key, id text not null, given integer not null, action text not null,
    subject text, repeat text not null, accepted real not null, body blob not null, sum integer not null);
create table if not exists sent (
    seq integer primary key, attempts integer not null, in_flight integer not null, doubts integer not null);
create table if not exists flight (one integer primary key check (one = 1), numbers text not null);
create table if not exists ids (
    id text primary key, seq integer, verdict text, attempts integer, ended real) without rowid;
create table if not exists damaged (seq integer primary key, id, body, found real);
create index if not exists ids_ended on ids (ended) where ended is not null;
"""

# Who was in flight when the file was left may have been sent: it stays noted until the event has ended.
_LANDED: Final = """
begin;
insert or replace into sent select value, 1, 1, 0 from flight, json_each(numbers);
delete from flight;
commit;
"""

_log = logging.getLogger("hellotext_async")


New = tuple[str, bool, str, str | None, str, float, bytes]
"""A new event: the columns of `Row` from its id to its body."""

Mark = tuple[int, int, bool, int]
"""How an event was sent: its number, its attempts, whether it is in flight, how many may have been applied."""


class Row(NamedTuple):
    """One event as it is kept; `accepted` in Unix seconds, `given` if the id is the caller's."""

    seq: int
    id: str
    given: bool
    action: str
    subject: str | None
    repeat: str
    accepted: float
    body: bytes
    attempts: int = 0
    in_flight: bool = False
    doubts: int = 0
    damaged: bool = False


class Database:
    """The file, open and owned."""

    def __init__(self, path: Path, durability: Durability, max_bytes: int, window: float) -> None:
        self._path = path
        self._durability = durability
        self._max_bytes = max_bytes
        self._window = window
        self._next = 1
        self._purged = 0.0
        self.set_aside: Path | None = None
        self._link = self._open_or_replace()

    def _open_or_replace(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise SpoolBusy("the spool is in use by another queue or process") from None
            raise SpoolError(f"the spool cannot be opened ({error})") from None
        except OSError as error:
            raise SpoolError(f"the spool cannot be opened ({error.strerror})") from None
        except sqlite3.DatabaseError:
            self._put_aside()
        return self._open()

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
        link = sqlite3.connect(self._path, isolation_level=None, timeout=0, check_same_thread=False)
        try:
            self._prepare(link)
        except BaseException:
            link.close()
            raise
        return link

    def _prepare(self, link: sqlite3.Connection) -> None:
        link.execute("pragma locking_mode = exclusive")
        link.execute("pragma journal_mode = wal")
        link.execute(f"pragma synchronous = {'full' if self._durability == 'full' else 'normal'}")
        link.execute("begin exclusive")
        (version,) = link.execute("pragma user_version").fetchone()
        if version not in (0, FORMAT):
            raise SpoolError(f"the spool has format {version}, which this version does not know")
        link.execute("commit")
        if link.execute("pragma quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
        link.executescript(_SCHEMA)
        link.executescript(_LANDED)
        link.execute(f"pragma user_version = {FORMAT}")
        (size,) = link.execute("pragma page_size").fetchone()
        link.execute(f"pragma max_page_count = {max(64, self._max_bytes // size)}")
        (last,) = link.execute(
            "select max(m) from (select max(seq) m from events union select max(seq) from ids)"
        ).fetchone()
        self._next = (last or 0) + 1

    def _put_aside(self) -> None:
        self.set_aside = self._path.with_name(f"{self._path.name}.damaged-{time.time_ns()}")
        for suffix in ("", "-wal", "-shm"):
            file = self._path.with_name(self._path.name + suffix)
            if file.exists():
                file.rename(self.set_aside.with_name(self.set_aside.name + suffix))
        _log.error("the spool was damaged: it is set aside as %s, and a new one begun", self.set_aside.name)

    # One group, one transaction.

    def begin(self) -> None:
        """Begin a group."""
        self._link.execute("begin immediate")

    def commit(self) -> None:
        """Make the group safe."""
        self._link.execute("commit")

    def rollback(self) -> None:
        """Undo the group, as far as it came."""
        if self._link.in_transaction:
            self._link.execute("rollback")

    @property
    def last(self) -> int:
        """The number of the newest event that ever was."""
        return self._next - 1

    def first(self, event_id: str) -> tuple[int, str | None, int] | None:
        """The event that had this id before: its number, its verdict if it has ended, and its attempts."""
        found = self._link.execute("select seq, verdict, attempts from ids where id = ?", (event_id,)).fetchone()
        return None if found is None else (found[0], found[1], found[2] or 0)

    def add(self, events: Sequence[New]) -> None:
        """Keep new events under the next numbers."""
        values: list[Any] = []
        ids: list[Any] = []
        for number, event in enumerate(events, self._next):
            values += (number, *event, zlib.crc32(event[-1]))
            if event[1]:
                ids += (event[0], number)
        self._next += len(events)
        self._insert("insert into events values", 9, values)
        self._insert("insert into ids (id, seq) values", 2, ids)

    def fly(self, numbers: Sequence[int]) -> None:
        """These events, and no others, are in flight for the first time: one row, for it changes all the time."""
        self._link.execute("insert or replace into flight values (1, ?)", (str(numbers),))

    def note(self, marks: Sequence[Mark]) -> None:
        """Note how events were sent; of two notes of an event the latter holds."""
        self._insert("insert or replace into sent values", 4, list(chain.from_iterable(marks)))

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget events that have ended."""
        self._link.execute("delete from events where seq in (select value from json_each(?))", (str(numbers),))

    def forget(self, numbers: Sequence[int]) -> None:
        """Forget the notes of events that have ended."""
        self._link.execute("delete from sent where seq in (select value from json_each(?))", (str(numbers),))

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

    def close_ids(self, ends: Sequence[tuple[str, int, float, str]]) -> None:
        """Remember for a window what events with a caller's id ended in: (verdict, attempts, time, id)."""
        self._link.executemany("update ids set verdict = ?, attempts = ?, ended = ? where id = ?", ends)

    def free_ids(self, ids: Sequence[tuple[str]]) -> None:
        """Forget ids whose events were withdrawn."""
        self._link.executemany("delete from ids where id = ?", ids)

    def forgive_ids(self, ids: Sequence[tuple[str]]) -> None:
        """Forget ids whose events ended badly; one that has not ended, or was delivered, stays."""
        self._link.executemany("delete from ids where id = ? and verdict <> 'delivered'", ids)

    def purge(self, now: float) -> None:
        """Forget ids that ended longer ago than the window; once a minute is enough."""
        if now - self._purged >= 60:
            self._purged = now
            self._link.execute("delete from ids where ended is not null and ended < ?", (now - self._window,))

    # Reading.

    def count(self) -> int:
        """How many events are kept."""
        return int(self._link.execute("select count(*) from events").fetchone()[0])

    def rows(self, after: int, upto: int, most: int) -> list[Row]:
        """Up to `most` events with numbers in (after, upto], in order; a damaged one is put aside and says so."""
        found = self._link.execute(
            "select e.seq, id, given, action, subject, repeat, accepted, body, coalesce(attempts, 0), "
            "coalesce(in_flight, 0), coalesce(doubts, 0), sum from events e left join sent s on s.seq = e.seq "
            "where e.seq > ? and e.seq <= ? order by e.seq limit ?",
            (after, upto, most),
        ).fetchall()
        return [self._verified(values) for values in found]

    def _verified(self, values: tuple[Any, ...]) -> Row:
        *fields, checksum = values
        row, body = Row(*fields), values[7]
        if isinstance(body, bytes) and zlib.crc32(body) == checksum:
            return row
        _log.error("event %s in the spool is damaged: it is put aside and not sent", row.id)
        aside = "insert or replace into damaged select seq, id, body, ? from events where seq = ?"
        self._link.execute(aside, (time.time(), row.seq))
        return row._replace(body=b"", damaged=True)

    def close(self) -> None:
        """Give the file up."""
        self._link.close()
