"""A checkpoint: which rows of a file have ended, so that an interrupted run goes on where it was.

Rules. It belongs to one file, recognised by its first bytes. It is written whole, beside itself, and put in
place, so a crash leaves the one before. Rows without an id of their own get one from the checkpoint: after
a crash, a spool recognises those that it has already.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from ..errors import ConfigurationError
from ..offsets import Offsets
from .source import HEAD, fingerprint

__all__ = ["Checkpoint"]

FORMAT: Final = "hellotext-async checkpoint 1"


class _State(msgspec.Struct):
    format: str
    job: str
    head: str
    head_bytes: int
    rows: int
    ahead: list[int]
    outcomes: dict[str, int]


class Checkpoint:
    """The rows that have ended. `before` counts how they ended, in this run and in those before it."""

    def __init__(self, path: Path, state: _State) -> None:
        self._path = path
        self._state = state
        self._skip = frozenset(state.ahead)
        self._offsets = Offsets[int]()
        self._changed = False
        self.outcomes = dict(state.outcomes)

    @classmethod
    def open(cls, path: Path, descriptor: int) -> Checkpoint:
        """Read the checkpoint of the file behind `descriptor`, or begin one.

        Raises ConfigurationError if it is another file's, is no checkpoint or cannot be written.
        """
        try:
            state = msgspec.json.decode(path.read_bytes(), type=_State)
        except FileNotFoundError:
            head, length = fingerprint(descriptor)
            state = _State(FORMAT, head[:12], head, length, 0, [], {})
        except (OSError, msgspec.DecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no checkpoint"
            raise ConfigurationError(f"--checkpoint {path}: {reason}; it is left as it is") from None
        if state.format != FORMAT:
            raise ConfigurationError(f"--checkpoint {path}: another version's; it is left as it is")
        if fingerprint(descriptor, min(HEAD, state.head_bytes))[0] != state.head:
            raise ConfigurationError(f"--checkpoint {path}: it belongs to another file; it is left as it is")
        found = cls(path, state)
        found.save(always=True)
        return found

    def has(self, number: int) -> bool:
        """Whether a row ended in an earlier run."""
        return number <= self._state.rows or number in self._skip

    def event_id(self, number: int) -> str:
        """The id of a row that has none."""
        return f"{self._state.job}-{number}"

    def begin(self, number: int) -> None:
        """A row was read."""
        self._offsets.begin(number)

    def end(self, number: int, outcome: str | None) -> None:
        """A row has ended; None: in an earlier run."""
        self._offsets.done(number)
        self._changed = True
        if outcome is not None:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def save(self, *, always: bool = False) -> None:
        """Write it, if something has changed. Raises ConfigurationError if that fails."""
        if not self._changed and not always:
            return
        last = self._offsets.last
        rows = max(self._state.rows, last or 0)
        ahead = sorted({*self._offsets.ahead, *(number for number in self._skip if number > rows)})
        state = msgspec.structs.replace(self._state, rows=rows, ahead=ahead, outcomes=self.outcomes)
        beside = self._path.with_name(self._path.name + ".new")
        try:
            with beside.open("wb") as file:
                file.write(msgspec.json.encode(state) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise ConfigurationError(f"--checkpoint {self._path}: {error.strerror}") from None
        self._changed = False
