"""Brings events back from the store: what an earlier process left, what waits there alone, what arrived from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import SpoolError

if TYPE_CHECKING:
    from .core import Core
    from .decide import Rules
    from .settler import Settler
    from .store import Loaded, Store
    from .worker import Worker

__all__ = ["Loader"]


class Loader:
    """Reads when there is room, until it is stopped."""

    def __init__(self, core: Core, rules: Rules, store: Store, settler: Settler, worker: Worker) -> None:
        self._core = core
        self._rules = rules
        self._store = store
        self._settler = settler
        self._worker = worker
        self._stopped = False
        self.reading = False

    async def watch(self) -> None:
        """Count what other processes append to the store."""
        while True:
            self._core.arrive_from_elsewhere(await self._store.arrived())
            self._settler.freed.set()

    async def load(self) -> None:
        """Bring back what there is room for."""
        most, most_bytes = self._core.room_to_load()
        if not most or self._stopped:
            return
        self.reading = True
        loaded = await self._store.load(most, most_bytes)
        self.reading = False
        if not loaded and not self._store.shared:
            self._core.aside = 0
        for one in loaded:
            self._bring_in(one)
        self._worker.wake()
        self._settler.settled.check()

    def _bring_in(self, loaded: Loaded) -> None:
        entry, rules = loaded.entry, self._rules
        if loaded.elsewhere:
            self._core.load(entry, queue=False, arrived=loaded.arrived)
            self._worker.disown(entry)
            return
        history = None if entry.more is None else entry.more.history
        sent = loaded.was_in_flight or (history is not None and history.last_uncertain is not None)
        end = (
            rules.interrupted(entry) if sent else None
        )  # by this queue's rules: the queue before it may have had others
        if end is None and loaded.damaged:
            end = rules.abandoned(entry, SpoolError("its row in the spool is damaged"))
        elif end is None and self._worker.suspension is None and rules.late(entry, self._worker.now()):
            end = rules.expired(entry)
        self._core.load(entry, queue=end is None, arrived=loaded.arrived)
        if end is not None:
            self._worker.settle_unsent(entry, end)

    def stop(self) -> None:
        """Begin to read nothing more."""
        self._stopped = True
