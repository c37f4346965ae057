"""The dead letters of a stream: read, replaced, dropped, and put back among the events that wait.

Rules. A letter lies in the shard of its event. Each change is one step on the server: a letter that is
put back is an event from that moment on, and neither is ever missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from .commands import MOST, LetterChange
from .layout import digest
from .letters import decode_letter, encode_about
from .record import decode

if TYPE_CHECKING:
    from ..queue.letters import Letter
    from .commands import Commands
    from .location import StreamLocation

__all__ = ["StreamLetters"]

GONE: Final = frozenset({"replayed", "delivered"})
"""Verdicts of letters whose events were delivered after all."""


class _Place(NamedTuple):
    shard: int
    entry: str


class StreamLetters:
    """The letters of one stream; each method has a connection of its own. SpoolError, ConfigurationError."""

    def __init__(self, stream: StreamLocation) -> None:
        self._stream = stream
        self._places: dict[str, list[_Place]] = {}
        self.damaged = 0

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[Commands]:
        commands = await self._stream.connect()
        try:
            yield commands
        finally:
            await commands.link.aclose()

    async def read(self) -> list[Letter]:
        """Every letter, shard by shard, the oldest first; entries that are no letters are counted in `damaged`."""
        found: list[Letter] = []
        self._places, self.damaged = {}, 0
        async with self._opened() as commands:
            for shard in range(commands.layout.shards):
                found += await self._read(commands, shard)
        return found

    async def _read(self, commands: Commands, shard: int) -> list[Letter]:
        found: list[Letter] = []
        start = "-"
        while True:
            name = commands.layout.letters(shard)
            entries: list[tuple[bytes, dict[bytes, bytes]]] = await commands.link.command(
                "xrange", name, start, "+", count=MOST
            )
            for entry, fields in entries:
                letter = decode_letter(decode(fields.get(b"e")), fields.get(b"l", b""), f"{shard}-{entry.decode()}")
                if letter is None:
                    self.damaged += 1
                else:
                    self._places.setdefault(letter.event_id, []).append(_Place(shard, entry.decode()))
                    found.append(letter)
            if len(entries) < MOST:
                return found
            start = f"({entries[-1][0].decode()}"

    async def append(self, letters: Sequence[Letter]) -> None:
        """What is known now of events whose letters were read: those that were delivered leave, others are replaced."""
        changes: dict[int, list[LetterChange]] = {}
        for letter in letters:
            places = self._places.pop(letter.event_id, [])
            amended = letter.verdict not in GONE
            for place in places[:-1] if amended else places:
                changes.setdefault(place.shard, []).append(LetterChange("drop", place.entry))
            for place in places[-1:] if amended else ():
                about = encode_about(letter.verdict, letter.attempts, letter.reason, letter.at)
                changes.setdefault(place.shard, []).append(LetterChange("amend", place.entry, about))
        await self._change(changes)

    async def requeue(self, letters: Sequence[Letter]) -> int:
        """Put the events of these letters back into the stream, once each; how many were there."""
        changes: dict[int, list[LetterChange]] = {}
        for letter in letters:
            places = self._places.pop(letter.event_id, [])
            if places and letter.action:
                *older, last = places
                change = LetterChange("requeue", last.entry, b"", digest(letter.event_id))
                changes.setdefault(last.shard, []).append(change)
                for place in older:
                    changes.setdefault(place.shard, []).append(LetterChange("drop", place.entry))
        return (await self._change(changes))["requeue"]

    async def _change(self, changes: dict[int, list[LetterChange]]) -> Counter[Literal["drop", "amend", "requeue"]]:
        done: Counter[Any] = Counter()
        async with self._opened() as commands:
            for shard, all_changes in changes.items():
                for verb in ("requeue", "amend", "drop"):  # an event is never without its letter for a moment
                    wanted = [change for change in all_changes if change.verb == verb]
                    for start in range(0, len(wanted), MOST):
                        done[verb] += await commands.change_letters(shard, wanted[start : start + MOST])
        return done
