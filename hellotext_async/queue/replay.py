"""A replay: letters' events handed to a queue once more, and what is noted of them in the list.

Rules. Before an event whose repetition the API does not recognise is handed over, its letter says so: a process
that dies in the middle leaves it as unknown, not as one that was certainly not applied. What cannot be noted is
not handed over, and a note that could not be written is tried again with the next one and at the end. The letters
of a stream say nothing before: there `requeue` does in one step what a replay does in two.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from .._events.prepare import encode_event
from .._log import logger
from ..errors import InvalidParameter
from .letters import Letter, append, reason

if TYPE_CHECKING:
    from .._events.event import Event
    from .outcome import Outcome
    from .queue import EventQueue
    from .receipt import Receipt

__all__ = ["AHEAD", "LetterStream", "Notes", "Replay", "StreamNotes", "is_handed_over"]

_log = logger("hellotext_async.queue")

AHEAD: Final = 128
"""Events of a replay that are under way at one time: a crash leaves no more of them unknown."""
TURN: Final = 64
"""Letters that are noted together before their events are handed over."""
_HANDED_OVER: Final = "it was being replayed, and the replay did not note what became of it"


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


def is_handed_over(letter: Letter) -> bool:
    """Whether it says only that its event was handed over: what it said before holds again if it was not."""
    return letter.verdict == "unknown" and letter.reason == _HANDED_OVER


class Notes:
    """What is known of a replay's events, appended to the file in a thread; the queue may have letters elsewhere."""

    announce = True
    """Whether an event is announced before it is handed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hellotext replay")
        self._waiting: list[Letter] = []
        self._last: Future[None] | None = None

    def add(self, *letters: Letter) -> None:
        """More of them."""
        self._waiting += letters
        self._last = self._thread.submit(self._write)

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            if waiting:
                append(self._path, waiting)
        except BaseException:
            self._waiting = waiting + self._waiting
            raise

    async def written(self) -> None:
        """Return when every note so far is durable. Raises OSError, SpoolError."""
        if self._waiting:
            self.add()
        if self._last is not None:
            await asyncio.wrap_future(self._last)


class StreamNotes:
    """The same for a stream: written by a task of the running loop, all that there are at once."""

    announce = False

    def __init__(self, stream: LetterStream) -> None:
        self._stream = stream
        self._waiting: list[Letter] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, *letters: Letter) -> None:
        """More of them."""
        self._waiting += letters
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="hellotext replay")

    async def _write(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            await self._stream.append(waiting)
        self._writing = None  # unless that failed: then every `written` says so

    async def written(self) -> None:
        """Return when every note so far is durable. Raises SpoolError."""
        if self._writing is not None:
            await asyncio.shield(self._writing)


class Replay:
    """The queue, as far as a replay needs one, and the letters whose events it has not taken yet."""

    def __init__(self, queue: EventQueue, letters: Sequence[Letter], notes: Notes | StreamNotes) -> None:
        self._queue = queue
        self._letters = {letter.event_id: letter for letter in letters}
        self._notes = notes
        self._announced: dict[str, Letter] = {}

    # For what delivers.

    def track(self, action: Event, /, *, context: object = None) -> Receipt:
        """Take one at once; QueueFull."""
        receipt = self._queue.track(action, context=context)
        self._announced.pop(action.event_id or "", None)
        return receipt

    def enqueue(self, action: str, fields: Mapping[str, Any], context: object = None) -> Receipt:
        """The same of its parts."""
        receipt = self._queue.enqueue(action, fields, context)
        self._announced.pop(fields["event_id"], None)
        return receipt

    async def put_fields(self, action: str, fields: Mapping[str, Any], context: object = None) -> Receipt:
        """Take one as soon as there is room."""
        receipt = await self._queue.put_fields(action, fields, context)
        self._announced.pop(fields["event_id"], None)
        return receipt

    # For what replays.

    async def events(self, now: Callable[[], float]) -> AsyncGenerator[Event, None]:
        """The letters' events, each announced in the list `now`, if it must not be sent twice. OSError, SpoolError."""
        letters = list(self._letters.values())
        for start in range(0, len(letters), TURN):
            found = [pair for pair in map(_event_of, letters[start : start + TURN]) if pair is not None]
            announced = {letter.event_id: letter for letter, event in found if _may_be_doubled(letter, event)}
            if announced and self._notes.announce:
                self._announced |= announced
                self._notes.add(*(_handed_over(letter, now()) for letter in announced.values()))
                await self._notes.written()
            for letter, event in found:
                self._queue.allow_resubmission(letter.event_id)
                yield event

    def note(self, outcome: Outcome, at: float) -> None:
        """An event has ended."""
        self._notes.add(_after(self._letters[outcome.event_id], outcome, at))

    async def close(self) -> None:
        """Take back what was said of events that were not handed over, and have every note written."""
        if self._announced:
            self._notes.add(*self._announced.values())
        await self._notes.written()


def _event_of(letter: Letter) -> tuple[Letter, Event] | None:
    try:
        return letter, letter.event()
    except (InvalidParameter, msgspec.DecodeError, AttributeError, TypeError):
        _log.error("the payload of letter %s is no event: it is not replayed", letter.event_id)
        return None


def _may_be_doubled(letter: Letter, event: Event) -> bool:
    """Whether a second sending would count, and its letter does not say already that it may have been applied."""
    return letter.verdict != "unknown" and encode_event(event.body()).idempotency != "idempotent"


def _handed_over(letter: Letter, at: float) -> Letter:
    return msgspec.structs.replace(letter, verdict="unknown", reason=_HANDED_OVER, at=at)


def _after(letter: Letter, outcome: Outcome, at: float) -> Letter:
    """The next letter of an event, after its replay: what may have been applied before stays so."""
    verdict: Any = "replayed" if outcome.delivered else "unknown" if letter.verdict == "unknown" else outcome.verdict
    return msgspec.structs.replace(
        letter, verdict=verdict, reason=reason(outcome.error), attempts=outcome.attempts, at=at
    )
