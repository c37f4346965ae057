"""Space on the disk that is given up when the disk is full, so that the ends of events can be committed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .._own_file import open_own

__all__ = ["SIZE", "Reserve"]

SIZE: Final = 1024 * 1024
PAUSE: Final = 1.0
"""Seconds between tries to have it again."""


class Reserve:
    """A file next to the spool that holds nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.reserve")
        self._allocated = False
        self._tried = 0.0
        self.allocate()

    @property
    def allocated(self) -> bool:
        """Whether there is something to give up."""
        return self._allocated

    def allocate(self, make_room: Callable[[], object] | None = None) -> None:
        """Hold the space if there is enough of it, perhaps after `make_room`."""
        now = time.monotonic()
        if self._allocated or now - self._tried < PAUSE:
            return
        self._tried = now
        self._take()
        if not self._allocated and make_room is not None:
            make_room()
            self._take()

    def _take(self) -> None:
        file = open_own(self._path)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file, 0, SIZE)
            else:  # pragma: no cover
                os.write(file, bytes(SIZE))
            self._allocated = True
        except OSError:
            os.ftruncate(file, 0)
        finally:
            os.close(file)

    def release(self) -> None:
        """Give the space up."""
        os.truncate(self._path, 0)
        self._allocated = False

    def close(self) -> None:
        """Leave nothing behind."""
        self._path.unlink(missing_ok=True)
