"""Dead letters: events that ended badly, on disk with their payload, to be looked at and replayed.

Rules. One JSON object a line, appended and synced before the event is forgotten; the file is
only for its owner (mode 0600) and never holds the token. The last line about an event is the
truth about it: a replay that delivers appends a line that says so, so nothing is ever rewritten.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from .._events.event import Event
from ..errors import APIError, HellotextError
from .outcome import Outcome
from .writer import GroupWriter

if TYPE_CHECKING:
    import asyncio

    from .queue import EventQueue
    from .receipt import Receipt

__all__ = ["DeadLetterWriter", "DeadLetters", "Letter"]


class Letter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event that ended badly: what became of it, why, and the body as it was sent."""

    event_id: str
    action: str
    verdict: Literal["rejected", "unknown", "expired", "abandoned", "replayed"]
    reason: str = ""
    attempts: int = 0
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    subject: str | None = None
    at: float = 0.0

    @classmethod
    def of(cls, receipt: Receipt, outcome: Outcome) -> Letter:
        """The letter of an event whose `outcome` is not delivered."""
        return cls(
            event_id=outcome.event_id,
            action=outcome.action,
            verdict=cast("Any", outcome.verdict),
            reason=reason(outcome.error),
            attempts=outcome.attempts,
            payload=msgspec.Raw(receipt._body or b"{}"),
            subject=receipt._subject,
            at=time.time(),
        )

    def event(self) -> Event:
        """The event as it was tracked, with the same `event_id` and `tracked_at`."""
        fields: dict[str, Any] = msgspec.json.decode(self.payload)
        action = fields.pop("action", self.action)
        fields["event_id"] = self.event_id
        if self.subject is not None and self.subject not in (fields.get("profile"), fields.get("session")):
            fields["order_key"] = self.subject
        return Event(action, **fields)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("event_id", self.event_id), ("verdict", self.verdict)]

    def __repr__(self) -> str:
        return f"Letter({self.event_id!r}, {self.verdict})"


def reason(error: HellotextError | None) -> str:
    """Why, in words that hold no customer's data: the error's own text."""
    if error is None:
        return ""
    return str(error) if isinstance(error, APIError) else f"{type(error).__name__}: {error}"


Told = Callable[[Exception | None], None]
_Letters = list[tuple[Letter, Told]]


def _append(path: Path, lines: bytes) -> None:
    made = not path.exists()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        os.write(file, lines)
        os.fsync(file)
    finally:
        os.close(file)
    if made:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new file is safe only when the folder that names it is."""
    if os.name == "posix":
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


class DeadLetterWriter:
    """Writes letters in groups, in a thread of its own that starts with the first one."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        loop: asyncio.AbstractEventLoop,
        *,
        writer: Callable[..., GroupWriter[_Letters, None]] = GroupWriter,
    ) -> None:
        self._path = Path(path)
        self._make = writer
        self._loop = loop
        self._encoder = msgspec.json.Encoder()
        self._writer: GroupWriter[_Letters, None] | None = None
        self._waiting: _Letters = []

    def write(self, letter: Letter, told: Told) -> None:
        """Write `letter`; `told` hears when it is safe, or why it is not."""
        if self._loop.is_closed() or not self._loop.is_running():
            told(self._at_once(letter))
            return
        writer = self._writer
        if writer is None:
            name = "hellotext dead letters"
            writer = self._writer = self._make(self._take, self._write, _written, loop=self._loop, name=name)
        if not self._waiting:
            writer.kick()
        self._waiting.append((letter, told))

    def _take(self) -> _Letters:
        group, self._waiting = self._waiting, []
        return group

    def _at_once(self, letter: Letter) -> Exception | None:
        try:
            _append(self._path, self._encoder.encode_lines([letter]))
        except OSError as error:
            return error
        return None

    def _write(self, group: _Letters) -> None:
        _append(self._path, self._encoder.encode_lines([letter for letter, _ in group]))

    async def flush(self) -> None:
        """Return when every letter is safe."""
        if self._writer is not None:
            await self._writer.flush()

    async def aclose(self) -> None:
        """End the thread."""
        if self._writer is not None:
            await self._writer.aclose()


def _written(group: _Letters, _: None, error: Exception | None) -> None:
    for _letter, told in group:
        told(error)


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
        _append(self.path, msgspec.json.encode(line) + b"\n")


def _once_more(queue: EventQueue, letters: Iterable[Letter]) -> Iterator[Event]:
    for letter in letters:
        queue.forget(letter.event_id)
        yield letter.event()
