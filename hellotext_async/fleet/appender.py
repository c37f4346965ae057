"""Appends events to the stream: until the server answers, or for so long as each event may wait.

Rules. A command whose reply is lost is repeated under the same token: nothing is appended twice.
What got no reply in time is `NotAccepted`: it may have been appended. One task of the producer's or
the queue's own appends: a caller's cancellation never reaches a command.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Final

from .._watchdog import Limit, Watchdog
from ..errors import NotAccepted, SpoolError
from ..queue.entry import Entry, id_of, more_of
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

OnAnswers = Callable[[Sequence[Entry], Sequence[Answer]], None]


class Appender:
    """Appends for one producer or one queue."""

    def __init__(self, commands: Commands, losses: Losses, timeout: float) -> None:
        self._commands = commands
        self._shard_of = commands.layout.shard_of
        self._losses = losses
        self._timeout = timeout
        self._prefix = secrets.token_urlsafe(4)
        self._numbers = itertools.count()
        self._watchdog = Watchdog(asyncio.get_running_loop(), self._sweep)
        self._limit = Limit()
        self._group: _Waiting | None = None

    async def append(self, entries: Sequence[Entry], since: Sequence[float], on_answers: OnAnswers) -> None:
        """Append events, each of which waits since a loop time; `on_answers` is called once for each."""
        for start in range(0, len(entries), MOST):
            end = start + MOST
            await self._append(entries[start:end], since[start:end], on_answers)

    async def _append(self, entries: Sequence[Entry], since: Sequence[float], on_answers: OnAnswers) -> None:
        group = self._group = _Waiting(entries, since, self._timeout, on_answers)
        self._watchdog.schedule(min(since) + self._timeout)
        answers: Sequence[Answer]
        try:
            with self._limit:
                answers = await self._until_answered([self._put(entry) for entry in entries])
        except TimeoutError:
            answers = [_no_answer()] * len(entries)
        except Exception as error:
            why = str(error) if isinstance(error, SpoolError) else type(error).__name__
            answers = [NotAccepted(why, may_be_accepted=True)] * len(entries)
        finally:
            self._group = None
        group.answer(answers)

    def _sweep(self, now: float) -> float:
        """Those that have waited for too long have no answer; without any other, the command is ended."""
        next_due = inf if self._group is None else self._group.expire(now)
        if next_due == inf:
            self._limit.expire()
        return next_due

    def close(self) -> None:
        """Nothing is appended any more."""
        self._watchdog.stop()

    def _put(self, entry: Entry) -> Put:
        more, subject = more_of(entry), entry.subject
        event_id = more.event_id or id_of(entry)
        field = encode(event_id, more.has_caller_id, entry.action, subject, entry.idempotency, entry.body)
        return Put(self._shard_of(subject, event_id), digest(event_id), field)

    async def _until_answered(self, puts: Sequence[Put]) -> Sequence[Answer]:
        token = f"{self._prefix}{next(self._numbers):x}"
        while True:
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


class _Waiting:
    """The events of one command, each until it has its answer, or has waited for so many seconds."""

    def __init__(self, entries: Sequence[Entry], since: Sequence[float], timeout: float, on_answers: OnAnswers) -> None:
        self._entries = entries
        self._since = since
        self._timeout = timeout
        self._on_answers = on_answers
        self._expired: set[Entry] = set()

    def expire(self, now: float) -> float:
        """Those whose time is over have no answer; when the next one's is over."""
        before = now - self._timeout
        left: list[float] = []
        for entry, since in zip(self._entries, self._since, strict=True):
            if since > before:
                left.append(since)
            elif entry not in self._expired:
                self._expired.add(entry)
                self._on_answers((entry,), (_no_answer(),))
        if left:
            return min(left) + self._timeout
        return inf

    def answer(self, answers: Sequence[Answer]) -> None:
        """All that still wait have these answers."""
        if not self._expired:
            self._on_answers(self._entries, answers)
            return
        for entry, answer in zip(self._entries, answers, strict=True):
            if entry not in self._expired:
                self._on_answers((entry,), (answer,))


def _no_answer() -> NotAccepted:
    return NotAccepted("the server did not answer in time", may_be_accepted=True)
