"""Opening a file that only its owner may read: what holds customers' data is no link, and nobody else's to see."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from .errors import SpoolError

__all__ = ["not_opened", "open_own", "sync_folder"]

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


def open_own(path: Path, flags: int = _FLAGS) -> int:
    """Open a file for its owner only, made if it is not there; SpoolError if it is a link, or cannot be opened."""
    try:
        file = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise not_opened(path, error) from None
    if os.name == "posix" and os.fstat(file).st_mode & 0o077:
        try:
            os.fchmod(file, 0o600)
        except OSError:
            os.close(file)
            raise SpoolError(f"{path} can be read by others, and is not ours to change") from None
    return file


def not_opened(path: Path, error: OSError) -> SpoolError:
    """What is raised for a file that the system does not open."""
    why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
    return SpoolError(f"{path} cannot be opened ({why})")


def sync_folder(folder: Path) -> None:
    """A new file is durable only when the folder that names it is. Raises OSError."""
    if os.name == "posix":
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
