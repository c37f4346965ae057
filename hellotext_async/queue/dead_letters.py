"""Dead letters: events that ended badly, on disk with their payload, to be looked at and replayed.

Rules. The last line about an event is the truth about it: a replay that delivers, or a look into
the API that finds it, appends a line that says so, so nothing is ever rewritten.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

import msgspec

from .._log import logger
from ..errors import ConfigurationError, InvalidParameter
from .letters import Letter, append, reason
from .tasks import shielded

if TYPE_CHECKING:
    from .._events.event import Event
    from .outcome import Outcome
    from .queue import EventQueue

__all__ = ["DeadLetters"]

_log = logger("hellotext_async.queue")


_FINDINGS: Final = frozenset({"replayed", "delivered", "not_delivered"})
"""What is known of an event that was unknown."""


class Result(Protocol):
    """What a look into the API says of one letter."""

    @property
    def verdict(self) -> Literal["delivered", "not_delivered", "unknown"]: ...
    @property
    def reason(self) -> str: ...


R = TypeVar("R", bound=Result)


class Reconciles(Protocol[R]):
    """A client, as far as letters need one."""

    async def reconcile(self, *unknowns: Iterable[Letter], settle: float, pages: int) -> list[R]:
        """One result for each letter."""
        ...


class LetterStream(Protocol):
    """Letters that are not in a file."""

    damaged: int

    async def read(self) -> list[Letter]:
        """All of them, of each event the oldest first."""
        ...

    async def append(self, letters: Sequence[Letter]) -> None:
        """The next letter of each of these events."""
        ...

    async def requeue(self, letters: Sequence[Letter]) -> int:
        """Have these events wait again where the letters are; how many do."""
        ...


class HasLetters(Protocol):
    """Such as a RedisStream."""

    def letters(self) -> LetterStream:
        """Its dead letters."""
        ...


class DeadLetters:
    """The dead letters in one file, or of one stream. ``DeadLetters("dead.jsonl")`` reads; nothing is held open.

    Those of a stream, ``DeadLetters(RedisStream(url, name))``, are read with ``async for``. `wall` is the wall
    clock (Unix seconds).
    """

    def __init__(self, where: str | os.PathLike[str] | HasLetters, *, wall: Callable[[], float] = time.time) -> None:
        if isinstance(where, (str, os.PathLike)):
            self.path, self._stream = Path(where), None
        elif hasattr(where, "letters"):
            self.path, self._stream = Path(os.devnull), where.letters()
        else:
            raise ConfigurationError("where: expected a path or a RedisStream")
        self.damaged = 0
        self._wall = wall

    def __iter__(self) -> Iterator[Letter]:
        """Every event whose last letter does not say that it was delivered, in the order of their first letters.

        Lines that are not letters (a crash can leave half a line) are counted in `damaged`.
        """
        if self._stream is not None:
            raise TypeError("the letters of a stream are read with 'async for'")
        self.damaged = 0
        decoder = msgspec.json.Decoder(Letter)
        letters: list[Letter] = []
        for line in self._lines():
            try:
                letters.append(decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.damaged += 1
        return iter(_latest(letters))

    async def __aiter__(self) -> AsyncGenerator[Letter, None]:
        """The same, without blocking the loop; the way to read those of a stream."""
        for letter in await self._read():
            yield letter

    async def _read(self) -> list[Letter]:
        if self._stream is None:
            return await asyncio.to_thread(list, self)
        found = _latest(await self._stream.read())
        self.damaged = self._stream.damaged
        return found

    async def requeue(self, *, include_unknown: bool = False) -> int:
        """Put the letters' events back into their stream, for its workers to deliver; how many were put back.

        Each letter leaves the list at the same moment. Events whose outcome is unknown may have been applied,
        and are put back only with `include_unknown`. Only of a stream.
        """
        if self._stream is None:
            raise TypeError("requeue() puts letters back into a stream; replay() delivers those of a file")
        found = await self._read()
        return await self._stream.requeue([one for one in found if include_unknown or one.verdict != "unknown"])

    def _lines(self) -> Iterator[bytes]:
        if self.path.exists():
            with self.path.open("rb") as file:
                yield from (line for line in file if line.strip())

    def get(self, event_id: str) -> Letter | None:
        """The letter of one event."""
        return next((letter for letter in self if letter.event_id == event_id), None)

    async def reconcile(self, client: Reconciles[R], *, settle: float = 2, pages: int = 100) -> list[R]:
        """Look up in the API what became of the letters whose outcome is unknown; nothing is sent but GETs.

        See `client.reconcile`. One result for each: what is there leaves the list, what is certainly
        not there can be replayed like any other letter.
        """
        letters = [letter for letter in await self._read() if letter.verdict == "unknown"]
        found = await client.reconcile(letters, settle=settle, pages=pages)
        now = self._wall()
        known = [_known(letter, result, now) for letter, result in zip(letters, found, strict=True)]
        lines = [letter for letter in known if letter is not None]
        if lines and self._stream is not None:
            await self._stream.append(lines)
        elif lines:
            await asyncio.to_thread(append, self.path, lines)
        return found

    async def replay(self, queue: EventQueue, *, include_unknown: bool = False) -> AsyncGenerator[Outcome, None]:
        """Deliver the letters' events again and yield their outcomes; what is delivered leaves the list.

        `event_id` and `tracked_at` stay the same. Events whose outcome is unknown may have been
        applied, and are sent only with `include_unknown`. What the queue knows to be under way or
        delivered by now is not sent again. What is under way when a replay is left early leaves the
        list too, once it is delivered.
        """
        found = await self._read()
        letters = {letter.event_id: letter for letter in found if include_unknown or letter.verdict != "unknown"}
        notes = _Notes(self.path) if self._stream is None else _StreamNotes(self._stream)

        def note(outcome: Outcome) -> None:
            notes.add(_after(letters[outcome.event_id], outcome, self._wall()))

        outcomes = queue.deliver(_once_more(queue, letters.values()), on_end=note)
        try:
            async for outcome in outcomes:
                await notes.written()
                yield outcome
        finally:
            with shielded():
                await outcomes.aclose()
                await notes.written()


def _latest(letters: Iterable[Letter]) -> list[Letter]:
    """The last letter of each event that does not say that it was delivered, in the order of the first ones."""
    latest: dict[str, Letter] = {}
    for letter in letters:
        before = latest.get(letter.event_id)
        if before is not None and before.verdict == "unknown" and letter.verdict not in _FINDINGS:
            # What may have been applied once stays so, whatever a replay ended in.
            letter = msgspec.structs.replace(letter, verdict="unknown")
        latest[letter.event_id] = letter
    return [letter for letter in latest.values() if letter.verdict not in ("replayed", "delivered")]


def _known(letter: Letter, result: Result, now: float) -> Letter | None:
    """The next letter of one that was looked up; None if it stays unknown."""
    if result.verdict == "unknown":
        return None
    return msgspec.structs.replace(letter, verdict=result.verdict, reason=result.reason, at=now)


class _Notes:
    """What a replay's events ended in, appended to the file in a thread; the queue may have letters elsewhere."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hellotext replay")
        self._waiting: list[Letter] = []
        self._last: Future[None] | None = None

    def add(self, letter: Letter) -> None:
        """One more."""
        self._waiting.append(letter)
        self._last = self._thread.submit(self._write)

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            append(self._path, waiting)

    async def written(self) -> None:
        """Return when every note so far is durable."""
        if self._last is not None:
            await asyncio.wrap_future(self._last)


