"""`StreamWorker`: delivers the events of a stream, as one of the processes that share it.

Rules. It delivers from its opening on. When it is stopped, what is in flight ends, its shards
are free for others at once, and what waits is theirs.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio

if TYPE_CHECKING:
    from ..queue.outcome import Report, Stats
    from ..queue.queue import EventQueue
    from ..queue.settings import Settings
    from .store import RedisStore
    from .stream import RedisStream

__all__ = ["StreamWorker", "WorkerBuffer"]


class WorkerBuffer:
    """The buffer of a worker's queue: it keeps the store that it made, for the worker's figures."""

    dead_letters = None

    def __init__(self, stream: RedisStream) -> None:
        self._stream = stream
        self.made: RedisStore | None = None

    def store(self, settings: Settings) -> RedisStore:
        """The store of the queue."""
        self.made = self._stream.store(settings)
        return self.made


class StreamWorker:
    """Delivers a stream's events beside other workers, from its opening on; `run` is the rest of a worker's program.

    ``client.worker(stream)`` makes one: ``async with client.worker(stream) as worker: await worker.run()``.
    """

    def __init__(self, queue: EventQueue, buffer: WorkerBuffer, *, drain: float) -> None:
        self._queue = queue
        self._buffer = buffer
        self._drain = drain
        self._stop = asyncio.Event()

    async def open(self) -> Self:
        """Join the fleet and begin to deliver. SpoolError if the server cannot be used, ConfigurationError."""
        await self._queue.open()
        return self

    async def run(self) -> Report:
        """Deliver until `stop` is called or SIGTERM comes, then close; the report says how it ended.

        SIGTERM is handled where nothing else does, in the main thread. A cancelled call closes as well.
        QueueClosed if the worker cannot go on.
        """
        await self.open()
        failed = asyncio.ensure_future(self._queue.failure())
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            with _on_sigterm(self.stop):
                await asyncio.wait([failed, stopped], return_when=asyncio.FIRST_COMPLETED)
                report = await self.aclose()
            if failed.done():
                raise failed.result()
            return report
        finally:
            failed.cancel()
            stopped.cancel()
            with anyio.CancelScope(shield=True):
                await self.aclose()

    def stop(self) -> None:
        """Let `run` end: take nothing more, end what is in flight, and give the shards back."""
        self._stop.set()

    async def aclose(self, timeout: float | None = None) -> Report:
        """Hand over and close, within `timeout` seconds (by default a little more than an attempt may last)."""
        self._stop.set()
        return await self._queue.aclose(self._drain if timeout is None else timeout, hand_over=True)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.aclose()

    # How it stands.

    def stats(self) -> Stats:
        """The events that this worker has had and has at this moment, as a queue's."""
        return self._queue.stats()

    @property
    def shards(self) -> tuple[int, ...]:
        """The shards that are delivered here at this moment."""
        store = self._buffer.made
        return () if store is None else store.shards

    @property
    def workers(self) -> int:
        """How many workers the stream has, as far as this one knows."""
        store = self._buffer.made
        return 0 if store is None else store.workers

    def __repr__(self) -> str:
        return f"StreamWorker({len(self.shards)} shards, {self.workers} workers)"


@contextmanager
def _on_sigterm(stop: Callable[[], None]) -> Generator[None]:
    """Call `stop` at SIGTERM, unless the program has a handler of its own."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTERM, stop)
    except NotImplementedError:  # Windows
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
