"""One run over the rows of a file: opened, read until it is stopped, accounted for, and reported."""

from __future__ import annotations

import argparse
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from ..client import Hellotext
from ..config import Limits
from ..errors import ConfigurationError, HellotextError, InvalidParameter
from .alone import alone
from .checkpoint import Checkpoint
from .lines import Chunks
from .mapping import FieldMap
from .reach import saying_unreachable
from .reading import format_of, rows_until
from .reasons import reason_of
from .rows import CsvRows, Row, rows_of
from .signals import Stop, stopping
from .source import Source, opened
from .tally import Tally

__all__ = ["FileRun", "run_over_file"]

T = TypeVar("T")


class FileRun(ABC):
    """The input, the account, and the error that ended the reading, if one did."""

    good: str
    """What a row that ends well is called in the account."""
    known: frozenset[str]
    """The fields that a row can have."""
    doubles = False
    """Whether a row that is sent again is doubled."""
    announcements: tuple[str, str]
    """What is printed at the first and at the second signal."""

    def __init__(
        self, args: argparse.Namespace, columns: FieldMap, source: Source, stop: Stop, checkpoint: Checkpoint | None
    ) -> None:
        self.args = args
        self.source = source
        self.stop = stop
        self.checkpoint = checkpoint
        self.tally: Final = Tally(checkpoint, good="valid" if args.dry_run else self.good)
        self.failure: HellotextError | None = None
        self._columns = columns
        self._rows = rows_of(format_of(args.file, args.format))

    @abstractmethod
    async def run(self) -> None:
        """Do it, to the end of the input or to a `failure`."""

    def client(self) -> Hellotext:
        """The client of this run; a dry run's sends nothing."""
        args = self.args
        limits = Limits(rate=args.rate, concurrency=max(100, args.concurrency + 2))
        token = "dry-run" if args.dry_run else None
        return Hellotext(token, limits=limits, enabled=not args.dry_run, hooks=saying_unreachable())

    def end(self, error: HellotextError) -> None:
        """Read no further: going on is useless."""
        self.failure = self.failure or error
        self.stop.set()

    def save(self, *, last: bool = False) -> None:
        """Write the checkpoint; if that fails, read no further. The `last` time it is tried whatever failed before."""
        if self.checkpoint is not None and (last or self.failure is None):
            try:
                self.checkpoint.save(ended=last)
            except ConfigurationError as error:
                if self.failure is None:
                    print("hellotext-async: the checkpoint cannot be written: reading no further", file=sys.stderr)
                self.end(HellotextError(str(error)))  # not used wrongly: it could be written before
                self.tally.unsaved = True
            else:
                self.tally.unsaved = False

    async def read(self, chunks: Chunks, make: Callable[[Row, dict[str, Any]], T]) -> AsyncIterator[tuple[Row, T]]:
        """The rows and what `make` makes of each one's fields; rows that it refuses are counted."""
        tally = self.tally
        try:
            async for row in rows_until(self.stop, chunks, self._rows):
                if tally.rows == 0 and isinstance(self._rows, CsvRows):
                    self._columns.check(self._rows.header or ())
                if not tally.begin(row):
                    continue
                if row.problem is not None:
                    tally.bad(row, row.problem)
                    continue
                try:
                    made = make(row, self._columns.apply(row.fields or {}))
                except InvalidParameter as error:
                    tally.bad(row, reason_of(error, self.known))
                else:
                    yield row, made
        except OSError as error:
            tally.unreadable = error.strerror
        except ConfigurationError as error:
            self.end(error)


async def run_over_file(kind: type[FileRun], args: argparse.Namespace) -> int:
    """Run `kind` over the file of these arguments and report; the exit code. Raises what ended it early."""
    columns = FieldMap(args.map, args.set, kind.known, csv=format_of(args.file, args.format) == "csv")
    try:
        with (
            opened(args.file) as source,
            stopping(*kind.announcements) as stop,
            _checkpoint(args, source, doubles=kind.doubles) as checkpoint,
        ):
            run = kind(args, columns, source, stop, checkpoint)
            run.tally.earlier_died = checkpoint is not None and checkpoint.earlier_died
            await run.run()
            run.save(last=True)
    except OSError as error:
        print(f"hellotext-async: {args.file} cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    if run.failure is None or run.tally.rows:
        run.tally.show_json(run.failure) if args.json else run.tally.show(run.failure)
    if run.failure is not None:
        raise run.failure
    return 0 if run.tally.all_delivered else 1


@contextmanager
def _checkpoint(args: argparse.Namespace, source: Source, *, doubles: bool) -> Generator[Checkpoint | None]:
    """The checkpoint for the time of a run, if there is to be one. Raises ConfigurationError."""
    path: Path | None = args.checkpoint
    if path is None:
        yield None
        return
    if source.size is None:
        raise ConfigurationError("--checkpoint needs a file: a pipe or a device cannot be read again")
    doubles = doubles and args.spool is None
    with alone(path, f"--checkpoint {path}: another run uses it; two would send everything twice"):
        yield Checkpoint.open(path, source.descriptor, doubles=doubles)
