"""`emulator`: serve an emulated API on loopback until SIGINT or SIGTERM.

It keeps its objects in memory, starts empty, and prints its URL first: a browser finds the inspector
there. Point HELLOTEXT_API_URL and HELLOTEXT_API_TOKEN at it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Final

from .numbers import count, port, rate
from .signals import stopping

if TYPE_CHECKING:
    from ..emulator import Emulator

__all__ = ["NAME", "arguments", "run"]

NAME = "emulator"
HISTORY: Final = 10_000
"""Requests that the inspector shows."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("--port", type=port, default=0, help="where to listen (default: a free one)")
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS",
        help="the address to listen on (default: 127.0.0.1); anyone who reaches another one can read and change it all",
    )  # fmt: skip
    parser.add_argument("--token", default="test-token", help="the token it accepts (default: test-token)")
    parser.add_argument("--rate-limit", type=rate, metavar="R", help="answer 429 beyond R requests per second")
    parser.add_argument("--burst", type=count, metavar="B", help="requests let through at once (default: R)")
    parser.add_argument("--seed-document", action="store_true", help="have the objects of the document's examples")
    # For a program that starts it: JSON lines, an end when stdin ends, and the counts last.
    parser.add_argument("--controlled", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


async def run(args: argparse.Namespace) -> int:
    """Serve."""
    from ..emulator import Emulator, RateLimit

    burst = args.burst or max(1, round(args.rate_limit or 1))
    limit = None if args.rate_limit is None else RateLimit(args.rate_limit, burst)
    history = 0 if args.controlled else HISTORY
    emulator = Emulator(args.port, args.token, rate_limit=limit, host=args.host, history=history, keep_events=False)
    if args.seed_document:
        emulator.store.seed_document()
    with stopping() as stop:
        try:
            await emulator.start()
        except OSError as error:
            print(f"hellotext-async: {args.host}:{args.port} cannot be used ({error.strerror})", file=sys.stderr)
            return 1
        try:
            _print_url(emulator, controlled=args.controlled)
            if args.controlled:
                _stop_at_end_of_stdin(stop)
            await stop.wait()
        finally:
            await emulator.aclose()
    if args.controlled:
        print(json.dumps({"actions": emulator.counts, "statuses": emulator.statuses}), flush=True)
    return 0


def _print_url(emulator: Emulator, *, controlled: bool) -> None:
    if controlled:
        print(json.dumps({"url": emulator.url}), flush=True)
    else:
        print(f"serving {emulator.url} (Ctrl-C ends it; open it in a browser to look inside)", flush=True)


def _stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    """The program that started it holds its stdin; if that one dies, this one ends too."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            while os.read(0, 4096):
                pass
            loop.call_soon_threadsafe(stop.set)
        except (OSError, RuntimeError):
            pass  # no stdin, or the loop has ended already

    threading.Thread(target=read, name="stdin", daemon=True).start()
