"""Appends events to the stream: until the server answers, or for so long as each event may wait.

Rules. A command whose reply is lost is repeated under the same token: nothing is appended twice.
What got no reply in time is `NotAccepted`: it may have been appended. Commands run in tasks of
their own: a caller's cancellation never reaches one.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ..errors import NotAccepted, SpoolError
from ..queue.entry import Entry, id_of
from .commands import MOST, Put
from .layout import digest
from .link import ServerFull, Unreachable
from .record import encode

if TYPE_CHECKING:
    from .commands import Commands
    from .losses import Losses

__all__ = ["FULL", "STORED", "WAITS", "Answer", "Appender"]

STORED: Final = "+"
WAITS: Final = "q"
FULL: Final = "!"
PAUSE: Final = 0.1

Answer = str | NotAccepted
"""`STORED`, `WAITS` (its id waits already), `FULL`, what its id ended in before, or the error."""

OnAnswer = Callable[[Entry, Answer], None]


class Appender:
    """Appends for one producer or one queue."""

    def __init__(self, commands: Commands, losses: Losses, timeout: float) -> None:
        self._commands = commands
        self._losses = losses
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._prefix = secrets.token_urlsafe(4)
        self._numbers = itertools.count()

    async def append(self, entries: Sequence[tuple[Entry, float]], on_answer: OnAnswer) -> None:
        """Append events, each with the loop time since when it waits; `on_answer` is called once for each."""
        for start in range(0, len(entries), MOST):
            await self._append(list(entries[start : start + MOST]), on_answer)

    async def _append(self, waiting: list[tuple[Entry, float]], on_answer: OnAnswer) -> None:
        puts = [self._put(entry) for entry, _ in waiting]
        given_up = asyncio.Event()
        answers = self._loop.create_task(self._until_answered(puts, given_up), name="hellotext append")
        try:
            while True:
                left = min(since for _, since in waiting if since >= 0) + self._timeout - self._loop.time()
                await asyncio.wait({answers}, timeout=max(0.001, left))
                if answers.done():
                    break
                waiting = [self._expired(entry, since, on_answer) for entry, since in waiting]
                if all(since < 0 for _, since in waiting):
                    return
        finally:
            given_up.set()  # a cancellation alone can be lost in redis-py
            answers.cancel()
        found = _result(answers, len(puts))
        for (entry, since), answer in zip(waiting, found, strict=True):
            if since >= 0:
                on_answer(entry, answer)

    def _expired(self, entry: Entry, since: float, on_answer: OnAnswer) -> tuple[Entry, float]:
        if since >= 0 and since + self._timeout <= self._loop.time():
            on_answer(entry, NotAccepted("the server did not answer in time", may_be_accepted=True))
            return entry, -1.0
        return entry, since

    def _put(self, entry: Entry) -> Put:
        event_id = id_of(entry)
        field = encode(event_id, entry.has_caller_id, entry.action, entry.subject, entry.idempotency, entry.body)
        return Put(self._commands.layout.shard_of(entry.subject, event_id), digest(event_id), field)

    async def _until_answered(self, puts: Sequence[Put], given_up: asyncio.Event) -> Sequence[Answer]:
        token = f"{self._prefix}{next(self._numbers):x}"
        while not given_up.is_set():
            before = self._losses.before()
            try:
                answers, added = await self._commands.put(puts, token)
            except Unreachable:
                await asyncio.sleep(PAUSE)
                continue
            except ServerFull:
                return [FULL] * len(puts)
            self._losses.look(added, before)
            return answers
        raise asyncio.CancelledError


def _result(task: asyncio.Task[Sequence[Answer]], count: int) -> Sequence[Answer]:
    error = task.exception()
    if error is None:
        return task.result()
    if not isinstance(error, SpoolError):
        error = SpoolError(type(error).__name__)
    return [NotAccepted(str(error), may_be_accepted=True)] * count
