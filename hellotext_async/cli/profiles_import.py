"""Creates or updates the profiles in a file, and accounts for every row."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

from ..client import Hellotext
from ..config import Limits
from ..errors import APIError, ConfigurationError, HellotextError, InvalidParameter, OutcomeUnknown, Unauthorized
from ..resources._profile_fields import NewProfile
from .checkpoint import Checkpoint
from .lines import Chunks
from .mapping import FieldMap
from .progress import Progress, showing
from .reach import saying_unreachable
from .reading import format_of, rows_until
from .reasons import reason_of
from .rows import CsvRows, Row, rows_of
from .signals import Stop, stopping
from .source import Source, opened
from .tally import Tally

__all__ = ["run"]

FIELDS: Final = frozenset(NewProfile.__annotations__)
TICK: Final = 0.5
"""Seconds between two looks at the progress."""


async def run(args: argparse.Namespace) -> int:
    """Import, and report."""
    columns = FieldMap(args.map, args.set, FIELDS, csv=format_of(args.file, args.format) == "csv")
    if args.checkpoint and (args.file == "-" or args.dry_run):
        raise ConfigurationError("--checkpoint needs a file, and a dry run writes none")
    try:
        with opened(args.file) as source, stopping("reading no further; finishing what was begun") as stop:
            checkpoint = Checkpoint.open(args.checkpoint, source.descriptor) if args.checkpoint else None
            tally = Tally(checkpoint, good="valid" if args.dry_run else "imported")
            await _Import(args, source, stop, columns, tally, checkpoint).run()
    except OSError as error:
        print(f"hellotext-async: {args.file} cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    tally.show_json() if args.json else tally.show()
    return 0 if tally.all_delivered else 1


class _Import:
    """One run: the input, the client, and the account."""

    def __init__(
        self,
        args: argparse.Namespace,
        source: Source,
        stop: Stop,
        columns: FieldMap,
        tally: Tally,
        checkpoint: Checkpoint | None,
    ) -> None:
        self._args = args
        self._source = source
        self._stop = stop
        self._columns = columns
        self._tally = tally
        self._checkpoint = checkpoint
        self._rows = rows_of(format_of(args.file, args.format))
        self._failure: HellotextError | None = None

    async def run(self) -> None:
        """Import everything. Raises what made going on useless."""
        args = self._args
        limits = Limits(rate=args.rate, concurrency=max(100, args.concurrency + 2))
        token = "dry-run" if args.dry_run else None
        async with Hellotext(token, limits=limits, enabled=not args.dry_run, hooks=saying_unreachable()) as client:
            chunks = Chunks(self._source.descriptor)
            with showing("importing", self._source.size) as progress:
                watch = asyncio.create_task(self._watch(client, chunks, progress))
                try:
                    await self._feed(client, chunks)
                finally:
                    watch.cancel()
                    await asyncio.wait([watch])
                self._show(client, chunks, progress)
        self._tally.stopped = self._stop.is_set()
        if self._failure is not None:
            raise self._failure

    async def _watch(self, client: Hellotext, chunks: Chunks, progress: Progress) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._show(client, chunks, progress)

    def _show(self, client: Hellotext, chunks: Chunks, progress: Progress) -> None:
        self._tally.rate = client.rate().rate
        progress(self._tally.position(chunks.read), self._tally.words(self._source.size, chunks.read))
        if self._checkpoint is not None:
            try:
                self._checkpoint.save()
            except ConfigurationError as error:
                self._end(error)

    def _end(self, error: HellotextError) -> None:
        """Read no further: going on is useless."""
        self._failure = self._failure or error
        self._stop.set()

    async def _feed(self, client: Hellotext, chunks: Chunks) -> None:
        room = asyncio.Semaphore(self._args.concurrency)
        async with asyncio.TaskGroup() as under_way:
            async for row, fields in self._profiles(chunks):
                await room.acquire()
                task = under_way.create_task(self._send(client, row, fields))
                task.add_done_callback(lambda _: room.release())

    async def _profiles(self, chunks: Chunks) -> AsyncIterator[tuple[Row, dict[str, Any]]]:
        try:
            async for row in rows_until(self._stop, chunks, self._rows):
                if self._tally.rows == 0 and isinstance(self._rows, CsvRows):
                    self._columns.check(self._rows.header or ())
                if not self._tally.begin(row):
                    continue
                if row.problem is not None:
                    self._tally.bad(row, row.problem)
                    continue
                try:
                    fields = self._fields(row)
                except InvalidParameter as error:
                    self._tally.bad(row, reason_of(error, FIELDS))
                else:
                    yield row, fields
        except OSError as error:
            self._tally.unreadable = error.strerror
        except ConfigurationError as error:
            self._end(error)

    def _fields(self, row: Row) -> dict[str, Any]:
        fields = self._columns.apply(row.fields or {})
        if isinstance(lists := fields.get("lists"), str):
            fields["lists"] = [name.strip() for name in lists.split(";") if name.strip()]
        if not fields.get("phone") and not fields.get("email"):
            raise InvalidParameter("phone", "a row needs a phone or an email")
        return fields

    async def _send(self, client: Hellotext, row: Row, fields: dict[str, Any]) -> None:
        try:
            await client.profiles.upsert(**fields)
        except InvalidParameter as error:
            self._tally.bad(row, reason_of(error, FIELDS))
        except OutcomeUnknown as error:
            self._tally.reasons.add(row.line, f"unknown: {reason_of(error)}")
            self._tally.end(row, "unknown")
        except APIError as error:
            self._fail(row, error, "rejected" if error.status in (400, 404, 413, 422) else "failed")
        except HellotextError as error:
            self._fail(row, error, "failed")
        else:
            self._tally.end(row, "valid" if self._args.dry_run else "imported")

    def _fail(self, row: Row, error: HellotextError, outcome: str) -> None:
        if isinstance(error, Unauthorized):
            self._end(error)
        self._tally.reasons.add(row.line, f"{outcome}: {reason_of(error, FIELDS)}")
        self._tally.end(row, outcome)
