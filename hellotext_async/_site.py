"""Where a program made a client or a queue, for the warning that it did not close it."""

from __future__ import annotations

import sys

__all__ = ["creation_site"]

_PACKAGE = __name__.partition(".")[0]


def creation_site() -> str:
    """``file:line`` of the nearest caller outside this package."""
    frame = sys._getframe(1)  # inspect.stack() reads source files  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
