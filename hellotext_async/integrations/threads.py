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
from typing import Final, NamedTuple, TypeVar

from .. import _process
from .._callbacks import check_callable
from ..client import Hellotext
from ..config import check_seconds
from ..errors import WrongLoop
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
    closed when the interpreter exits, or by `close`, and delivers for up to `drain` seconds then. Processes
    that end without the interpreter's exit (Celery's, `multiprocessing`'s) call `close` themselves.
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

    @property
    def queue(self) -> EventQueue:
        """The queue, open. Raises what opening it raised."""
        return self._started().queue

    @property
    def client(self) -> Hellotext:
        """The client, open; its calls belong to the thread's loop: use `call`."""
        return self._started().client

    def call(self, function: Callable[[Hellotext], Awaitable[T]], timeout: float = CALL) -> T:
        """The result of ``await function(client)`` in the thread; TimeoutError after so many seconds."""
        running = self._started()
        if threading.current_thread() is running.thread:
            raise WrongLoop("call() was called in the thread that it would wait for; await there instead")
        future = asyncio.run_coroutine_threadsafe(_awaited(function, running.client), running.loop)
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
            raise

    def close(self) -> Report | None:
        """Deliver what the queue has, close everything, end the thread; the queue's report, if there was one.

        The next use starts another.
        """
        with self._lock():
            running = self._running.pop(_process.current_process, None)
        if running is None:
            return None
        running.loop.call_soon_threadsafe(running.stop.set)
        report = running.ended.result()
        running.thread.join(LAST)
        return report

    def _lock(self) -> threading.Lock:
        """A lock of this process's: a thread of the parent's may have held its own when it forked."""
        return self._locks.setdefault(_process.current_process, threading.Lock())

    def _started(self) -> _Running:
        running = self._running.get(_process.current_process)
        if running is not None:
            return running
        with self._lock():
            running = self._running.get(_process.current_process)
            if running is None:
                running = self._running[_process.current_process] = self._start()
                _at_exit(self.close)
        return running

    def _start(self) -> _Running:
        started: Future[_Running] = Future()
        # A fork while the thread imports would leave the child with a lock that nothing releases.
        codecs.lookup("idna")  # which a name's lookup imports
        # A daemon, since it would be waited for otherwise should `close` not be called.
        threading.Thread(target=lambda: asyncio.run(self._serve(started)), name="hellotext", daemon=True).start()
        return started.result()

    async def _serve(self, started: Future[_Running]) -> None:
        ended: Future[Report] = Future()
        try:
            async with self._make_client() as client, self._make_queue(client) as queue:
                loop, stop, thread = asyncio.get_running_loop(), asyncio.Event(), threading.current_thread()
                started.set_result(_Running(loop, client, queue, stop, thread, ended))
                await stop.wait()
                report = await queue.aclose(self._drain)
        except BaseException as error:
            (ended if started.done() else started).set_exception(error)
        else:
            ended.set_result(report)


async def _awaited(function: Callable[[Hellotext], Awaitable[T]], client: Hellotext) -> T:
    return await function(client)


def _at_exit(function: Callable[[], object]) -> None:
    """Call it when the interpreter ends, while its thread pools still work: a name could not be resolved later."""
    register: Callable[[Callable[[], object]], object] = getattr(threading, "_register_atexit", atexit.register)
    register(function)
