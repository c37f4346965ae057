"""A client and an event queue in a thread of their own: for programs without an event loop, such as Django or Celery.

Rules. The thread starts with the first use in each process, so a server may import the application before it forks.
At the end of the process the queue delivers what it has. Its `track` may be called from any thread.
"""

from __future__ import annotations

import asyncio
import atexit
import codecs
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar

from .. import _process
from .._callbacks import check_callable
from ..client import Hellotext
from ..config import check_seconds
from ..errors import ClientClosed, HellotextError, QueueClosed, WrongLoop
from ..queue.outcome import Report
from ..queue.queue import EventQueue

__all__ = ["HellotextThread"]

T = TypeVar("T")

DRAIN: Final = 10.0
CALL: Final = 60.0
LAST: Final = 5.0
"""Seconds that the thread gets to end after everything is closed."""


class _Running(NamedTuple):
    """What runs in a thread of this process."""

    loop: asyncio.AbstractEventLoop
    client: Hellotext
    queue: EventQueue
    stop: asyncio.Event
    thread: threading.Thread
    ended: Future[Report]


class HellotextThread:
    """A client and its queue in a thread, started by the first use in each process.

    >>> hellotext = HellotextThread()
    >>> hellotext.queue.track("order.placed", order="wx4Vn4no", profile="MzYwlE50")
    >>> hellotext.call(lambda client: client.profiles.retrieve("MzYwlE50"))

    `make_client` and `make_queue` run in the thread; by default both are as the environment says. The queue is
    closed when the main thread ends, or by `close`, and delivers for up to `drain` seconds then; a thread that
    goes on after the main one gets QueueClosed or ClientClosed. Processes that end without the interpreter's exit
    (Celery's, `multiprocessing`'s) call `close` themselves. A process to which it is pickled has its own, too.
    """

    def __init__(
        self,
        make_client: Callable[[], Hellotext] = Hellotext,
        *,
        make_queue: Callable[[Hellotext], EventQueue] = Hellotext.event_queue,
        drain: float = DRAIN,
    ) -> None:
        self._make_client = check_callable(make_client, "make_client")
        self._make_queue = check_callable(make_queue, "make_queue")
        self._drain = check_seconds(drain, "drain")
        self._running: dict[_process.Process, _Running] = {}
        self._locks: dict[_process.Process, threading.Lock] = {}
        self._watched: _process.Process | None = None
        self._over: _process.Process | None = None

    @property
    def queue(self) -> EventQueue:
        """The queue, open. Raises what opening it raised, and QueueClosed after the main thread."""
        return self._started(QueueClosed).queue

    @property
    def client(self) -> Hellotext:
        """The client, open; its calls belong to the thread's loop: use `call`."""
        return self._started(ClientClosed).client

    def call(self, function: Callable[[Hellotext], Awaitable[T]], timeout: float = CALL) -> T:
        """The result of ``await function(client)`` in the thread; TimeoutError after so many seconds.

        ClientClosed if it is closed meanwhile.
        """
        running = self._started(ClientClosed)
        _check_elsewhere(running, "call")
        work = _awaited(function, running.client)
        try:
            future = asyncio.run_coroutine_threadsafe(work, running.loop)
        except RuntimeError:
            work.close()
            raise ClientClosed("the client was closed meanwhile; the next use starts another") from None
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
            raise
        except _Exit as exit_:
            raise exit_.error from None

    def close(self) -> Report | None:
        """Deliver what the queue has, close everything, end the thread; the queue's report, if there was one.

        The next use starts another. WrongLoop in the thread itself, which would wait for its own end.
        """
        with self._lock():
            running = self._running.get(_process.current_process)
            if running is None:
                return None
            _check_elsewhere(running, "close")
            del self._running[_process.current_process]
        with suppress(RuntimeError):  # the loop has ended by itself
            running.loop.call_soon_threadsafe(running.stop.set)
        report = running.ended.result()
        running.thread.join(LAST)
        return report

    def _lock(self) -> threading.Lock:
        """A lock of this process's: a thread of the parent's may have held its own when it forked."""
        return self._locks.setdefault(_process.current_process, threading.Lock())

    def _started(self, closed: Callable[[str], HellotextError]) -> _Running:
        """What runs, or another if it has ended by itself; `closed` is raised when it is too late."""
        running = self._running.get(_process.current_process)
        if running is not None and not running.ended.done():
            return running
        with self._lock():
            running = self._running.get(_process.current_process)
            if running is None or running.ended.done():
                self._close_at_exit(closed)
                running = self._running[_process.current_process] = self._start()
        return running

    def _close_at_exit(self, closed: Callable[[str], HellotextError]) -> None:
        here = _process.current_process
        if self._watched is not here:
            try:
                _at_exit(self._exit)
            except RuntimeError:  # the first use comes after the main thread's end
                self._over = here
            self._watched = here
        if self._over is here:
            raise closed("the main thread has ended: nothing more is taken or sent")

    def _exit(self) -> None:
        self._over = _process.current_process
        self.close()

    def _start(self) -> _Running:
        started: Future[_Running] = Future()
        # A fork while the thread imports would leave the child with a lock that nothing releases.
        codecs.lookup("idna")  # which a name's lookup imports
        # A daemon, since it would be waited for otherwise should `close` not be called.
        threading.Thread(target=lambda: asyncio.run(self._serve(started)), name="hellotext", daemon=True).start()
        return started.result()

    async def _serve(self, started: Future[_Running]) -> None:
        ended: Future[Report] = Future()
        report: Report | None = None
        try:
            async with self._make_client() as client, self._make_queue(client) as queue:
                loop, stop, thread = asyncio.get_running_loop(), asyncio.Event(), threading.current_thread()
                started.set_result(_Running(loop, client, queue, stop, thread, ended))
                try:
                    await stop.wait()
                finally:
                    report = await queue.aclose(self._drain)
        except BaseException as error:
            if report is None or not isinstance(error, asyncio.CancelledError):
                (ended if started.done() else started).set_exception(error)
                return
        ended.set_result(report)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_running": {}, "_locks": {}, "_watched": None, "_over": None}


class _Exit(Exception):
    """A call's function wants to end the program: that is its caller's thread's to do, and would end the loop."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


async def _awaited(function: Callable[[Hellotext], Awaitable[T]], client: Hellotext) -> T:
    try:
        return await function(client)
    except (SystemExit, KeyboardInterrupt) as error:
        raise _Exit(error) from None


def _check_elsewhere(running: _Running, what: str) -> None:
    if threading.current_thread() is running.thread:
        raise WrongLoop(f"{what}() was called in the thread that it would wait for; await there instead")


def _at_exit(function: Callable[[], object]) -> None:
    """Call it when the interpreter ends, while its thread pools still work: a name could not be resolved later."""
    register: Callable[[Callable[[], object]], object] = getattr(threading, "_register_atexit", atexit.register)
    register(function)
