"""One run at a time over a file of a command's."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigurationError, SpoolBusy, SpoolError
from ..spool.possession import Possession

__all__ = ["alone"]


@contextmanager
def alone(path: Path, refusal: str) -> Generator[None]:
    """Have it, where files can be locked. Raises ConfigurationError, with `refusal`, if another process has it."""
    try:
        possession = Possession(path)
    except SpoolBusy:
        raise ConfigurationError(refusal) from None
    except SpoolError:
        possession = None  # if it is the folder, writing there says so
    try:
        yield
    finally:
        if possession is not None:
            possession.leave_nothing()
