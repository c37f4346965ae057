"""Queues whose event loop ended without them, when the program ends: what they hold has an end, and is counted.

Rules. A loop that is never run again leaves its tasks standing: no `finally` of theirs runs in
time. A queue that is collected with its loop closed is dealt with at once, all others when the
program ends. A forked child lets its parent's queues be.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from typing import Final, Protocol
from weakref import WeakSet

from .._log import logger

__all__ = ["LeftBehind", "leave_behind", "opened", "over"]

_log = logger("hellotext_async.queue")


class LeftBehind(Protocol):
    """A queue, seen from here."""

    loop: asyncio.AbstractEventLoop

    @property
    def left(self) -> int:
        """How many events it holds."""
        ...

    def leave_behind(self) -> None:
        """End all that it holds."""
        ...


_open: Final[WeakSet[LeftBehind]] = WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open.clear)


def opened(queue: LeftBehind) -> None:
    """It holds events from now on."""
    _open.add(queue)


def over(queue: LeftBehind) -> None:
    """It holds none any more."""
    _open.discard(queue)


def leave_behind(queue: LeftBehind) -> None:
    """`queue` is not run any more; an error is logged, since no caller is there to catch it."""
    over(queue)
    try:
        queue.leave_behind()
    except Exception:
        _log.exception("event queue: what it held could not be ended")


@atexit.register
def _at_exit() -> None:
    for queue in list(_open):
        if not queue.loop.is_running():
            leave_behind(queue)
        elif queue.left:
            _log.error("the program ends while a queue's loop runs in another thread, with %d events", queue.left)
