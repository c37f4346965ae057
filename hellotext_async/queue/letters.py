"""One dead letter, and how letters are written: appended and synced before their events are forgotten.

Rules. One JSON object a line. The file is only for its owner (mode 0600) and never holds the token.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from .._events.event import Event
from ..errors import APIError, HellotextError
from .writer import GroupWriter

if TYPE_CHECKING:
    import asyncio

    from .outcome import Outcome
    from .receipt import Receipt

__all__ = ["DeadLetterWriter", "Letter", "append", "reason"]


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


def append(path: Path, lines: bytes) -> None:
    """Append to the file and sync it; made if it is not there."""
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
            append(self._path, self._encoder.encode_lines([letter]))
        except OSError as error:
            return error
        return None

    def _write(self, group: _Letters) -> None:
        append(self._path, self._encoder.encode_lines([letter for letter, _ in group]))

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
