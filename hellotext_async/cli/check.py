"""``hellotext-async check``: does the configuration work? One cheap read."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

__all__ = ["add"]


def add(commands: Any) -> None:
    """Tell argparse of it."""
    parser = commands.add_parser("check", help="check the token and the URL with one read")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Read one profile; say what works."""
    return asyncio.run(_check())


async def _check() -> int:
    from ..client import Hellotext
    from ..errors import ConfigurationError, HellotextError

    try:
        client = Hellotext()
    except ConfigurationError as error:
        print(f"configuration: {error}", file=sys.stderr)
        return 2
    async with client:
        try:
            await client.with_options(deadline=15).profiles.list(limit=1)
        except HellotextError as error:
            print(f"{client!r}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
    print(f"{client!r}: the token is accepted")
    return 0
