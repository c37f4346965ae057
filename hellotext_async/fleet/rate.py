"""The rate that the workers of a stream share: sends the server what a worker's pacer reports.

Rules. A command that is not answered is repeated under its token until it is: what it did is done once. Meanwhile, a
second after it was sent, the worker paces alone, at its share. Nothing that goes wrong here ends a queue.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from typing import TYPE_CHECKING, Final

from .._log import logger
from .._policy.pacer import Pacer
from .._policy.shared_pacer import SharedPacer
from ..errors import HellotextError
from .ending import end_tasks
from .link import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._policy.shared_rate import Answer, Command
    from ..limiter import Limiter
    from .commands import Commands

__all__ = ["SharedRate"]

PATIENCE: Final = 1.0
"""Seconds without an answer after which a worker paces alone."""
AGAIN: Final = (0.1, 0.5)
"""Seconds between two tries to reach the server, by chance."""

_log = logger("hellotext_async.fleet")


class SharedRate:
    """One worker's share of its stream's rate, under a client's limiter; `workers` says how many there are."""

    def __init__(self, commands: Commands, limiter: Limiter, workers: Callable[[], int]) -> None:
        self._commands = commands
        self._limiter = limiter
        self._workers = workers
        self._loop = asyncio.get_running_loop()
        self._id = secrets.token_hex(6)
        self._news = asyncio.Event()
        self._warned = False
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read how fast the others may send, if the server answers in time, and share it from now on.

        A client that shares the rate of a stream already goes on with that one.
        """
        own = self._limiter.pacer
        if isinstance(own, SharedPacer):
            if not own.left:
                return
            own = Pacer(ceiling=own.ceiling, uniform=own.uniform)
        self._pacer = SharedPacer(own, changed=self._news.set)
        self._limiter.share(self._pacer)
        first_answer = self._loop.create_future()
        self._task = self._loop.create_task(self._run(first_answer), name="hellotext rate")
        self._task.add_done_callback(self._end)
        await asyncio.wait([first_answer], timeout=PATIENCE)

    async def aclose(self) -> None:
        """Share no more: the client goes on alone."""
        if self._task is None:
            return
        await end_tasks([self._task])
        self._task = None

    def _end(self, _: asyncio.Task[None]) -> None:
        """The client goes on alone: its queue is closed, or the program cancelled all its tasks."""
        if not self._pacer.left:
            self._pacer.leave(self._loop.time())
            self._limiter.serve()

    async def _run(self, first_answer: asyncio.Future[None]) -> None:
        while True:
            self._news.clear()
            now = self._loop.time()
            command = self._pacer.next_command(now)
            if command is None:
                await self._rest(self._pacer.wakes_at(now))
                continue
            goes_on = self._take_over(await self._answer(command))
            if not first_answer.done():
                first_answer.set_result(None)
            if not goes_on:
                return

    async def _rest(self, until: float) -> None:
        """Wait for news, or until that time."""
        timer = self._loop.call_at(until, self._news.set)
        try:
            await self._news.wait()
        finally:
            timer.cancel()

    async def _answer(self, command: Command) -> Answer:
        """The answer to a command, however long it takes."""
        alone = self._loop.call_later(PATIENCE, self._go_alone)
        try:
            while True:
                try:
                    return await self._commands.rate(command, self._id)
                except Exception as error:
                    self._go_alone()
                    self._warn(error)
                await asyncio.sleep(random.uniform(*AGAIN))
        finally:
            alone.cancel()

    def _take_over(self, answer: Answer) -> bool:
        """Take an answer over; False if it is of another version of this library, with which nothing can be shared."""
        self._pacer.workers = max(1, self._workers())
        try:
            self._pacer.answered(self._loop.time(), answer)
        except ValueError as error:
            self._pacer.leave(self._loop.time())
            self._warn(error)
        self._limiter.serve()
        return not self._pacer.left

    def _go_alone(self) -> None:
        self._pacer.failed(self._loop.time())
        self._limiter.serve()

    def _warn(self, error: Exception) -> None:
        """Log once what will not pass by itself."""
        if not isinstance(error, Unreachable) and not self._warned:
            self._warned = True
            why = str(error) if isinstance(error, (HellotextError, ValueError)) else type(error).__name__
            _log.warning("workers do not share the learned rate: %s", why)
