"""The log of a program: one JSON object a line, in a file; written lines survive a kill."""

from __future__ import annotations

import json
import os
import time
from typing import Any

__all__ = ["ResultLog"]


class ResultLog:
    """Writes lines; in a forked child it writes nothing unless asked."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._process = os.getpid()

    def __call__(self, kind: str, /, *, fork: bool = False, **what: Any) -> None:
        """Write a line in one write(), so that lines of threads do not mix."""
        if fork or os.getpid() == self._process:
            line = json.dumps({"kind": kind, "t": time.monotonic(), **what})
            os.write(self._file, f"{line}\n".encode())
