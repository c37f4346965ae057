"""``hellotext-async ingest``: deliver a file of events, one JSON object a line, and report what became of each."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from .progress import progress
from .table import table

if TYPE_CHECKING:
    from .._events.event import Event
    from ..queue.outcome import Report

__all__ = ["add"]


def add(commands: Any) -> None:
    """Tell argparse of it."""
    parser = commands.add_parser("ingest", help="deliver a file of events (JSON lines)")
    parser.add_argument("file", help="a path, or - for standard input")
    parser.add_argument("--spool", metavar="PATH", help="keep accepted events here through a crash")
    parser.add_argument("--dead-letters", metavar="PATH", help="write events that end badly here")
    parser.add_argument("--concurrency", type=int, default=64, metavar="N")
    parser.add_argument("--rate", type=float, metavar="R", help="never more requests a second than this")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Deliver and report."""
    from ..errors import ConfigurationError

    try:
        return asyncio.run(_Ingest(arguments).run())
    except ConfigurationError as error:
        print(f"hellotext-async: {error}", file=sys.stderr)
        return 2


class _Ingest:
    """One run over one file."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._stop = asyncio.Event()
        self._bad_lines = 0
        self._bad_ends = 0

    async def run(self) -> int:
        from ..client import Hellotext
        from ..config import Limits
        from ..queue.sqlite import SqliteSpool

        given = self._arguments
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        spool = None if given.spool is None else SqliteSpool(given.spool)
        limits = Limits(rate=given.rate, concurrency=max(100, given.concurrency))
        async with Hellotext(limits=limits) as client:
            queue = client.event_queue(buffer=spool, dead_letters=given.dead_letters, concurrency=given.concurrency)
            async with queue:
                with progress(None, "delivered") as bar:
                    count = 0
                    async for outcome in queue.deliver(self._events()):
                        count += 1
                        bar.done(count)
                        if not outcome.delivered:
                            self._complain(outcome.event_id, outcome.verdict, outcome.error)
                report = await queue.flush(10)
                left = await queue.aclose()
        return self._report(report, left.kept)

    def _complain(self, event_id: str, verdict: str, error: object) -> None:
        self._bad_ends += 1
        if self._bad_ends <= 20:
            print(f"event {event_id}: {verdict} ({error})", file=sys.stderr)

    async def _events(self) -> AsyncIterator[Event]:
        from .._events.event import Event
        from ..errors import InvalidParameter

        number = 0
        async for line in _lines(self._arguments.file):
            number += 1
            if self._stop.is_set():
                print(f"stopped before line {number}", file=sys.stderr)
                return
            if not line.strip():
                continue
            try:
                yield Event.of(msgspec.json.decode(line, type=dict[str, Any]))
            except InvalidParameter as error:
                self._skip(number, str(error))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._skip(number, "not a JSON object")
            except TypeError:
                self._skip(number, "no action")

    def _skip(self, number: int, reason: str) -> None:
        self._bad_lines += 1
        print(f"line {number}: {reason}", file=sys.stderr)

    def _report(self, report: Report, kept: int) -> int:
        rows: list[tuple[str, object]] = [(f"events {verdict}", count) for verdict, count in report.outcomes.items()]
        rows += [("events kept in the spool", kept), ("lines that are no event", self._bad_lines)]
        print(table(rows))
        if report.suspended:
            print(f"suspended: {report.error}", file=sys.stderr)
        bad = sum(report.outcomes.values()) - report.outcomes["delivered"] + self._bad_lines + kept
        return 1 if bad or report.queued or report.in_flight or self._stop.is_set() else 0


async def _lines(file: str) -> AsyncIterator[bytes]:
    """The lines of a file or of standard input, read in a thread."""
    source = anyio.wrap_file(sys.stdin.buffer) if file == "-" else await anyio.open_file(file, "rb")
    async with source:
        async for line in source:
            yield line
