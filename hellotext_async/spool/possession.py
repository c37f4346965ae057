"""Possession of a file: a lock file of its own, held open, and nothing else of the process can make it fall.

Rules. `flock` belongs to the open file, not to the process as POSIX record locks do: opening and
closing the spool elsewhere in the process changes nothing. A forked child gives its copy up at
once, so that the lock falls when the parent ends.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final
from weakref import WeakSet

from .._own_file import open_own
from ..errors import SpoolBusy, SpoolError

__all__ = ["Possession"]

_HELD: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
"""What a lock that another holds fails with; a file system without locks fails with something else."""


class Possession:
    """The lock of one path; SpoolBusy if another holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._made = not os.path.exists(self._path)  # noqa: PTH110 - also of a name that is too long
        self._file: int | None = None
        while not self._is_of_the_path():  # one that refused the path may remove the file that was just opened
            self.release()
            self._file = open_own(self._path)
            try:
                _lock(self._file)
            except OSError as error:
                self.release()
                if error.errno not in _HELD:
                    raise SpoolError(f"the spool {path} cannot be locked ({error.strerror})") from None
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
