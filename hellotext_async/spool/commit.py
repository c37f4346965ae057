"""Group commit: what is asked of a store while one group is being written is the next group.

Rules. There is no linger: a group is handed to the thread a few turns of the loop after the thread
became idle, so that what the loop is in the middle of is in it. A group belongs to the loop until
it is handed over. What `open` makes lives in the thread's own frame alone: a forked child, which
has no such thread, can neither use nor close it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from .._process import Uncut

if TYPE_CHECKING:
    from ..errors import HellotextError

__all__ = ["CommitThread", "Committer", "GroupCommit"]

R = TypeVar("R")


class Sealed(Protocol):
    """What is asked in one commit."""

    durable: bool
    """Whether it was written."""

    def seal(self) -> None:
        """It is handed over, and not filled any more."""
        ...


G = TypeVar("G", bound=Sealed)

LAST_COMMIT: Final = 30.0
"""Seconds that a queue which died waits for its last commit."""

TURNS: Final = 4
"""Of the loop, before a group is taken; an idle loop makes them in microseconds."""


class Resource(Protocol):
    """What the thread works on."""

    def close(self) -> None:
        """Give it up."""
        ...


class Committer(Protocol):
    """One thread, or something that stands for one, that does work in order."""

    def submit(self, work: Callable[[Any], object]) -> asyncio.Future[Any]:
        """Do it; its result, or its error."""
        ...

    def stop(self) -> asyncio.Future[None]:
        """Give up the resource and end; done when it is so."""
        ...

    def stop_now(self) -> None:
        """`stop`, without a loop that waits: what was submitted is done when this returns."""
        ...


class CommitThread:
    """A thread with a resource of its own."""

    def __init__(self, open_: Callable[[], Resource], loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._work: SimpleQueue[tuple[Callable[[Any], object], asyncio.Future[Any]] | None] = SimpleQueue()
        self._stopped: asyncio.Future[None] = loop.create_future()
        self._uncut = Uncut()
        self._thread = threading.Thread(target=self._run, args=(open_,), name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Any], object]) -> asyncio.Future[Any]:
        """Do it; its result, or its error."""
        done = self._loop.create_future()
        self._work.put((work, done))
        return done

    def stop(self) -> asyncio.Future[None]:
        """Give up the resource and end; done when it is so."""
        self._work.put(None)
        return self._stopped

    def stop_now(self) -> None:
        """`stop`, without a loop that waits."""
        self._work.put(None)
        self._thread.join(LAST_COMMIT)

    def _run(self, open_: Callable[[], Resource]) -> None:
        resource: Resource | None = None
        while (item := self._work.get()) is not None:
            work, done = item
            try:
                with self._uncut:
                    if resource is None:
                        resource = open_()
                    result = work(resource)
            except BaseException as error:
                reported = self._report(_fail, done, error)
            else:
                reported = self._report(_resolve, done, result)
            if not reported:
                break  # the loop is closed, and with it the tasks that waited
            del work, done, item
        if resource is not None:
            with self._uncut:
                resource.close()
        self._uncut.end()
        self._report(_resolve, self._stopped, None)

    def _report(self, function: Callable[..., None], *arguments: object) -> bool:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            return False
        return True


def _resolve(done: asyncio.Future[Any], result: object) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
        done.exception()


class GroupCommit(Generic[G]):
    """Makes a group, lets it be filled, has it written, and wakes the tasks that wait for it.

    It runs by the loop's callbacks: a program that cancels all its tasks does not stop a commit.
    """

    def __init__(self, make: Callable[[], G], write: Callable[[G, Any], None], committer: Committer) -> None:
        self._make = make
        self._write = write
        self._committer = committer
        self._group: G | None = None
        self._last: G | None = None
        self._failure: HellotextError | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._busy = False
        self._idle: list[asyncio.Future[None]] = []
        self._loop = asyncio.get_running_loop()

    @property
    def group(self) -> G:
        """The group to fill."""
        if self._group is None:
            self._group = self._make()
            if not self._busy and self._failure is None:
                self._busy = True
                self._loop.call_soon(self._turn, TURNS)
        return self._group

    def committed(self) -> asyncio.Future[None]:
        """Done when the group of the moment is durable, else with what its commit raised."""
        if self._failure is not None:
            raise self._failure
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        return waiter

    def _turn(self, left: int) -> None:
        if self._failure is not None:
            return
        if left:
            self._loop.call_soon(self._turn, left - 1)
        elif self._group is None:
            self._busy = False
            _wake(self._idle, None)
        else:
            group, waiting = self._group, self._waiting
            self._group, self._waiting = None, []
            self._last = group
            group.seal()
            self._committer.submit(partial(self._write, group)).add_done_callback(partial(self._written, waiting))

    def _written(self, waiting: list[asyncio.Future[None]], done: asyncio.Future[Any]) -> None:
        _wake(waiting, done.exception())
        self._turn(TURNS)

    async def idle(self) -> None:
        """Return when nothing is left to write."""
        if self._busy and self._failure is None:
            waiter = self._loop.create_future()
            self._idle.append(waiter)
            await waiter

    def abandon(self, error: HellotextError) -> G | None:
        """Finish what was handed over, and write nothing more: `error` says why. The last group, if it is durable.

        Tasks that waited for an older group have resumed by now.
        """
        self._failure = error
        self._committer.stop_now()
        waiting, self._waiting = self._waiting, []
        if not self._loop.is_closed():
            _wake(waiting, error)
            _wake(self._idle, None)
        return self._last if self._last is not None and self._last.durable else None


def _wake(waiting: list[asyncio.Future[None]], error: BaseException | None) -> None:
    for waiter in waiting:
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
    waiting.clear()
