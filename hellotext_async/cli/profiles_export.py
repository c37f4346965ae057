"""Writes every profile of the business as JSON lines or CSV."""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from ..client import Hellotext
from ..resources._profile import Profile
from .closing import unless
from .output import is_of_output
from .progress import showing
from .reach import saying_unreachable
from .signals import stopping

__all__ = ["run"]

PAGE: Final = 100
COLUMNS: Final = ("id", "first_name", "last_name", "email", "phone", "lists", "state", "created_at", "emails", "phones")


async def run(args: argparse.Namespace) -> int:
    """Export, the whole business or up to a signal."""
    format = args.format or ("csv" if args.output is not None and args.output.suffix == ".csv" else "json")
    try:
        opened: AbstractContextManager[BinaryIO] = (
            nullcontext(sys.stdout.buffer) if args.output is None else _created(args.output)
        )
    except OSError as error:
        print(f"hellotext-async: {args.output} cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    try:
        return await _export(opened, format)
    except OSError as error:
        if args.output is None or not is_of_output(error):
            raise
        print(f"hellotext-async: {args.output} cannot be written ({error.strerror}): it is not whole", file=sys.stderr)
        return 1


async def _export(opened: AbstractContextManager[BinaryIO], format: str) -> int:
    with stopping("stopping") as stop, opened as out:
        pages = _Pages(out, format)
        async with Hellotext(hooks=saying_unreachable()) as client:
            await unless(stop, pages.write(client))
        out.flush()
    left = "" if pages.whole else " (stopped by a signal)"
    print(f"{pages.number:,} profiles{left}", file=sys.stderr)
    return 0 if pages.whole else 1


class _Pages:
    """The profiles on their way to `out`: how many so far, and whether they are all."""

    def __init__(self, out: BinaryIO, format: str) -> None:
        self.number = 0
        self.whole = False
        self._out = out
        self._row: Callable[[Profile], bytes] = _as_csv if format == "csv" else _as_json
        if format == "csv":
            out.write(_csv(COLUMNS))

    async def write(self, client: Hellotext) -> None:
        """Write them; between two rows it is not cut off."""
        with showing("exporting", None) as progress:
            async for profile in client.profiles.list(limit=PAGE, sort="created_at"):
                self._out.write(self._row(profile))
                self.number += 1
                progress(self.number, f"{self.number:,} profiles")
        self.whole = True


def _created(path: Path) -> BinaryIO:
    """A new file that only its owner reads: it has customers' data."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _as_json(profile: Profile) -> bytes:
    return msgspec.json.encode(profile) + b"\n"


def _as_csv(profile: Profile) -> bytes:
    return _csv((
        profile.id,
        profile.first_name or "",
        profile.last_name or "",
        next(iter(profile.emails), ""),
        next(iter(profile.phones), ""),
        ";".join(each.name or each.id for each in profile.lists),
        profile.state or "",
        "" if profile.created_at is None else profile.created_at.isoformat(),
        ";".join(profile.emails),
        ";".join(profile.phones),
    ))  # fmt: skip


def _csv(values: tuple[str, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue().encode()
