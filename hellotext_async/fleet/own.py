"""What a queue appended to the stream itself, until it is read from there or another process has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from weakref import WeakValueDictionary

from ..queue.entry import Entry, id_of
from ..queue.store import Loaded

__all__ = ["OwnEvents"]


class OwnEvents:
    """By their ids. `held` says whether an event's shard is owned here."""

    def __init__(self, held: Callable[[Entry], bool]) -> None:
        self._held = held
        self._coming: dict[str, Entry] = {}
        self._unplaced: dict[str, Entry] = {}
        self._waiting: dict[str, Entry] = {}
        self._joined: dict[str, Entry] = {}
        self._read: WeakValueDictionary[str, Entry] = WeakValueDictionary()
        self._withdrawn: set[str] = set()

    def coming(self, entries: Iterable[Entry]) -> None:
        """They are being appended."""
        for entry in entries:
            self._coming[id_of(entry)] = entry

    def came(self, entries: Iterable[Entry]) -> None:
        """The server has answered, or will not."""
        for entry in entries:
            self._coming.pop(id_of(entry), None)

    def stored(self, entry: Entry) -> None:
        """The server has it; the queue has not accepted it yet."""
        self._unplaced[id_of(entry)] = entry

    def placed(self, entry: Entry) -> Loaded | None:
        """The queue has accepted it: it waits in the stream, for this process (None) or another."""
        self._unplaced.pop(id_of(entry), None)
        if not self._held(entry):
            return Loaded(entry, elsewhere=True)
        self._waiting[id_of(entry)] = entry
        return None

    def join(self, entry: Entry) -> Entry | None:
        """An event with this id waits already: the one in memory, or None; then this one waits with that."""
        event_id = id_of(entry)
        first = self._read.get(event_id) or self._waiting.get(event_id) or self._joined.get(event_id)
        if first is not None and not first.over:
            return first
        self._joined[event_id] = entry
        return None

    def elsewhere(self) -> list[Loaded]:
        """Those that wait for shards that are not owned here: other processes have them."""
        found: list[Loaded] = []
        for waiting, arrived in ((self._waiting, False), (self._joined, True)):
            for event_id, entry in list(waiting.items()):
                if entry.state == "aside" and not self._held(entry):
                    del waiting[event_id]
                    found.append(Loaded(entry, elsewhere=True, arrived=arrived))
        return found

    def waiting(self) -> Sequence[Entry]:
        """Those that wait in the stream."""
        return [*self._waiting.values(), *self._joined.values()]

    # What is read from the stream.

    def has(self, event_id: str) -> bool:
        """Whether it was appended here, and is counted when it is accepted."""
        return (
            event_id in self._waiting
            or event_id in self._coming
            or event_id in self._unplaced
            or event_id in self._withdrawn
        )

    def undecided(self, event_id: str) -> bool:
        """Whether it is not accepted yet, nor refused."""
        own = self._coming.get(event_id) or self._unplaced.get(event_id)
        return own is not None and own.state in ("pending", "stored")

    def take(self, event_id: str) -> tuple[Entry | None, bool]:
        """The event in memory that has this id, and whether it was appended here."""
        own = self._waiting.pop(event_id, None)
        return (own, True) if own is not None else (self._joined.pop(event_id, None), False)

    def read(self, entry: Entry) -> None:
        """It was read, and has an id of the caller's: a second submission of the id joins it."""
        self._read[id_of(entry)] = entry

    def withdraw(self, entry: Entry) -> None:
        """It is not wanted after all: if it is read here it ends."""
        self._unplaced.pop(id_of(entry), None)
        if self._held(entry):
            self._withdrawn.add(id_of(entry))

    def withdrawn(self, event_id: str) -> bool:
        """Whether it was withdrawn; asked once."""
        found = event_id in self._withdrawn
        self._withdrawn.discard(event_id)
        return found
