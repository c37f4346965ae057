"""Dead letters: events that ended badly, on disk with their payload, to be looked at and replayed.

Rules. The last line about an event is the truth about it: a replay that delivers, or a look into
the API that finds it, appends a line that says so, so nothing is ever rewritten.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

import msgspec

from ..errors import ConfigurationError
from .bulk import deliver
from .letters import Letter, append
from .replay import AHEAD, LetterStream, Notes, Replay, StreamNotes, is_handed_over
from .tasks import shielded

if TYPE_CHECKING:
    from .outcome import Outcome
    from .queue import EventQueue

__all__ = ["DeadLetters"]

_FINDINGS: Final = frozenset({"replayed", "delivered", "not_delivered"})
"""What is known of an event that was unknown."""

_GONE: Final = frozenset({"replayed", "delivered"})
"""What is not in the list any more."""


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
        return iter(_latest(self._letters()))

    def _letters(self) -> Iterator[Letter]:
        decoder = msgspec.json.Decoder(Letter)
        for line in self._lines():
            try:
                letter = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.damaged += 1
            else:
                yield letter

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
        list too, once it is delivered. If the process dies, it is unknown, unless the API recognises a
        repetition. OSError or SpoolError if the list cannot be written: then no more is sent.
        """
        found = await self._read()
        notes = Notes(self.path) if self._stream is None else StreamNotes(self._stream)
        replay = Replay(queue, [one for one in found if include_unknown or one.verdict != "unknown"], notes)
        outcomes = deliver(
            replay,
            replay.events(self._wall),
            most=AHEAD,
            on_invalid=None,
            on_end=lambda outcome: replay.note(outcome, self._wall()),
        )
        try:
            async for outcome in outcomes:
                await notes.written()
                yield outcome
        finally:
            with shielded():
                await outcomes.aclose()
                await replay.close()


def _latest(letters: Iterable[Letter]) -> list[Letter]:
    """The last letter of each event that does not say that it was delivered, in the order of the first ones."""
    latest: dict[str, Letter] = {}
    before_replay: dict[str, Letter] = {}
    for letter in letters:
        before = before_replay.pop(letter.event_id, None) or latest.get(letter.event_id)
        if before is not None and is_handed_over(letter):
            before_replay[letter.event_id] = before
        elif before is not None and before.verdict == "unknown" and letter.verdict not in _FINDINGS:
            # What may have been applied once stays so, whatever a replay ended in.
            letter = msgspec.structs.replace(letter, verdict="unknown")
        # A file grows for as long as it is there: of what has left the list, no payload is kept while it is read.
        latest[letter.event_id] = letter if letter.verdict not in _GONE else _without_payload(letter)
    return [letter for letter in latest.values() if letter.verdict not in _GONE]


def _without_payload(letter: Letter) -> Letter:
    return Letter(event_id=letter.event_id, action="", verdict=letter.verdict)


def _known(letter: Letter, result: Result, now: float) -> Letter | None:
    """The next letter of one that was looked up; None if it stays unknown."""
    if result.verdict == "unknown":
        return None
    return msgspec.structs.replace(letter, verdict=result.verdict, reason=result.reason, at=now)
