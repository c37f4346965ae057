"""`worker`: deliver the events of a stream on a Redis or Valkey server, beside other workers.

Start as many as are needed, on as many machines: they share the stream's shards among them. SIGTERM or
the first Ctrl-C ends what is in flight and hands the rest over; the second one ends at once. How it
stands is a table on a terminal, else a line now and then.

Exit 0: every event that it took was delivered, or handed over. Exit 1: some ended badly (they are among the
stream's dead letters), or could not be handed over, or the API refuses the token, or the server cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import TYPE_CHECKING, Final, TextIO

from .._details import counted
from ..client import Hellotext
from ..config import Limits
from .numbers import count, rate
from .output import say
from .reach import saying_unreachable
from .signals import Stop, stopping
from .stream import add_stream_arguments, stream_of
from .table import table

if TYPE_CHECKING:
    from ..fleet.worker import StreamWorker
    from ..limiter import RateState
    from ..queue.outcome import Report

__all__ = ["NAME", "arguments", "run"]

NAME = "worker"
TICK: Final = 0.2
TABLE_EVERY, LINE_EVERY = 1.0, 5.0
"""Seconds between two showings."""

Rows = list[tuple[str, object]]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_stream_arguments(parser)
    parser.add_argument("--concurrency", type=count, default=64, metavar="N", help="requests at once (default: 64)")
    parser.add_argument("--rate", type=rate, metavar="R", help="at most R requests per second from this worker")
    parser.set_defaults(run=run)


async def run(args: argparse.Namespace) -> int:
    """Deliver until a signal; exit 0 if everything was delivered or handed over cleanly."""
    stream = stream_of(args)
    limits = Limits(rate=args.rate, concurrency=max(100, args.concurrency + 2))
    with stopping("ending what is in flight, and handing over (again: end now)", "ending now") as stop:
        async with Hellotext(limits=limits, hooks=saying_unreachable()) as client:
            worker = client.worker(stream, concurrency=args.concurrency)
            async with worker:
                print(
                    f"delivering {stream.name} from {stream.place} as one of {counted(worker.workers, 'worker')}",
                    flush=True,
                )
                report = await _deliver(worker, client, stop)
    say(table([*report.outcomes.items(), ("lost by the server", stream.lost)]))
    if report.suspended:
        print(f"hellotext-async: the API refuses the token ({report.error})", file=sys.stderr)
    badly = sum(report.outcomes.values()) - report.outcomes["delivered"]
    if badly:
        print(
            f"hellotext-async: {counted(badly, 'event')} ended badly: see `hellotext-async dead-letters list`",
            file=sys.stderr,
        )
    return 1 if report.suspended or report.kept or badly else 0


async def _deliver(worker: StreamWorker, client: Hellotext, stop: Stop) -> Report:
    """Run the worker and show how it stands; a token that is refused ends it, for no other can come in here."""
    view = _View(sys.stderr)
    running = asyncio.ensure_future(worker.run())
    try:
        while not running.done():
            view.show(worker, client.rate())
            if stop.is_set() or worker.stats().suspended:
                worker.stop()
            if stop.now.is_set():
                break
            await asyncio.wait([running], timeout=TICK)
    finally:
        if not running.done():
            # First: if the close has not begun, it would wait for what is in flight.
            closing = asyncio.ensure_future(worker.aclose(0))
            running.cancel()
            await asyncio.wait([closing, running])
    return await worker.aclose() if running.cancelled() else running.result()


class _View:
    """A table that is drawn over itself on a terminal, else lines."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._every = TABLE_EVERY if out.isatty() else LINE_EVERY
        self._shown_at = time.monotonic() - (self._every if out.isatty() else 0)
        self._delivered = self._height = 0

    def show(self, worker: StreamWorker, state: RateState) -> None:
        """If it is time."""
        now = time.monotonic()
        if now - self._shown_at < self._every:
            return
        rows = self._rows(worker, state, now - self._shown_at)
        self._shown_at = now
        if not self._out.isatty():
            self._out.write("  ".join(f"{name} {value}" for name, value in rows) + "\n")
        else:
            lines = table(rows).splitlines()
            up = f"\x1b[{self._height}A" if self._height else ""
            self._out.write(up + "".join(f"{line}\x1b[K\n" for line in lines))
            self._height = len(lines)
        self._out.flush()

    def _rows(self, worker: StreamWorker, state: RateState, passed: float) -> Rows:
        stats = worker.stats()
        delivered = stats.outcomes["delivered"]
        speed, self._delivered = (delivered - self._delivered) / passed, delivered
        ended_badly = sum(stats.outcomes.values()) - delivered
        return [
            ("shards", len(worker.shards)),
            ("workers", worker.workers),
            ("delivered", delivered),
            ("per second", round(speed)),
            ("ended badly", ended_badly),
            ("in flight", stats.in_flight),
            ("waiting here", stats.queued),
            ("rate", "none yet" if state.rate is None else f"{state.rate:.1f}/s"),
            ("lost by the server", stats.lost),
        ]
