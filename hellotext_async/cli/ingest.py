"""`ingest`: deliver the events in a file (or stdin) of JSON lines.

One JSON object a line, with an "action" and the fields of an event; "tracked_at" is Unix seconds or
ISO 8601 with a time zone. A line that is no event is reported with its number and the reason, and
the rest goes on. SIGINT and SIGTERM stop the reading, deliver for up to 10 s what was read, and
report.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import stat
import sys
from collections.abc import AsyncIterator, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .._events.event import Event
from ..client import Hellotext
from ..config import Limits
from ..errors import HellotextError, QueueClosed, QueueFull
from ..queue.queue import EventQueue
from ..queue.receipt import Receipt
from ..queue.sqlite import SqliteSpool
from .closing import DRAIN, closing
from .lines import Chunks, Splitter
from .numbers import count, rate
from .progress import showing
from .signals import stopping
from .tally import Tally

__all__ = ["NAME", "arguments", "run"]

NAME = "ingest"
WINDOW: Final = 2048
"""Events under way at one time, beyond which reading waits."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("file", metavar="FILE", help="a file of JSON lines, or - for stdin")
    parser.add_argument("--spool", type=Path, metavar="PATH", help="keep events in this file until they have ended")
    parser.add_argument("--dead-letters", type=Path, metavar="PATH", help="write events that end badly to this file")
    parser.add_argument("--concurrency", type=count, default=64, metavar="N", help="requests at once (default: 64)")
    parser.add_argument("--rate", type=rate, metavar="R", help="at most R requests per second")
    parser.set_defaults(run=run)


async def run(given: argparse.Namespace) -> int:
    """Deliver, and report."""
    try:
        with _source(given.file) as (descriptor, size), stopping() as stop:
            tally = Tally()
            await _ingest(given, descriptor, size, stop, tally)
    except OSError as error:
        print(f"hellotext-async: {given.file} cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    tally.show()
    return 0 if tally.all_delivered else 1


@contextmanager
def _source(name: str) -> Generator[tuple[int, int | None]]:
    """A descriptor to read from, and how many bytes it has if that can be known."""
    descriptor = 0 if name == "-" else os.open(name, os.O_RDONLY)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        yield descriptor, status.st_size if stat.S_ISREG(status.st_mode) else None
    finally:
        if name != "-":
            os.close(descriptor)


async def _ingest(
    given: argparse.Namespace, descriptor: int, size: int | None, stop: asyncio.Event, tally: Tally
) -> None:
    limits = Limits(rate=given.rate, concurrency=max(100, given.concurrency + 2))
    spool = None if given.spool is None else SqliteSpool(given.spool, dead_letters=given.dead_letters)
    async with Hellotext(limits=limits) as client:
        queue = client.event_queue(concurrency=given.concurrency, buffer=spool, dead_letters=given.dead_letters)
        async with queue:
            tally.found = queue.stats().accepted
            chunks = Chunks(descriptor)
            with showing("ingesting", size) as progress:
                async with closing(queue, stop, lambda: progress(chunks.read, tally.words())):
                    await _feed(queue, _events(chunks, stop, tally), tally)
                    await _settle(queue, stop)
                progress(chunks.read, tally.words())
            tally.report = await queue.aclose(DRAIN)
            tally.stopped = stop.is_set()


async def _feed(queue: EventQueue, events: AsyncIterator[Event], tally: Tally) -> None:
    """Hand every event over and follow it to its end; at most WINDOW are under way."""
    room = asyncio.Semaphore(WINDOW)
    async with asyncio.TaskGroup() as following:
        async for event in events:
            await room.acquire()
            try:
                receipt = await _enter(queue, event)
            except HellotextError as error:
                tally.fates["not accepted"] += 1
                if isinstance(error, QueueClosed):
                    return
                room.release()
                continue
            task = following.create_task(_follow(receipt, tally))
            task.add_done_callback(lambda _: room.release())


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


async def _follow(receipt: Receipt, tally: Tally) -> None:
    try:
        await receipt.accepted()
        outcome = await receipt
    except QueueClosed as closed:
        tally.fates["kept" if closed.kept else "not accepted"] += 1
    except HellotextError:
        tally.fates["not accepted"] += 1
    else:
        tally.fates[outcome.verdict] += 1
        tally.doubled += outcome.maybe_duplicated


async def _events(chunks: Chunks, stop: asyncio.Event, tally: Tally) -> AsyncIterator[Event]:
    async for lines in _lines(chunks, stop, tally):
        for number, line in lines:
            if stop.is_set():
                return
            if (event := tally.read(number, line)) is not None:
                yield event


async def _lines(
    chunks: Chunks, stop: asyncio.Event, tally: Tally
) -> AsyncIterator[Iterable[tuple[int, bytes | None]]]:
    splitter = Splitter()
    try:
        async for chunk in chunks.until(stop):
            yield splitter.feed(chunk)
            await asyncio.sleep(0)
    except OSError as error:
        tally.unreadable = error.strerror
    yield splitter.end()
