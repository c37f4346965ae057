"""``hellotext-async dead-letters``: look at events that ended badly, and replay them."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from .table import table

__all__ = ["add"]


def add(commands: Any) -> None:
    """Tell argparse of it."""
    parser = commands.add_parser("dead-letters", help="list, show or replay events that ended badly")
    verbs = parser.add_subparsers(required=True, metavar="list|show|replay")
    for name, run, help in (("list", _list, "one a line"), ("show", _show, "one, whole"), ("replay", _replay, "again")):
        verb = verbs.add_parser(name, help=help)
        verb.add_argument("file")
        verb.set_defaults(run=run)
        if name == "show":
            verb.add_argument("event_id")
        if name == "replay":
            verb.add_argument("--include-unknown", action="store_true", help="also those that may have been applied")


def _list(arguments: argparse.Namespace) -> int:
    from ..queue.dead_letters import DeadLetters

    letters = DeadLetters(arguments.file)
    for letter in letters:
        print(f"{letter.event_id}  {letter.action}  {letter.verdict}  after {letter.attempts}: {letter.reason}")
    if letters.damaged:
        print(f"{letters.damaged} damaged lines", file=sys.stderr)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from ..queue.dead_letters import DeadLetters

    letter = DeadLetters(arguments.file).get(arguments.event_id)
    if letter is None:
        print("no such letter", file=sys.stderr)
        return 1
    print(table([(name, getattr(letter, name)) for name in ("event_id", "action", "verdict", "attempts", "reason")]))
    print(bytes(letter.payload).decode())
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    return asyncio.run(_again(arguments.file, arguments.include_unknown))


async def _again(file: str, include_unknown: bool) -> int:
    from ..client import Hellotext
    from ..queue.dead_letters import DeadLetters

    bad = total = 0
    async with Hellotext() as client, client.event_queue(dead_letters=file) as queue:
        async for outcome in DeadLetters(file).replay(queue, include_unknown=include_unknown):
            total += 1
            bad += not outcome.delivered
    print(f"replayed {total:,}, delivered {total - bad:,}")
    return 1 if bad else 0
