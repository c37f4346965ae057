"""The tables of a spool, how an older format becomes this one, and whether a file is a spool at all."""

from __future__ import annotations

import os
import sqlite3
import stat
import zlib
from pathlib import Path
from typing import Any, Final

from .._own_file import not_opened
from ..errors import SpoolError
from .rows import checksum

__all__ = ["claim", "looks_like_ours", "prepare"]

FORMAT: Final = 4
APPLICATION: Final = 0x48747871
"""SQLite's application id, in the file's header: "Htxq"."""

_SCHEMA: Final = """
create table if not exists events (
    seq integer primary key, id text not null, given integer not null, action text not null, subject text,
    idempotency text not null, accepted real not null, body blob not null, sum integer not null);
create table if not exists sent (
    seq integer primary key, attempts integer not null, in_flight integer not null, doubts integer not null);
create table if not exists flight (one integer primary key check (one = 1), numbers text not null);
create table if not exists ids (
    id text primary key, seq integer, verdict text, attempts integer, ended real,
    duplicated integer) without rowid;
create table if not exists damaged (seq integer primary key, id, body, found real);
create table if not exists clock (one integer primary key check (one = 1), clock real, wall real, standing integer);
create table if not exists owner (one integer primary key check (one = 1), name text not null);
create index if not exists ids_ended on ids (ended) where ended is not null;
"""

# What was in flight when the file was left may have been sent: the mark stays until the event has ended.
_SENT: Final = """
insert or replace into sent select value, 1, 1, 0 from flight, json_each(numbers);
delete from flight;
"""

_FIRST_TABLES: Final = {"events", "sent", "flight", "ids"}
_OLD_NAMES: Final = {"repeatable": "idempotent", "duplicable": "non_idempotent", "once": "at_most_once"}


def looks_like_ours(path: Path) -> bool:
    """Whether the file has a spool's header, False if there is no file; SpoolError if it is another program's.

    It is only looked at: another's file stays as it is, and nothing is written beside it.
    """
    header = _header(path)
    if header and not header.startswith(b"SQLite format 3\0"):
        raise SpoolError(f"{path} is not a spool: it is left as it is")
    application, version = _number(header, 68), _number(header, 60)
    if application not in (0, APPLICATION) or (header and application == 0 and _is_foreign(_tables_at_rest(path))):
        raise _foreign(path)
    return (application, version) == (0, 1) or (application == APPLICATION and version in range(2, FORMAT + 1))


def _header(path: Path) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        file = os.open(path, flags)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise SpoolError(f"{path} is no plain file: it is left as it is")
            return os.read(file, 100)
        finally:
            os.close(file)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise not_opened(path, error) from None


def _tables_at_rest(path: Path) -> set[str]:
    """The tables of a database that is perhaps not ours, read without a lock or a file beside it."""
    try:
        link = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
        try:
            return _tables(link)
        finally:
            link.close()
    except sqlite3.Error:
        return set()


def _tables(link: sqlite3.Connection) -> set[str]:
    return {name for (name,) in link.execute("select name from sqlite_master where type = 'table'")}


def _is_foreign(tables: set[str]) -> bool:
    """Whether a database without an application id has tables that are not those of a spool's first format."""
    return bool(tables) and not tables >= _FIRST_TABLES


def _foreign(path: Path) -> SpoolError:
    return SpoolError(f"{path} is another program's database: it is left as it is")


def _number(header: bytes, at: int) -> int:
    return int.from_bytes(header[at : at + 4], "big")


def claim(link: sqlite3.Connection, path: Path) -> int:
    """The format of the spool, 0 if it is new, written into the header as ours; SpoolError if it is another's."""
    (application,) = link.execute("pragma application_id").fetchone()
    (version,) = link.execute("pragma user_version").fetchone()
    tables = _tables(link)
    if application not in (0, APPLICATION) or (application == 0 and _is_foreign(tables)):
        raise _foreign(path)
    if version not in range(FORMAT + 1):
        raise SpoolError(f"the spool {path} has format {version}, which this version does not know")
    if application == 0:
        link.execute(f"pragma application_id = {APPLICATION}")  # before WAL, so that it is in the file at once
    return version if tables else 0


def prepare(link: sqlite3.Connection, version: int, owner: str) -> None:
    """Make the tables, or bring those of an older format up to date, and write the owner's name."""
    if version and link.execute("pragma quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("damaged")
    link.execute("begin immediate")
    if version == 1:
        link.execute("alter table events rename column repeat to idempotency")
    if version in (1, 2):  # an id's outcome did not say whether it may have been duplicated
        link.execute("alter table ids add column duplicated integer")
    if version in (1, 2, 3):
        _sum_anew(link, version)
    for statement in f"{_SCHEMA}{_SENT}".split(";"):
        link.execute(statement)
    link.execute("insert or replace into owner values (1, ?)", (owner,))
    link.execute(f"pragma user_version = {FORMAT}")
    link.execute("commit")


def _sum_anew(link: sqlite3.Connection, version: int) -> None:
    """Give every row a checksum of this format; a row that does not match its old one stays damaged."""
    if version == 1:
        for old, new in _OLD_NAMES.items():
            link.execute("update events set idempotency = ? where idempotency = ?", (new, old))

    def new_sum(*values: Any) -> int:
        *row, old = values
        *fields, body = row
        try:
            before = zlib.crc32(body, 0 if version == 1 else zlib.crc32(repr(fields).encode()))
            return checksum(row) if before == old else -1
        except (TypeError, ValueError):
            return -1

    link.create_function("new_sum", 9, new_sum, deterministic=True)
    link.execute("update events set sum = new_sum(seq, id, given, action, subject, idempotency, accepted, body, sum)")
