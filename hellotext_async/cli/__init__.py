"""The commands: ``hellotext-async demo | emulator | ingest | worker | profiles | dead-letters | check``.

Rules. They are thin over the package's objects. Results go to stdout, progress and complaints to
stderr. Exit 0: every event delivered (or all is well); 1: not so, and the report says what; 2: used
wrongly. No token, phone, e-mail or body is printed; only
``dead-letters show`` and ``profiles export`` show customers' data.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .._version import __version__
from ..errors import ConfigurationError, HellotextError
from . import check, dead_letters, demo, emulator, ingest, profiles, worker
from .output import abandon, is_of_output, lenient_stderr
from .warned import warnings_in_words

__all__ = ["main"]

_COMMANDS = (demo, emulator, ingest, worker, profiles, dead_letters, check)


ENVIRONMENT: Final = """\
environment:
  HELLOTEXT_API_TOKEN  the token; every command but `emulator` and `demo` needs it
  HELLOTEXT_API_URL    where the API is (default: the vendor's)
  HELLOTEXT_REDIS_URL  where the server of a stream is, for `worker` and `dead-letters`

exit codes:
  0  every event was delivered, every row imported, or all is well
  1  not so, and the report says what
  2  used wrongly: arguments, settings, a file that cannot be read
  130  interrupted by repeated Ctrl-C
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # what started it has closed it; no file of ours takes its place
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    with lenient_stderr():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    try:
        args = _parsed(argv)
        with warnings_in_words():
            code: int = asyncio.run(args.run(args))
            sys.stdout.flush()
    except ConfigurationError as error:
        return _complain(error, 2)
    except HellotextError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        abandon(sys.stdout)  # its reader has ended
        return 1
    except OSError as error:
        if not is_of_output(error):
            raise
        abandon(sys.stdout)
        return _complain(f"stdout cannot be written ({error.strerror})", 1)
    return code


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    try:
        return _parser().parse_args(argv)
    finally:
        sys.stdout.flush()  # what `--help` wrote, which may have no reader


def _complain(error: Exception | str, code: int) -> int:
    print(f"hellotext-async: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hellotext-async",
        description="Deliver events to the Hellotext API and know what became of each.",
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        summary, _, rest = (command.__doc__ or "").partition("\n")
        short = summary.partition(": ")[2]
        command.arguments(
            commands.add_parser(
                command.NAME,
                help=short,
                description=f"{short}\n{rest}",
                epilog=ENVIRONMENT,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        )
    return parser
