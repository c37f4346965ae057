"""``hellotext-async emulator``: serve the emulated API until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from typing import Any

__all__ = ["add"]


def add(commands: Any) -> None:
    """Tell argparse of it."""
    parser = commands.add_parser("emulator", help="serve the emulated API on loopback")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--token", default="test-token")
    parser.add_argument("--rate-limit", type=float, metavar="R", help="requests a second; more are answered 429")
    parser.add_argument("--burst", type=float, default=10, metavar="B")
    parser.add_argument("--seed-document", action="store_true", help="have the objects of the document's examples")
    parser.add_argument("--machine", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve; say where, and at the end what was counted."""
    return asyncio.run(_serve(arguments))


async def _serve(arguments: argparse.Namespace) -> int:
    from ..emulator import Emulator, RateLimit

    limit = None if arguments.rate_limit is None else RateLimit(arguments.rate_limit, arguments.burst)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    emulator = Emulator(arguments.port, arguments.token, rate_limit=limit, history=1000, keep_events=False)
    async with emulator:
        if arguments.seed_document or arguments.machine:
            emulator.store.seed_document()
        print(json.dumps({"url": emulator.url}) if arguments.machine else f"listening on {emulator.url}", flush=True)
        await stop.wait()
    counted = {"events": dict(emulator.counts), "statuses": dict(emulator.statuses)}
    print(json.dumps(counted) if arguments.machine else f"accepted {sum(emulator.counts.values()):,} events", flush=True)
    return 0
