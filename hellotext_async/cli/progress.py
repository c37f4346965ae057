"""How far a command is: a bar on a terminal, pretty if rich is installed, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

__all__ = ["Progress", "showing"]

ON_TERMINAL, IN_LINES = 0.1, 5.0
"""Seconds between two showings."""
WIDTH = 30


class Progress(Protocol):
    """What a command tells: how much is done (of the total it gave, if it gave one) and a few words."""

    def __call__(self, done: float, words: str = "") -> None: ...


@contextmanager
def showing(label: str, total: float | None) -> Generator[Progress]:
    """A progress to call as often as one likes."""
    out: TextIO = sys.stderr
    if not out.isatty():
        yield _Lines(label, total, out)
        return
    bar = _pretty(label, total, out) or _Bar(label, total, out)
    try:
        yield bar
    finally:
        bar.end()


def _pretty(label: str, total: float | None, out: TextIO) -> _Rich | None:
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
        TextColumn("{task.fields[words]}"),
    )
    return _Rich(Progress(*parts, console=Console(file=out)), label, total)


class _Paced:
    """Shows at most once per `every` seconds."""

    every = ON_TERMINAL

    def __init__(self, label: str, total: float | None, out: TextIO) -> None:
        self._label, self._total, self._out = label, total, out
        self._due = time.monotonic() + self.every
        self._last = (0.0, "")

    def __call__(self, done: float, words: str = "") -> None:
        self._last = (done, words)
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self.every
            self.show()

    def show(self) -> None:
        done, words = self._last
        self._out.write(f"{self._label}: {self.part(done)}{words}".rstrip() + "\n")
        self._out.flush()

    def part(self, done: float) -> str:
        return "" if not self._total else f"{min(1.0, done / self._total):4.0%}  "


class _Lines(_Paced):
    every = IN_LINES


class _Bar(_Paced):
    def show(self) -> None:
        done, words = self._last
        bar = ""
        if self._total:
            full = round(WIDTH * min(1.0, done / self._total))
            bar = f"[{'#' * full}{'.' * (WIDTH - full)}] "
        self._out.write(f"\r{self._label} {bar}{self.part(done)}{words}\x1b[K")
        self._out.flush()

    def end(self) -> None:
        self.show()
        self._out.write("\n")


class _Rich:
    def __init__(self, progress: RichProgress, label: str, total: float | None) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=total, words="")
        self._last = (0.0, "")
        self._due = 0.0
        progress.start()

    def __call__(self, done: float, words: str = "") -> None:
        self._last = (done, words)
        if (now := time.monotonic()) >= self._due:
            self._due = now + ON_TERMINAL
            self.show()

    def show(self) -> None:
        done, words = self._last
        self._progress.update(self._task, completed=done, words=words)

    def end(self) -> None:
        self.show()
        self._progress.stop()
