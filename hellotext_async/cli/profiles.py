"""`profiles`: import profiles from a CSV or JSON lines, or export them all.

Import updates the profile that has a row's phone or e-mail, and creates one where there is none, so it can be
repeated. Columns are first_name, last_name, email, phone, address, lists (names, separated by ;),
reference, properties.NAME; --map names others. Export writes customers' data: that is its task.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import profiles_export, profiles_import
from .mapping import add_mapping_arguments
from .numbers import count, rate

__all__ = ["NAME", "arguments"]

NAME = "profiles"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    verbs = parser.add_subparsers(required=True, metavar="import|export")
    _import(verbs.add_parser("import", help="create or update the profiles in a file"))
    _export(verbs.add_parser("export", help="write every profile of the business"))


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a CSV or JSON lines, or - for stdin; gzip is recognised")
    add_mapping_arguments(parser)
    parser.add_argument("--checkpoint", type=Path, metavar="PATH", help="note here what has ended, and go on from it")
    parser.add_argument("--concurrency", type=count, default=16, metavar="N", help="requests at once (default: 16)")
    parser.add_argument("--rate", type=rate, metavar="R", help="at most R requests per second")
    parser.add_argument("--dry-run", action="store_true", help="check every row, send and write nothing")
    parser.add_argument("--json", action="store_true", help="report as one JSON object")
    parser.set_defaults(run=profiles_import.run)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=["json", "csv"], help="default: by the output's name, else JSON lines")
    parser.add_argument("--output", type=Path, metavar="PATH", help="a new file (default: stdout)")
    parser.set_defaults(run=profiles_export.run)
