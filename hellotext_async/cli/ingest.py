"""`ingest`: deliver the events in a file (or stdin) of JSON lines or CSV, plain or gzip.

One JSON object a line, with an "action" and the fields of an event; or a CSV, whose columns --map
names. "tracked_at" is Unix seconds or ISO 8601 with a time zone. A line that is no event is reported
with its number and the reason, and the rest goes on. The first Ctrl-C (or SIGTERM) stops the reading and
delivers for up to 10 s what was read, the second one ends that; both report.

With --checkpoint an interrupted run goes on where it was; with --spool too, an event that was under
way when the process died is not sent twice.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from .._events.event import Event
from .._events.fields import EVENT_FIELDS
from ..client import Hellotext
from ..config import Limits
from ..errors import ConfigurationError, HellotextError, InvalidParameter, QueueClosed, QueueFull
from ..queue.queue import EventQueue
from ..queue.receipt import Receipt
from ..queue.sqlite import SqliteSpool
from .checkpoint import Checkpoint
from .closing import DRAIN, closing
from .events import event_from
from .lines import Chunks
from .mapping import FieldMap, add_mapping_arguments
from .numbers import count, rate
from .progress import showing
from .reach import saying_unreachable
from .reading import format_of, rows_until
from .reasons import reason_of
from .rows import CsvRows, Row, rows_of
from .signals import Stop, stopping
from .source import Source, opened
from .tally import Tally

__all__ = ["NAME", "arguments", "run"]

NAME = "ingest"
WINDOW: Final = 2048
"""Events under way at one time, beyond which reading waits."""
FIRST: Final = f"reading no further; delivering what was read, for up to {DRAIN:.0f} s (again: end now)"
SECOND: Final = "ending now"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("file", metavar="FILE", help="a file of JSON lines or CSV, or - for stdin; gzip is recognised")
    add_mapping_arguments(parser)
    parser.add_argument("--checkpoint", type=Path, metavar="PATH", help="note here what has ended, and go on from it")
    parser.add_argument("--spool", type=Path, metavar="PATH", help="keep events in this file until they have ended")
    parser.add_argument("--dead-letters", type=Path, metavar="PATH", help="write events that end badly to this file")
    parser.add_argument("--concurrency", type=count, default=64, metavar="N", help="requests at once (default: 64)")
    parser.add_argument("--rate", type=rate, metavar="R", help="at most R requests per second")
    parser.add_argument("--dry-run", action="store_true", help="check every event, send and write nothing")
    parser.add_argument("--json", action="store_true", help="report as one JSON object")
    parser.set_defaults(run=run)


async def run(args: argparse.Namespace) -> int:
    """Deliver, and report."""
    columns = FieldMap(args.map, args.set, {*EVENT_FIELDS, "action"}, csv=format_of(args.file, args.format) == "csv")
    if args.dry_run and (args.spool or args.dead_letters or args.checkpoint):
        raise ConfigurationError("--dry-run writes nothing: leave out --spool, --dead-letters and --checkpoint")
    if args.checkpoint and args.file == "-":
        raise ConfigurationError("--checkpoint needs a file: stdin cannot be read again")
    try:
        with opened(args.file) as source, stopping(FIRST, SECOND) as stop:
            checkpoint = Checkpoint.open(args.checkpoint, source.descriptor) if args.checkpoint else None
            tally = Tally(checkpoint, good="valid" if args.dry_run else "delivered")
            await _Ingest(args, source, stop, columns, tally, checkpoint).run()
    except OSError as error:
        print(f"hellotext-async: {args.file} cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    tally.show_json() if args.json else tally.show()
    return 0 if tally.all_delivered else 1


class _Ingest:
    """One run: the input, the queue, and the account."""

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
        self._failure: ConfigurationError | None = None

    async def run(self) -> None:
        """Deliver everything, then close."""
        args, tally = self._args, self._tally
        spool = None if args.spool is None else SqliteSpool(args.spool, dead_letters=args.dead_letters)
        limits = Limits(rate=args.rate, concurrency=max(100, args.concurrency + 2))
        token = "dry-run" if args.dry_run else None
        async with Hellotext(token, limits=limits, enabled=not args.dry_run, hooks=saying_unreachable()) as client:
            queue = client.event_queue(concurrency=args.concurrency, buffer=spool, dead_letters=args.dead_letters)
            async with queue:
                tally.found = queue.stats().accepted
                chunks = Chunks(self._source.descriptor)
                with showing("ingesting", self._source.size) as progress:

                    def show() -> None:
                        tally.rate = client.rate().rate
                        progress(tally.position(chunks.read), tally.words(self._source.size, chunks.read))
                        self._save()

                    async with closing(queue, self._stop, show):
                        await self._feed(queue, chunks)
                        await _settle(queue, self._stop)
                    show()
                tally.report = await queue.aclose(DRAIN)
                tally.stopped = self._stop.is_set()
        self._save()
        if self._failure is not None:
            raise self._failure

    def _save(self) -> None:
        """Write the checkpoint; if that fails, deliver what was read and end."""
        if self._checkpoint is not None and self._failure is None:
            try:
                self._checkpoint.save()
            except ConfigurationError as error:
                self._failure = error
                self._stop.set()

    async def _feed(self, queue: EventQueue, chunks: Chunks) -> None:
        """Hand every event over and follow it to its end; at most WINDOW are under way."""
        room = asyncio.Semaphore(WINDOW)
        async with asyncio.TaskGroup() as following:
            async for row, event in self._events(chunks):
                await room.acquire()
                try:
                    receipt = await _enter(queue, event)
                except InvalidParameter as error:
                    self._tally.bad(row, reason_of(error))
                    room.release()
                except QueueClosed:
                    self._tally.end(row, "not accepted")
                    return
                except HellotextError:
                    self._tally.end(row, "not accepted")
                    room.release()
                else:
                    task = following.create_task(self._follow(row, receipt))
                    task.add_done_callback(lambda _: room.release())

    async def _follow(self, row: Row, receipt: Receipt) -> None:
        try:
            await receipt.accepted()
            outcome = await receipt
        except QueueClosed as closed:
            self._tally.end(row, "kept" if closed.kept else "not accepted")
        except HellotextError:
            self._tally.end(row, "not accepted")
        else:
            self._tally.add(row, outcome)

    async def _events(self, chunks: Chunks) -> AsyncIterator[tuple[Row, Event]]:
        """The events in the input; what is none is counted."""
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
                    event = self._event(row)
                except InvalidParameter as error:
                    self._tally.bad(row, reason_of(error))
                else:
                    yield row, event
        except OSError as error:
            self._tally.unreadable = error.strerror
        except ConfigurationError as error:
            self._failure = error

    def _event(self, row: Row) -> Event:
        fields = self._columns.apply(row.fields or {})
        if self._checkpoint is not None:
            fields.setdefault("event_id", self._checkpoint.event_id(row.number))
        return event_from(fields)


async def _settle(queue: EventQueue, stop: asyncio.Event) -> None:
    """Wait for what an earlier run left in the spool as well, unless told to stop."""
    settled, stopped = asyncio.ensure_future(queue.flush()), asyncio.ensure_future(stop.wait())
    either: tuple[asyncio.Future[Any], ...] = (settled, stopped)
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in either:
            future.cancel()
        await asyncio.wait(either)


async def _enter(queue: EventQueue, event: Event) -> Receipt:
    try:
        return queue.track(event)
    except QueueFull:
        return await queue.put(event)
