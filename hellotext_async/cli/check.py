"""`check`: say whether the token and the URL work, layer by layer; nothing is written unless asked for.

The vendor's sequence: first the token, by one cheap read; then an action and a profile, if they are
named; with --write, one "page.viewed" of a new session. What is wrong ends it, with what to do.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from .._events.actions import ACTIONS
from ..client import Hellotext
from ..config import Retry, origin, url_from
from ..errors import APIError, HellotextError, NotFound, NotSent, OutcomeUnknown

__all__ = ["NAME", "arguments", "run"]

NAME = "check"

_ADVICE: Final = {
    400: "the API cannot read the request",
    401: "the API refuses the token: is it active, whole, and of this business?",
    403: "the token is good, but this business's plan or subscription does not allow it",
    404: "there is no such thing in the business that the token belongs to",
    422: "the API finds a value wrong",
    429: "the API is being asked too often",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    parser.add_argument("--action", metavar="NAME", help="also check that this action exists")
    parser.add_argument("--profile", metavar="ID", help="also check that this profile exists")
    parser.add_argument("--write", action="store_true", help="also track one page.viewed of a new session: it stays")
    parser.set_defaults(run=run)


async def run(args: argparse.Namespace) -> int:
    """Check one layer after the other."""
    print(f"URL      {origin(url_from(None))} ({_source('HELLOTEXT_API_URL', 'the default')})")
    client = Hellotext(retry=Retry(attempts=2, deadline=30))
    print("token    well formed (HELLOTEXT_API_TOKEN)")
    async with client:
        for name, layer in _layers(client, args):
            began = time.monotonic()
            try:
                found = await layer()
            except HellotextError as error:
                print(f"{name:<8} does not work", flush=True)
                print(f"hellotext-async: {_advice(error)} ({error})", file=sys.stderr)
                return 1
            print(f"{name:<8} {found} ({(time.monotonic() - began) * 1000:.0f} ms)")
    if not args.write:
        print("nothing was written: a token that may read need not be allowed to write (--write tries it)")
    return 0


def _layers(client: Hellotext, args: argparse.Namespace) -> list[tuple[str, Callable[[], Awaitable[str]]]]:
    async def api() -> str:
        page = await client.profiles.list(limit=1)
        return "works: profiles can be read" + ("" if page.items else " (there is none)")

    async def action() -> str:
        if args.action in ACTIONS:
            return "is built in"
        async for each in client.actions.list():
            if each.name == args.action:
                return "is there"
        raise NotFound(404)

    async def profile() -> str:
        await client.profiles.retrieve(args.profile)
        return "is there"

    async def write() -> str:
        await client.events.track("page.viewed", session=f"check-{secrets.token_hex(8)}")
        return "works: an event was received (that it shows up is not proven by this)"

    wanted = [("action", action, args.action), ("profile", profile, args.profile), ("write", write, args.write)]
    return [("API", api), *((name, layer) for name, layer, asked in wanted if asked)]


def _source(name: str, otherwise: str) -> str:
    return name if os.environ.get(name) else otherwise


def _advice(error: HellotextError) -> str:
    if isinstance(error, NotSent):
        return "the API cannot be reached: is the URL right, and is there a network or proxy between?"
    if isinstance(error, OutcomeUnknown):
        return "the API did not answer; what was written may be there all the same"
    if isinstance(error, APIError):
        return _ADVICE.get(error.status, "the API fails: try again later")
    return "the request could not be made"
