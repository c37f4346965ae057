"""Dead letters: one event that ended badly, and the file to which letters are appended.

Rules. One JSON object a line. A letter is durable before its event is forgotten. Every write
starts on a line of its own, whatever a crash or a full disk left behind; one that the disk takes
in part fails. The file is only for its owner (mode 0600) and never holds the token. It is for one
business: a replay sends all letters to one.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from weakref import WeakSet

import msgspec

from .. import _process
from .._events.event import Event
from .._own_file import open_own, sync_folder
from ..errors import APIError, ConfigurationError, HellotextError

if TYPE_CHECKING:
    from .entry import Entry
    from .outcome import Outcome

__all__ = ["Letter", "LetterFile", "LetterVerdict", "append", "reason"]


LetterVerdict = Literal["rejected", "unknown", "expired", "abandoned", "replayed", "delivered", "not_delivered"]


_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class Letter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event that ended badly: what became of it, why, and the body as it was sent.

    ``delivered`` and ``not_delivered`` are what a `reconcile` has found out of one that was unknown.
    """

    event_id: str
    action: str
    verdict: LetterVerdict
    reason: str = ""
    attempts: int = 0
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    subject: str | None = None
    at: float = 0.0

    @classmethod
    def of(cls, entry: Entry, outcome: Outcome, at: float) -> Letter:
        """The letter of an event whose `outcome` is not delivered, written `at` this time (Unix seconds)."""
        return cls(
            event_id=outcome.event_id,
            action=outcome.action,
            verdict=cast("Any", outcome.verdict),
            reason=reason(outcome.error),
            attempts=outcome.attempts,
            payload=msgspec.Raw(entry.body or b"{}"),
            subject=entry.subject,
            at=at,
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


def append(path: Path, letters: Sequence[Letter]) -> None:
    """Append the letters and sync them; the file is made if it is not there. OSError, SpoolError."""
    made = not path.exists()
    file = open_own(path, _FLAGS)
    try:
        size = os.fstat(file).st_size
        lines = msgspec.json.Encoder().encode_lines(letters)
        if size and os.pread(file, 1, size - 1) != b"\n":
            lines = b"\n" + lines
        _write_all(file, lines, size)
        os.fsync(file)
    finally:
        os.close(file)
    if made:
        sync_folder(path.parent)


def _write_all(file: int, lines: bytes, size: int) -> None:
    left = memoryview(lines)
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        if os.fstat(file).st_size == size + len(lines) - len(left):  # nothing was appended since
            os.ftruncate(file, size)
        raise


def _unwritable(path: Path) -> str | None:
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return _uninhabitable(path.parent)
    except OSError as error:
        return str(error.strerror)
    try:
        return None if stat.S_ISREG(os.fstat(file).st_mode) else "it is no plain file"
    finally:
        os.close(file)


def _uninhabitable(folder: Path) -> str | None:
    """Why no file can be made there; what is made to see it has no name, or none for long."""
    if not folder.is_dir():
        return "its folder is not there"
    try:
        with TemporaryFile(dir=folder):
            return None
    except OSError:
        return "its folder cannot be written"


class LetterFile:
    """Where a queue's letters go; they are written in a thread of its own.

    `account` answers whose they are at this moment. ConfigurationError if an open queue of another's has the file.
    """

    def __init__(self, path: str | os.PathLike[str], account: Callable[[], object]) -> None:
        self._path = Path(path).absolute()
        self._account = account
        if any(other._is_of_another(self) for other in list(_open)):
            raise ConfigurationError(
                f"dead_letters: {self._path} is used by a client of another token or base_url; give each a file, and a "
                "spool's folder, of its own: what one leaves there is sent by whichever comes next. With a new token "
                "of the same business its client goes on by set_token()"
            )
        _open.add(self)
        _process.disown_after_fork(self)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hellotext dead letters")

    def _is_of_another(self, new: LetterFile) -> bool:
        return os.path.realpath(self._path) == os.path.realpath(new._path) and self._account() != new._account()

    def check(self) -> None:
        """ConfigurationError if letters cannot be written here; the file is not made before there is one."""
        why = _unwritable(self._path)
        if why is not None:
            raise ConfigurationError(f"dead_letters: {self._path} cannot be opened ({why})")

    async def write(self, letters: Sequence[Letter]) -> None:
        """Return when the letters are durable; OSError, SpoolError."""
        await asyncio.get_running_loop().run_in_executor(self._thread, append, self._path, letters)

    def write_now(self, letters: Sequence[Letter]) -> None:
        """`write` for a queue whose loop is gone."""
        append(self._path, letters)

    def close(self) -> None:
        """End the thread."""
        _open.discard(self)
        self._thread.shutdown(wait=False)

    def disown(self) -> None:
        """In a forked child: the file is open in the parent."""
        _open.discard(self)


_open: Final[WeakSet[LetterFile]] = WeakSet()
