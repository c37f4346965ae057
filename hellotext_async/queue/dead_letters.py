"""Dead letters: events that ended badly, on disk with their payload, to be looked at and replayed.

Rules. The last line about an event is the truth about it: a replay that delivers appends a line
that says so, so nothing is ever rewritten.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .letters import Letter, append, reason

if TYPE_CHECKING:
    from .._events.event import Event
    from .outcome import Outcome
    from .queue import EventQueue

__all__ = ["DeadLetters"]


class DeadLetters:
    """The dead letters in one file. ``DeadLetters("dead.jsonl")`` reads; nothing is held open."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.damaged = 0

    def __iter__(self) -> Iterator[Letter]:
        """Every event whose last letter is not a replay, in the order of their first letters.

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
                if before is not None and before.verdict == "unknown" and letter.verdict != "replayed":
                    # What may have been applied once stays so, whatever a replay ended in.
                    letter = msgspec.structs.replace(letter, verdict="unknown")
                latest[letter.event_id] = letter
        return iter([letter for letter in latest.values() if letter.verdict != "replayed"])

    def _lines(self) -> Iterator[bytes]:
        if self.path.exists():
            with self.path.open("rb") as file:
                yield from (line for line in file if line.strip())

    def get(self, event_id: str) -> Letter | None:
        """The letter of one event."""
        return next((letter for letter in self if letter.event_id == event_id), None)

    async def replay(self, queue: EventQueue, *, include_unknown: bool = False) -> AsyncGenerator[Outcome, None]:
        """Deliver the letters' events again and yield their outcomes; what is delivered leaves the list.

        `event_id` and `tracked_at` stay the same. Events whose outcome is unknown may have been
        applied, and are sent only with `include_unknown`. What the queue knows to be under way or
        delivered by now is not sent again.
        """
        letters = {letter.event_id: letter for letter in self if include_unknown or letter.verdict != "unknown"}
        async for outcome in queue.deliver(_once_more(queue, letters.values())):
            self._note(letters[outcome.event_id], outcome)
            yield outcome

    def _note(self, letter: Letter, outcome: Outcome) -> None:
        """Append what a replay ended in; the queue may have letters of its own elsewhere."""
        ended: Any = "replayed" if outcome.delivered else outcome.verdict
        line = msgspec.structs.replace(
            letter, verdict=ended, reason=reason(outcome.error), attempts=outcome.attempts, at=time.time()
        )
        append(self.path, msgspec.json.encode(line) + b"\n")


def _once_more(queue: EventQueue, letters: Iterable[Letter]) -> Iterator[Event]:
    for letter in letters:
        queue.forget(letter.event_id)
        yield letter.event()
