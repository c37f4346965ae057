"""The package's loggers: what a program's handler or filter raises breaks nothing here.

Rules. Whatever it raises is named on stderr by its type, unless `logging.raiseExceptions` is off: the text may hold a
customer's data. An interrupt of the keyboard is not lost: it is given to the main thread again.
"""

from __future__ import annotations

import _thread
import logging
import sys
from contextlib import suppress
from typing import Any

__all__ = ["logger"]


class _Logger(logging.LoggerAdapter[logging.Logger]):
    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        try:
            self.logger.log(level, msg, *args, stacklevel=2, **kwargs)  # the line that is named is the caller's
        except BaseException as error:
            if logging.raiseExceptions and sys.stderr is not None:
                with suppress(OSError, ValueError):  # as logging does itself
                    sys.stderr.write(f"{self.name}: a log line was lost: writing it raised {type(error).__name__}\n")
            if isinstance(error, KeyboardInterrupt):
                _thread.interrupt_main()


def logger(name: str) -> _Logger:
    """The logger of this name."""
    return _Logger(logging.getLogger(name))
