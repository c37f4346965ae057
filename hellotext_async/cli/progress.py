"""Progress of many events: a bar on a terminal (rich, if it is installed), plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Progress", "progress"]

EVERY = 2.0
"""Seconds between plain lines."""


class Progress(Protocol):
    """Something that is told how many are done."""

    def done(self, count: int) -> None:
        """So many are done by now."""
        ...


class _Lines:
    def __init__(self, total: int | None, name: str) -> None:
        self._total, self._name = total, name
        self._began = self._told = time.monotonic()

    def done(self, count: int) -> None:
        now = time.monotonic()
        if now - self._told < EVERY:
            return
        self._told = now
        of = "" if self._total is None else f" of {self._total:,}"
        print(f"{self._name}: {count:,}{of}, {count / (now - self._began):,.0f}/s", file=sys.stderr, flush=True)


@contextmanager
def progress(total: int | None, name: str) -> Iterator[Progress]:
    """Show the progress of `total` events (None: nobody knows) until the end of the block."""
    try:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar
    except ImportError:
        yield _Lines(total, name)
        return
    if not sys.stderr.isatty():
        yield _Lines(total, name)
        return
    from rich.console import Console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=total)

        class _Bar:
            def done(self, count: int) -> None:
                bar.update(task, completed=count)

        yield _Bar()
