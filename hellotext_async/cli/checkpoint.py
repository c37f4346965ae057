"""A checkpoint: which rows of a file have ended, so that an interrupted run goes on where it was.

Rules. It belongs to one file, recognised by its first bytes and by those that were its last when a run began:
the file may grow, and nothing else. It is written whole, beside itself, and put in place, so a crash leaves the
one before. One run at a time may have it. Rows without an id of their own get one from the checkpoint, and no other
checkpoint gives the same: after a crash, a spool recognises those that it has already, and no others.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path
from typing import Final

import msgspec

from .._own_file import sync_folder
from ..errors import ConfigurationError
from ..offsets import Offsets
from .source import HEAD, fingerprint, fingerprint_of_end

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
    size: int = 0
    """The file's bytes when the last run began, and a hash of the last of them."""
    tail: str = ""
    in_doubt: bool = False
    """Whether a run is under way, or died, that leaves nothing by which what it sent is recognised."""


class Checkpoint:
    """The rows that have ended. `outcomes` counts how they ended, in this run and in those before it."""

    def __init__(self, path: Path, state: _State, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._state = state
        self._skip = frozenset(state.ahead)
        self.earlier_died = False
        self._offsets = Offsets[int]()
        self._changed = False
        self.outcomes = dict(state.outcomes)

    @classmethod
    def open(cls, path: Path, descriptor: int, *, doubles: bool = False) -> Checkpoint:
        """Read the checkpoint of the file behind `descriptor`, or begin one; `descriptor` stays open meanwhile.

        `doubles`: if this run dies, the next one sends again what it had sent; that one has `earlier_died` then.
        Raises ConfigurationError if it is another file's, is no checkpoint or cannot be written.
        """
        found = cls(path, _state(path, descriptor), descriptor)
        found.earlier_died, found._state.in_doubt = found._state.in_doubt, doubles
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

    def save(self, *, always: bool = False, ended: bool = False) -> None:
        """Write it, if something has changed or the run has `ended`. Raises ConfigurationError if that fails."""
        if not self._changed and not always and not ended:
            return
        last = self._offsets.last
        rows = max(self._state.rows, last or 0)
        ahead = sorted({*self._offsets.ahead, *(number for number in self._skip if number > rows)})
        state = msgspec.structs.replace(self._state, rows=rows, ahead=ahead, outcomes=self.outcomes)
        state.in_doubt = state.in_doubt and not ended
        beside = self._path.with_name(self._path.name + ".new")
        try:
            if state.head_bytes < HEAD:  # it may have grown
                state.head, state.head_bytes = fingerprint(self._descriptor)
            with beside.open("wb") as file:
                file.write(msgspec.json.encode(state) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            if always:
                sync_folder(self._path.parent)  # the ids that it gives must outlast the events that have them
        except OSError as error:
            raise ConfigurationError(f"--checkpoint {self._path}: {error.strerror}") from None
        self._state.head, self._state.head_bytes = state.head, state.head_bytes
        self._changed = False


def _state(path: Path, descriptor: int) -> _State:
    """What the checkpoint says, or a new one. Raises ConfigurationError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        state = msgspec.json.decode(path.read_bytes(), type=_State)
    except FileNotFoundError:
        head, length = fingerprint(descriptor)
        state = _State(FORMAT, secrets.token_hex(6), head, length, 0, [], {})
    except (OSError, msgspec.DecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no checkpoint"
        raise ConfigurationError(f"--checkpoint {path}: {reason}; it is left as it is") from None
    if state.format != FORMAT:
        raise ConfigurationError(f"--checkpoint {path}: another version's; it is left as it is")
    if not _belongs(state, descriptor):
        raise ConfigurationError(
            f"--checkpoint {path}: it belongs to another file, or to this one before more was changed than lines "
            "added at its end; it is left as it is: give this file another checkpoint"
        )
    state.size = os.fstat(descriptor).st_size
    state.tail = fingerprint_of_end(descriptor, state.size)
    return state


def _belongs(state: _State, descriptor: int) -> bool:
    if fingerprint(descriptor, min(HEAD, state.head_bytes))[0] != state.head:
        return False
    size = os.fstat(descriptor).st_size
    return not state.tail or (size >= state.size and fingerprint_of_end(descriptor, state.size) == state.tail)
