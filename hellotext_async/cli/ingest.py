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
from pathlib import Path
from typing import Any, Final

from .._events.event import Event
from .._events.fields import EVENT_FIELDS
from ..errors import ConfigurationError, HellotextError, InvalidParameter, QueueClosed, QueueFull
from ..queue.queue import EventQueue
from ..queue.receipt import Receipt
from ..spool.sqlite_spool import SqliteSpool
from .closing import DRAIN, closing, first_of
from .events import event_from
from .file_run import FileRun, run_over_file
from .lines import Chunks
from .mapping import add_mapping_arguments
from .numbers import count, rate
from .progress import showing
from .reasons import reason_of
from .rows import Row

__all__ = ["NAME", "arguments", "run"]

NAME = "ingest"
WINDOW: Final = 2048
"""Events under way at one time, beyond which reading waits."""


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
    if args.dry_run and (args.spool or args.dead_letters or args.checkpoint):
        raise ConfigurationError("--dry-run writes nothing: leave out --spool, --dead-letters and --checkpoint")
    _require_different(args.file, args.checkpoint, args.spool, args.dead_letters)
    if args.checkpoint and args.file == "-":
        raise ConfigurationError("--checkpoint needs a file: stdin cannot be read again")
    return await run_over_file(_Ingest, args)


def _require_different(*paths: str | Path | None) -> None:
    """Raise ConfigurationError if one file is to be two things: the second would destroy the first."""
    names = [Path(path).resolve() for path in paths if path is not None]
    if len(set(names)) < len(names):
        raise ConfigurationError("FILE, --checkpoint, --spool and --dead-letters are files of their own, each another")


class _Ingest(FileRun):
    """One run: the input, the queue, and the account."""

    good = "delivered"
    doubles = True
    known = frozenset({*EVENT_FIELDS, "action"})
    announcements = (
        f"reading no further; delivering what was read, for up to {DRAIN:.0f} s (again: end now)",
        "ending now",
    )

    async def run(self) -> None:
        """Deliver everything, then close."""
        args, tally, size = self.args, self.tally, self.source.size
        spool = None if args.spool is None else SqliteSpool(args.spool, dead_letters=args.dead_letters)
        async with self.client() as client:
            queue = client.event_queue(concurrency=args.concurrency, buffer=spool, dead_letters=args.dead_letters)
            async with queue:
                tally.found = queue.stats().accepted
                chunks = Chunks(self.source.descriptor)
                with showing("ingesting", size) as progress:

                    def show() -> None:
                        tally.rate = client.rate().rate
                        progress(tally.position(chunks.read), tally.status_line(size, chunks.read))
                        self.save()

                    async with closing(queue, self.stop, show):
                        await self._feed(queue, chunks)
                        # What an earlier run left in the spool is delivered too.
                        await first_of(queue.flush(), self.stop.wait())
                    show()
                tally.report = await queue.aclose(DRAIN)
                tally.stopped = self.stop.is_set()

    async def _feed(self, queue: EventQueue, chunks: Chunks) -> None:
        """Hand every event over and follow it to its end; at most WINDOW are under way."""
        room = asyncio.Semaphore(WINDOW)
        async with asyncio.TaskGroup() as following:
            async for row, event in self.read(chunks, self._event):
                await room.acquire()
                try:
                    receipt = await _track_or_put(queue, event)
                except InvalidParameter as error:
                    self.tally.bad(row, reason_of(error))
                    room.release()
                except QueueClosed:
                    self.tally.end(row, "not accepted")
                    return
                except HellotextError as error:
                    self._not_accepted(row, error)
                    room.release()
                else:
                    task = following.create_task(self._follow(row, receipt))
                    task.add_done_callback(lambda _: room.release())

    async def _follow(self, row: Row, receipt: Receipt) -> None:
        try:
            await receipt.accepted()
            outcome = await receipt
        except QueueClosed as closed:
            self.tally.end(row, "kept" if closed.kept else "not accepted")
        except HellotextError as error:
            self._not_accepted(row, error)
        else:
            self.tally.add(row, outcome)

    def _not_accepted(self, row: Row, error: HellotextError) -> None:
        self.tally.reasons.add(row.line, f"not accepted: {reason_of(error)}")
        self.tally.end(row, "not accepted")

    def _event(self, row: Row, fields: dict[str, Any]) -> Event:
        if self.checkpoint is not None:
            fields.setdefault("event_id", self.checkpoint.event_id(row.number))
        return event_from(fields)


async def _track_or_put(queue: EventQueue, event: Event) -> Receipt:
    try:
        return queue.track(event)
    except QueueFull:
        return await queue.put(event)
