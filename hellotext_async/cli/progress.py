"""How far a command is: a bar on a terminal where rich is installed, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

__all__ = ["Lines", "Progress", "showing"]

EVERY: Final = 5.0
"""Seconds between two lines."""


class Progress(Protocol):
    """Takes how much is done (of the total, if there is one) and a short status."""

    def __call__(self, done: float, status: str = "", /) -> None: ...


@contextmanager
def showing(label: str, total: float | None) -> Generator[Progress]:
    """A progress to call as often as one likes."""
    out: TextIO = sys.stderr
    bar = _bar(out) if out.isatty() else None
    if bar is None:
        yield Lines(label, total, out)
        return
    task = bar.add_task(label, total=total, status="")
    with bar:
        yield lambda done, status="": bar.update(task, completed=done, status=status)


def _bar(out: TextIO) -> RichProgress | None:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
    except ImportError:
        return None
    parts = (
        "{task.description}",
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[status]}"),
    )
    return Progress(*parts, console=Console(file=out))


class Lines:
    """Writes one line to `out` every few seconds of `clock`, none before the first few have passed."""

    def __init__(
        self, label: str, total: float | None, out: TextIO, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label, self._total, self._out, self._clock = label, total, out, clock
        self._due = clock() + EVERY

    def __call__(self, done: float, status: str = "", /) -> None:
        """Write the line if it is due."""
        now = self._clock()
        if now >= self._due:
            self._due = now + EVERY
            part = f"{min(1.0, done / self._total):4.0%}  " if self._total else ""
            self._out.write(f"{self._label}: {part}{status}".rstrip() + "\n")
            self._out.flush()
