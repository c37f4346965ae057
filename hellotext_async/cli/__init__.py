"""The commands: thin over the objects, and the only place that reads argv.

Exit codes: 0 every event delivered, 1 some not (the report says which), 2 usage.
"""

from __future__ import annotations

import argparse
import sys

from . import check, dead_letters, demo, emulator, ingest

__all__ = ["main"]

COMMANDS = (demo, emulator, ingest, check, dead_letters)


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    parser = argparse.ArgumentParser(prog="hellotext-async", description="Commands of hellotext_async.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return 1
    except OSError as error:
        print(f"hellotext-async: {error.strerror or error}", file=sys.stderr)
        return 2
    return code
