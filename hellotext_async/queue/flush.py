"""Flushes: which events had not ended when one was asked for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .entry import Entry

__all__ = ["Flush", "Flushes"]


class Flush:
    """The events that had not ended when it was asked for."""

    def __init__(self, left: set[Entry], aside: int) -> None:
        self.left = left
        self.aside = aside

    @property
    def over(self) -> bool:
        """Whether all of them have ended."""
        return not self.left and self.aside <= 0


class Flushes:
    """Those that are waited for."""

    def __init__(self) -> None:
        self._open: list[Flush] = []

    def begin(self, left: set[Entry], aside: int) -> Flush:
        """One more; `aside` events of it are in the store only."""
        flush = Flush(left, aside)
        self._open.append(flush)
        return flush

    def remove(self, flush: Flush) -> None:
        """It is not waited for any more."""
        self._open.remove(flush)

    def loaded(self, entry: Entry) -> None:
        """An event came back from the store: those of each flush come first."""
        for flush in self._open:
            flush.aside -= 1
            if flush.aside >= 0:
                flush.left.add(entry)

    def over(self, entry: Entry) -> None:
        """An event has its end."""
        for flush in self._open:
            flush.left.discard(entry)
