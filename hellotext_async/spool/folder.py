"""One spool file for each process of a folder: a free one with events that a process left, else any free one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SpoolBusy, SpoolError

if TYPE_CHECKING:
    from .database import Database

__all__ = ["claim_one"]


def claim_one(folder: Path, open_: Callable[[Path], Database]) -> Database:
    """Open a file that no other process has; SpoolError if the folder cannot be used."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SpoolError(f"the folder of spools {folder} cannot be made ({error.strerror})") from None
    empty: Database | None = None
    for path in _files(folder):
        if empty is not None and not path.exists():
            return empty
        try:
            found = open_(path)
        except SpoolBusy:
            continue
        if found.count():
            if empty is not None:
                empty.close()
            return found
        if empty is None:
            empty = found
        else:
            found.close()
    raise AssertionError("there is always another name")


def _files(folder: Path) -> Iterator[Path]:
    """Those that are there, in order, then the next name, and so on."""
    taken = sorted(int(number) for path in folder.glob("spool-*.db") if (number := path.stem[6:]).isdigit())
    yield from (folder / f"spool-{number}.db" for number in taken)
    yield from (folder / f"spool-{number}.db" for number in count(taken[-1] + 1 if taken else 1))
