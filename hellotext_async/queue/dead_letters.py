"""Dead letters: events that ended badly, on disk with their payload, to be looked at and replayed.

Rules. The last line about an event is the truth about it: a replay that delivers, or a look into
the API that finds it, appends a line that says so, so nothing is ever rewritten.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

import anyio
import msgspec

from ..errors import InvalidParameter
from .letters import Letter, append, reason

if TYPE_CHECKING:
    from .._events.event import Event
    from .outcome import Outcome
    from .queue import EventQueue

__all__ = ["DeadLetters"]

_log = logging.getLogger("hellotext_async.queue")


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


class DeadLetters:
    """The dead letters in one file. ``DeadLetters("dead.jsonl")`` reads; nothing is held open."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.damaged = 0

    def __iter__(self) -> Iterator[Letter]:
        """Every event whose last letter does not say that it was delivered, in the order of their first letters.

        Lines that are not letters (a crash can leave half a line) are counted in `damaged`.
        """
        latest: dict[str, Letter] = {}
        self.damaged = 0
        decoder = msgspec.json.Decoder(Letter)
        for line in self._lines():
            try:
                letter = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.damaged += 1
            else:
                before = latest.get(letter.event_id)
                if before is not None and before.verdict == "unknown" and letter.verdict not in _FINDINGS:
                    # What may have been applied once stays so, whatever a replay ended in.
                    letter = msgspec.structs.replace(letter, verdict="unknown")
                latest[letter.event_id] = letter
        return iter([letter for letter in latest.values() if letter.verdict not in ("replayed", "delivered")])

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
        letters = [letter for letter in await asyncio.to_thread(list, self) if letter.verdict == "unknown"]
        found = await client.reconcile(letters, settle=settle, pages=pages)
        known = [_known(letter, result) for letter, result in zip(letters, found, strict=True)]
        lines = [letter for letter in known if letter is not None]
        if lines:
            await asyncio.to_thread(append, self.path, lines)
        return found

    async def replay(self, queue: EventQueue, *, include_unknown: bool = False) -> AsyncGenerator[Outcome, None]:
        """Deliver the letters' events again and yield their outcomes; what is delivered leaves the list.

        `event_id` and `tracked_at` stay the same. Events whose outcome is unknown may have been
        applied, and are sent only with `include_unknown`. What the queue knows to be under way or
        delivered by now is not sent again. What is under way when a replay is left early leaves the
        list too, once it is delivered.
        """
        found = await asyncio.to_thread(list, self)
        letters = {letter.event_id: letter for letter in found if include_unknown or letter.verdict != "unknown"}
        notes = _Notes(self.path, letters)
        outcomes = queue.deliver(_once_more(queue, letters.values()), on_end=notes.add)
        try:
            async for outcome in outcomes:
                await notes.written()
                yield outcome
        finally:
            with anyio.CancelScope(shield=True):
                await outcomes.aclose()
                await notes.written()


def _known(letter: Letter, result: Result) -> Letter | None:
    """The next letter of one that was looked up; None if it stays unknown."""
    if result.verdict == "unknown":
        return None
    return msgspec.structs.replace(letter, verdict=result.verdict, reason=result.reason, at=time.time())


class _Notes:
    """What a replay's events ended in, appended to the file in a thread; the queue may have letters elsewhere."""

    def __init__(self, path: Path, letters: Mapping[str, Letter]) -> None:
        self._path = path
        self._letters = letters
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hellotext replay")
        self._waiting: list[Letter] = []
        self._last: Future[None] | None = None

    def add(self, outcome: Outcome) -> None:
        """Note one more."""
        letter = self._letters[outcome.event_id]
        verdict: Any = "replayed" if outcome.delivered else outcome.verdict
        self._waiting.append(
            msgspec.structs.replace(
                letter, verdict=verdict, reason=reason(outcome.error), attempts=outcome.attempts, at=time.time()
            )
        )
        self._last = self._thread.submit(self._write)

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            append(self._path, waiting)

    async def written(self) -> None:
        """Return when every note so far is durable."""
        if self._last is not None:
            await asyncio.wrap_future(self._last)


def _once_more(queue: EventQueue, letters: Iterable[Letter]) -> Iterator[Event]:
    for letter in letters:
        try:
            event = letter.event()
        except (InvalidParameter, msgspec.DecodeError, AttributeError, TypeError):
            _log.error("the payload of letter %s is no event: it is not replayed", letter.event_id)
            continue
        queue.forget(letter.event_id)
        yield event
