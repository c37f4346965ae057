"""Which events had not ended when a flush was asked for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .entry import Entry

__all__ = ["Flush"]


class Flush:
    """The events that had not ended when it was asked for: those `left` in memory, and so many `aside` in the store."""

    def __init__(self, left: set[Entry], aside: int) -> None:
        self.left = left
        self.aside = aside

    @property
    def over(self) -> bool:
        """Whether all of them have ended."""
        return not self.left and self.aside <= 0

    def loaded(self, entry: Entry) -> None:
        """An event came back from the store: those that it waits for come first."""
        self.aside -= 1
        if self.aside >= 0:
            self.left.add(entry)
