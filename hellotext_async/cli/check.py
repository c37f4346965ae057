"""`check`: say whether the token and the URL work, by one cheap request."""

from __future__ import annotations

import argparse
import os
import sys
import time

from ..client import Hellotext
from ..config import Retry, origin, url_from
from ..errors import APIError, HellotextError, NotSent, OutcomeUnknown, Unauthorized

__all__ = ["NAME", "arguments", "run"]

NAME = "check"


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes nothing: HELLOTEXT_API_TOKEN and HELLOTEXT_API_URL say all."""
    parser.set_defaults(run=run)


async def run(given: argparse.Namespace) -> int:
    """Ask for one profile."""
    print(f"URL    {origin(url_from(None))} ({_source('HELLOTEXT_API_URL', 'the default')})")
    client = Hellotext(retry=Retry(attempts=2, deadline=30))
    print("token  well formed (HELLOTEXT_API_TOKEN)")
    began = time.monotonic()
    try:
        async with client:
            await client.profiles.list(limit=1)
    except HellotextError as error:
        print("API    does not work", flush=True)
        print(f"hellotext-async: {_advice(error)} ({error})", file=sys.stderr)
        return 1
    print(f"API    works: profiles can be listed ({(time.monotonic() - began) * 1000:.0f} ms)")
    return 0


def _source(name: str, otherwise: str) -> str:
    return name if os.environ.get(name) else otherwise


def _advice(error: HellotextError) -> str:
    if isinstance(error, Unauthorized):
        return "the API refuses the token"
    if isinstance(error, NotSent):
        return "the API cannot be reached"
    if isinstance(error, OutcomeUnknown):
        return "the API did not answer"
    if isinstance(error, APIError):
        return "the API answers with an error"
    return "the request could not be made"
