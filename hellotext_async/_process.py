"""What the threads of one process share: the process's own identity and one lock.

Rules. A forked child has another identity (comparing it is a tenth of the cost of os.getpid() for
every event) and a free lock of its own.
"""

from __future__ import annotations

import os
import threading

__all__ = ["Process", "first_use", "here"]


class Process:
    """The process in which it was made; a forked child has another."""


here = Process()
first_use = threading.Lock()
"""Held while building what two threads must not build at once. Read it from this module: a fork replaces it."""


def _forked() -> None:
    global first_use, here
    here, first_use = Process(), threading.Lock()


if hasattr(os, "register_at_fork"):  # where there is a fork at all
    os.register_at_fork(after_in_child=_forked)
