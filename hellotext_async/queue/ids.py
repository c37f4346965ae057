"""Which event has which id of the caller: from its offer, while it waits, and for the last that ended."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from .entry import end_of
from .outcome import Outcome

if TYPE_CHECKING:
    from .entry import Entry

__all__ = ["REMEMBERED", "Ids"]

REMEMBERED: Final = 10_000
"""Events that ended whose ids are remembered."""


class Ids:
    """Events by the ids that callers gave."""

    def __init__(self) -> None:
        self._current: dict[str, Entry] = {}
        self._aside: WeakValueDictionary[str, Entry] = WeakValueDictionary()
        self._recent: OrderedDict[str, Entry] = OrderedDict()

    def known(self, event_id: str) -> Entry | None:
        """The event that has this id, if it is remembered."""
        return self._current.get(event_id) or self._aside.get(event_id) or self._recent.get(event_id)

    def add(self, event_id: str, entry: Entry) -> None:
        """An event with this id is here, new or back from the store."""
        self._current[event_id] = entry
        self._aside.pop(event_id, None)

    def drop(self, entry: Entry) -> None:
        """The event is not accepted, or not here any more: its id is free."""
        if entry.event_id is not None and self._current.get(entry.event_id) is entry:
            del self._current[entry.event_id]

    def set_aside(self, entry: Entry) -> None:
        """The event waits in the store, which knows its id; here it is remembered while a caller holds it."""
        if entry.event_id is not None and self._current.get(entry.event_id) is entry:
            del self._current[entry.event_id]
            self._aside[entry.event_id] = entry

    def finish(self, entry: Entry) -> None:
        """The event has ended: the last such ids are remembered."""
        event_id = entry.event_id
        if event_id is not None and self._current.pop(event_id, None) is not None:
            self._recent[event_id] = entry
            if len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)

    def allow_resubmission(self, event_id: str) -> None:
        """An event that ended badly may come again under its id."""
        first = self._recent.get(event_id)
        if first is not None and isinstance(end := end_of(first), Outcome) and not end.delivered:
            del self._recent[event_id]