class _StreamNotes:
    """The same for a stream: written by a task of the running loop, all that there are at once."""

    def __init__(self, stream: LetterStream) -> None:
        self._stream = stream
        self._waiting: list[Letter] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, letter: Letter) -> None:
        """One more."""
        self._waiting.append(letter)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="hellotext replay")

    async def _write(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            await self._stream.append(waiting)
        self._writing = None  # unless that failed: then every `written` says so

    async def written(self) -> None:
        """Return when every note so far is durable."""
        if self._writing is not None:
            await asyncio.shield(self._writing)


def _after(letter: Letter, outcome: Outcome, now: float) -> Letter:
    """The next letter of an event, after its replay."""
    verdict: Any = "replayed" if outcome.delivered else outcome.verdict
    return msgspec.structs.replace(
        letter, verdict=verdict, reason=reason(outcome.error), attempts=outcome.attempts, at=now
    )


def _once_more(queue: EventQueue, letters: Iterable[Letter]) -> Iterator[Event]:
    for letter in letters:
        try:
            event = letter.event()
        except (InvalidParameter, msgspec.DecodeError, AttributeError, TypeError):
            _log.error("the payload of letter %s is no event: it is not replayed", letter.event_id)
            continue
        queue.allow_resubmission(letter.event_id)
        yield event
