"""What the threads of one process share, and what a forked child must not share with its parent.

Rules. A forked child has another identity (comparing it is a tenth of the cost of os.getpid() for
every event) and free locks of its own. A fork waits for work that it must not cut through.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import suppress
from itertools import chain
from typing import Any, Final, Protocol
from weakref import WeakSet

__all__ = ["Process", "Uncut", "current_process", "disown_after_fork", "first_use", "own_selector_after_fork"]

LONGEST: Final = 5.0
"""Seconds that a fork waits for the work of one thread; a commit that waits for room on its disk takes longer."""


class Process:
    """The process in which it was made; a forked child has another."""


current_process = Process()
first_use = threading.Lock()
"""Held while building what two threads must not build at once. Read it from this module: a fork replaces it."""
id_lock = threading.RLock()
"""Held while an event is given an id, for no longer. Read it from this module, too."""


_loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()


def own_selector_after_fork(loop: asyncio.AbstractEventLoop) -> None:
    """Give a forked child's copy of `loop` a selector and a wake-up pipe of its own.

    The kernel's epoll is shared: a child that ends its copy of the loop (a `sys.exit` inside
    `asyncio.run`) would take the parent's sockets off it, and the parent would wait for ever.
    """
    _loops.add(loop)


class Shared(Protocol):
    """What a forked child has a copy of, and must not use."""

    def disown(self) -> None:
        """In the child, let go of what is the parent's."""
        ...


_shared: WeakSet[Shared] = WeakSet()


def disown_after_fork(shared: Shared) -> None:
    """Let a forked child's copy of `shared` let go of what is the parent's."""
    _shared.add(shared)


class Uncut:
    """``with uncut:`` is work of one thread that no fork cuts through.

    SQLite has locks of its own, for the whole process: one that another thread holds during a fork stays
    locked in the child, which then waits for ever as soon as it opens a database.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        with _registry:
            _uncut.append(self._lock)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def end(self) -> None:
        """There is no such work any more."""
        with _registry:
            _uncut.remove(self._lock)


_registry = threading.Lock()
_uncut: list[threading.Lock] = []
_held: list[threading.Lock] = []
_forking: int | None = None
"""The thread that forks at this moment, and holds what is in `_held`."""


def _about_to_fork() -> None:
    global _forking
    if not _registry.acquire(timeout=LONGEST):
        return
    _forking = threading.get_ident()
    _held[:] = [lock for lock in _uncut if lock.acquire(timeout=LONGEST)]


def _has_forked() -> None:
    global _forking
    if _forking != threading.get_ident():
        return
    for lock in _held:
        lock.release()
    _forking = None
    _registry.release()


def _forked() -> None:
    global current_process, first_use, id_lock, _registry, _forking
    current_process, first_use, id_lock = Process(), threading.Lock(), threading.RLock()
    _registry, _forking = threading.Lock(), None
    _uncut.clear()  # the threads are the parent's
    for loop in list(_loops):
        with suppress(AttributeError, OSError, ValueError):  # uvloop sees to it itself
            _renew(loop)
    for shared in list(_shared):
        shared.disown()


def _renew(inside: Any) -> None:
    """Give a loop a new selector and pipe; what it had is closed here, and stays open in the parent.

    What was about to be read or written when the process forked is not: the reply would be missing in the parent.
    """
    selector, receiving, sending = inside._selector, inside._ssock, inside._csock
    for handle in chain.from_iterable(key.data for key in selector.get_map().values()):
        if handle is not None:
            handle.cancel()
    inside._selector = type(selector)()
    inside._internal_fds -= 1
    inside._make_self_pipe()
    woken = signal.set_wakeup_fd(-1)  # a signal writes to it: the number may soon be another file's
    signal.set_wakeup_fd(inside._csock.fileno() if woken == sending.fileno() else woken)
    for old in (selector, receiving, sending):
        old.close()


if hasattr(os, "register_at_fork"):  # where there is a fork at all
    os.register_at_fork(before=_about_to_fork, after_in_parent=_has_forked, after_in_child=_forked)
