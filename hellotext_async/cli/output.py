"""What a command writes to stdout and stderr, and what becomes of it when one of them cannot be written."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast

__all__ = ["abandon", "is_of_output", "lenient_stderr", "say"]

_OF_OUTPUT: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What writing to a file fails with: a full disk, a quota, a limit, a broken device."""


def say(report: str) -> None:
    """Print an account of what was done; where stdout cannot take it, on stderr. Raises OSError then."""
    try:
        print(report, flush=True)
    except OSError as error:
        if is_of_output(error):
            print(report, file=sys.stderr)
        raise


def is_of_output(error: OSError) -> bool:
    """Whether it says that a file cannot be written any further."""
    return error.errno in _OF_OUTPUT


def abandon(stream: TextIO) -> None:
    """Nothing more is written there: the interpreter must not fail once more, with code 120, when it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def lenient_stderr() -> Generator[None]:
    """Complaints and progress that stderr cannot take (a full disk, a reader that ended) are left out; work goes on."""
    before = sys.stderr
    sys.stderr = cast("TextIO", _Lenient(before))
    try:
        yield
    finally:
        sys.stderr = before
        try:
            before.flush()
        except OSError:
            abandon(before)


class _Lenient:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        try:
            return self._out.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        try:
            self._out.flush()
        except OSError:
            pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)
