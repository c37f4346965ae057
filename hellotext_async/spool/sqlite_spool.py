"""`SqliteSpool`: accepted events on disk, durable before they are called accepted, through crashes and restarts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

from ..config import check_choice, check_path, check_seconds
from ..errors import ConfigurationError
from .commit import Committer, CommitThread
from .database import Database, Durability
from .folder import claim_one
from .store import SqliteStore

if TYPE_CHECKING:
    from ..queue.settings import Settings
    from .commit import Resource

__all__ = ["SqliteSpool"]

WEEK: Final = timedelta(days=7)
GIB: Final = 1024**3


class SpoolOptions(TypedDict, total=False):
    """What a `SqliteSpool` takes beside its path."""

    durability: Durability
    window: timedelta | float
    max_bytes: int
    dead_letters: str | os.PathLike[str] | None


class SqliteSpool:
    """Where a queue keeps its events: ``client.event_queue(buffer=SqliteSpool("events.db"))``.

    `durability` "full" survives a power cut, "normal" only a crash of the process. `window` is how
    long the ids that callers gave are remembered after their events ended. `max_bytes` bounds the
    file. Dead letters go to `dead_letters`, by default next to the file. One queue at a time owns
    it: another gets SpoolBusy. The file is readable by its owner only and never holds the token.
    """

    committer: Callable[[Callable[[], Resource], asyncio.AbstractEventLoop, str], Committer] = CommitThread
    """What does the work; a test may put one in place that needs no thread."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Durability = "full",
        window: timedelta | float = WEEK,
        max_bytes: int = GIB,
        dead_letters: str | os.PathLike[str] | None = None,
    ) -> None:
        check_choice(durability, ("full", "normal"), "durability")
        if not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or max_bytes < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("max_bytes: expected a whole number from 1")
        self.path = Path(check_path(path, "path"))
        self._shared = False
        self.durability: Durability = durability
        self.window = window.total_seconds() if isinstance(window, timedelta) else window
        self.max_bytes = max_bytes
        if dead_letters is not None:
            check_path(dead_letters, "dead_letters")
        self.dead_letters = Path(dead_letters or self.path.with_name(f"{self.path.name}.dead-letters.jsonl"))
        if self.window != inf:
            check_seconds(self.window, "window")

    @classmethod
    def in_folder(cls, path: str | os.PathLike[str], **options: Unpack[SpoolOptions]) -> SqliteSpool:
        """A spool for each of several processes that share a folder, made if it is not there.

        Each queue takes a file that no other has: first one in which a process that ended left events, so
        that the workers that start next deliver them. Dead letters go to one file in the folder.
        """
        options.setdefault("dead_letters", Path(check_path(path, "path")) / "dead-letters.jsonl")
        spool = cls(Path(path) / "spool-1.db", **options)
        spool._shared = True
        return spool

    def open_database(self, path: Path) -> Database:
        """The file that a queue uses, in its thread; `path` is this spool's, made absolute."""

        def opened(file: Path) -> Database:
            return Database(file, self.durability, self.max_bytes, self.window)

        return claim_one(path.parent, opened) if self._shared else opened(path)

    def store(self, settings: Settings) -> SqliteStore:
        """The store of one queue, in the running loop."""
        path, loop = self.path.absolute(), asyncio.get_running_loop()
        committer = type(self).committer(lambda: self.open_database(path), loop, "hellotext spool")
        return SqliteStore(committer, settings.wall, self.window)

    def __repr__(self) -> str:
        return f"SqliteSpool({str(self.path)!r})"
