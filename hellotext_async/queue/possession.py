"""Possession of a file: a lock file of its own, held open, and nothing else of the process can make it fall.

Rules. `flock` belongs to the open file, not to the process as POSIX record locks do: opening and
closing the spool elsewhere in the process changes nothing. A forked child gives its copy up at
once, so that the lock falls when the parent ends.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from weakref import WeakSet

from ..errors import SpoolBusy, SpoolError

__all__ = ["Possession", "open_own"]

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


def open_own(path: Path, flags: int = _FLAGS) -> int:
    """Open a file for its owner only, made if it is not there; SpoolError if it is a link, or cannot be opened."""
    try:
        file = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise SpoolError(f"{path} cannot be opened ({error.strerror})") from None
    if os.name == "posix" and os.fstat(file).st_mode & 0o077:
        try:
            os.fchmod(file, 0o600)
        except OSError:
            os.close(file)
            raise SpoolError(f"{path} can be read by others, and is not ours to change") from None
    return file


class Possession:
    """The lock of one path; SpoolBusy if another holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._made = not self._path.exists()
        self._file: int | None = None
        while not self._is_of_the_path():  # one that refused the path may remove the file that was just opened
            self.release()
            self._file = open_own(self._path)
            try:
                _lock(self._file)
            except OSError:
                self.release()
                raise SpoolBusy(
                    f"the spool {path} is in use by another queue or process: give each its own path, "
                    "or use SqliteSpool.in_folder()"
                ) from None
        _held.add(self)

    def _is_of_the_path(self) -> bool:
        """Whether the file that is locked is the one that others find."""
        try:
            return self._file is not None and os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return False

    def leave_nothing(self) -> None:
        """Give it up, and remove what was made for it: the path is another's."""
        if self._made:
            self._path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Give it up."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


_held: WeakSet[Possession] = WeakSet()


def _after_fork() -> None:
    for possession in list(_held):
        possession.release()


if os.name == "posix":
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    os.register_at_fork(after_in_child=_after_fork)
else:  # pragma: no cover
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
