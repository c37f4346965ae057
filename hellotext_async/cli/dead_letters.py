"""`dead-letters`: list, show, look up or replay events that ended badly."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from .._details import counted
from ..client import Hellotext
from ..errors import ConfigurationError, QueueClosed, SpoolError
from ..queue.dead_letters import DeadLetters
from ..queue.letters import Letter
from .alone import alone
from .closing import closing
from .output import say
from .progress import showing
from .reach import saying_unreachable
from .signals import stopping
from .stream import add_stream_arguments, stream_of
from .table import table

__all__ = ["NAME", "arguments"]

NAME = "dead-letters"
VERDICTS = ("delivered", "not_delivered", "unknown")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    verbs = parser.add_subparsers(required=True, metavar="list|show|reconcile|replay")
    for name, run, about in (
        ("list", listed, "one line for each event, without its content"),
        ("show", shown, "each event as JSON, with the payload that was sent: customers' data"),
        ("reconcile", reconciled, "look up in the API what became of those whose outcome is unknown; sends nothing"),
        (
            "replay",
            replayed,
            "send the events again, or put them back into their stream",
        ),
    ):
        verb = verbs.add_parser(name, help=about, description=about)
        verb.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the dead letters' file")
        add_stream_arguments(verb)
        verb.set_defaults(run=run)
        if name == "show":
            verb.add_argument("ids", nargs="*", metavar="EVENT_ID", help="only these (default: all)")
        if name == "replay":
            verb.add_argument(
                "--include-unknown", action="store_true", help="also those that may have been applied already"
            )


def _opened(args: argparse.Namespace) -> DeadLetters:
    """The letters in the file, or those of the stream that is named instead."""
    path: Path | None = args.file
    if path is None:
        return DeadLetters(stream_of(args))
    if args.redis or args.stream:
        raise ConfigurationError("FILE, or --redis and --stream, not both")
    if not path.is_file():
        print(f"hellotext-async: no such file: {path}", file=sys.stderr)
        raise SystemExit(2)
    return DeadLetters(path)


def _damage(letters: DeadLetters) -> int:
    if letters.damaged:
        print(f"hellotext-async: {counted(letters.damaged, 'line')} cannot be read as letters", file=sys.stderr)
    return 1 if letters.damaged else 0


async def listed(args: argparse.Namespace) -> int:
    """One line each."""
    letters = _opened(args)
    async for letter in letters:
        attempts = counted(letter.attempts, "attempt")
        print(f"{letter.event_id}  {letter.verdict}  {letter.action}  {attempts}  {letter.reason}")
    return _damage(letters)


async def shown(args: argparse.Namespace) -> int:
    """Everything."""
    if args.stream and args.file:  # it has no file: all of them are ids
        args.ids, args.file = [str(args.file), *args.ids], None
    letters = _opened(args)
    wanted = set(args.ids)
    async for letter in letters:
        if not args.ids or letter.event_id in args.ids:
            wanted.discard(letter.event_id)
            print(_as_json(letter))
    for missing in sorted(wanted):
        print(f"hellotext-async: no letter of event {missing}", file=sys.stderr)
    return 1 if wanted else _damage(letters)


def _as_json(letter: Letter) -> str:
    fields = {name: getattr(letter, name) for name in letter.__struct_fields__}
    return json.dumps({**fields, "payload": json.loads(bytes(letter.payload))}, ensure_ascii=False, indent=2)


async def reconciled(args: argparse.Namespace) -> int:
    """What is there leaves the list; what is not can be replayed."""
    letters = _opened(args)
    async with Hellotext() as client:
        found = await letters.reconcile(client)
    for result in found:
        if result.verdict == "unknown" and isinstance(result.of, Letter):
            print(f"{result.of.event_id}  unknown  {result.of.action}  {result.reason}")
    verdicts: Counter[str] = Counter(result.verdict for result in found)
    say(table([(verdict.replace("_", " "), verdicts[verdict]) for verdict in VERDICTS]))
    return 1 if verdicts["unknown"] or _damage(letters) else 0


async def _requeued(letters: DeadLetters, *, include_unknown: bool) -> int:
    """Events go back to where workers take them: no token is needed."""
    verdicts = Counter([letter.verdict async for letter in letters])
    requeued = await letters.requeue(include_unknown=include_unknown)
    left_out = 0 if include_unknown else verdicts["unknown"]
    say(table([("put back into the stream", requeued), ("unknown, left out", left_out)]))
    _damage(letters)
    return 0 if requeued == verdicts.total() and not letters.damaged else 1


async def replayed(args: argparse.Namespace) -> int:
    """Send again. What ends badly once more is written to the same file, with its new verdict."""
    letters = _opened(args)
    if args.file is None:
        return await _requeued(letters, include_unknown=args.include_unknown)
    verdicts = Counter([letter.verdict async for letter in letters])
    total = verdicts.total() - (0 if args.include_unknown else verdicts["unknown"])
    ended: Counter[str] = Counter()
    failure: OSError | SpoolError | None = None
    busy = f"{args.file} is being replayed already; two replays would send everything twice"
    with stopping() as stop, showing("replaying", total) as progress, alone(args.file, busy):
        async with (
            Hellotext(hooks=saying_unreachable()) as client,
            client.event_queue(dead_letters=args.file) as queue,
            closing(queue, stop, lambda: progress(ended.total(), f"{ended['delivered']:,} delivered")),
        ):
            try:
                async for outcome in letters.replay(queue, include_unknown=args.include_unknown):
                    ended[outcome.verdict] += 1
            except QueueClosed:
                pass  # a signal ended it while letters were still to be sent
            except (OSError, SpoolError) as error:
                failure = error
    left_out = 0 if args.include_unknown else verdicts["unknown"]
    rows: list[tuple[str, object]] = [*sorted(ended.items()), ("left", total - ended.total())]
    say(table([*rows, ("unknown, left out", left_out)] if left_out else rows))
    if failure is not None:
        reason = failure.strerror if isinstance(failure, OSError) else str(failure)
        print(
            f"hellotext-async: {args.file} cannot be written ({reason}): no more was sent; those of the "
            "rest that were under way are listed as unknown",
            file=sys.stderr,
        )
    _damage(letters)
    return 0 if ended["delivered"] == verdicts.total() and not letters.damaged and failure is None else 1
