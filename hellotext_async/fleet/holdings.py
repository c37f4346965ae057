"""The events of a stream that are in this process's memory: where each is kept there, its marks and its end.

Rules. An event is marked before its request is written, under the lease of its shard, and is
written only while that lease outlasts a whole attempt. What is not ours any more is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from .._policy.evidence import Attempt
from ..queue.entry import AttemptHistory, Entry, More
from ..queue.store import Loaded
from .commands import Ending
from .layout import digest
from .letters import encode_letter
from .record import Mark, ending_text

if TYPE_CHECKING:
    from ..queue.store import Finish
    from .reader import Item
    from .stepper import Stepper
    from .tenure import Tenure

__all__ = ["POISON", "Holdings"]

POISON: Final = 3
"""Owners that were lost while an event was in flight, after which it is not tried again."""

_LOST: Final = Attempt("uncertain", reason="its worker ended while it was being sent")
_POISON: Final = Attempt("uncertain", reason=f"poison: {POISON} workers ended while it was being sent")


class Holdings:
    """By the events. `on_idle` is called when a shard that leaves may have nothing in flight any more; `wall` gives
    Unix seconds.
    """

    def __init__(
        self, stepper: Stepper, attempt_seconds: float, on_idle: Callable[[], None], wall: Callable[[], float]
    ) -> None:
        self._stepper = stepper
        self._total = attempt_seconds
        self._on_idle = on_idle
        self._wall = wall
        self._items: dict[Entry, Item] = {}

    def hold(self, entry: Entry, item: Item, *, arrived: bool) -> Loaded:
        """It was read as `item`, perhaps with what an earlier owner left of it."""
        mark = item.tenure.left.pop(item.entry, None)
        in_flight = mark is not None and mark.in_flight
        if mark is not None:
            item.lost_owners = mark.lost_owners + in_flight
            uncertain = _POISON if item.lost_owners >= POISON else _LOST
            entry.history = AttemptHistory.read(mark.attempts, mark.uncertain_count + in_flight, uncertain)
        self._items[entry] = item
        poison = in_flight and item.lost_owners >= POISON
        return Loaded(entry, was_in_flight=in_flight, damaged=poison, arrived=arrived)

    def hold_damaged(self, item: Item, at: float) -> Loaded:
        """What was read is no event: it becomes a dead letter."""
        more = More(f"damaged-{item.tenure.shard}-{item.entry}")
        entry = Entry("", b"{}", None, "at_most_once", at, more=more)
        self._items[entry] = item
        return Loaded(entry, damaged=True, arrived=True)

    async def mark(self, entry: Entry) -> float | None:
        """Until when it may be written; None: the shard is not ours, and the event is kept elsewhere."""
        item = self._items.get(entry)
        if item is None:
            return None
        tenure = item.tenure
        if tenure.active:
            more = entry.more
            history = None if more is None else more.history
            if history is None and not item.lost_owners:
                tenure.mark_first(item.entry)
            else:
                made, uncertain = (0, 0) if history is None else (history.attempts, history.uncertain_count)
                mark = Mark(tenure.epoch, made + 1, uncertain, item.lost_owners, in_flight=True)
                tenure.mark(item.entry, mark)
            await self._stepper.committed()
        if not tenure.alive or item.entry not in tenure.in_flight:
            self._items.pop(entry, None)
            return None
        return tenure.until - self._total

    async def requeue(self, entries: Sequence[Entry]) -> None:
        """Events that were marked wait to be sent again."""
        tenures: set[Tenure] = set()
        for entry in entries:
            item = self._items.get(entry)
            if item is None or not item.tenure.alive:
                continue
            history, epoch = entry.history, item.tenure.epoch
            mark = None if history is None else Mark(epoch, history.attempts, history.uncertain_count, item.lost_owners)
            item.tenure.mark(item.entry, mark)
            tenures.add(item.tenure)
        await self._committed(tenures)

    async def finish(self, entries: Sequence[Entry], ends: Sequence[Finish | None]) -> list[Entry]:
        """They have ended: the stream has them no more, and remembers how. Those that are not held are returned."""
        tenures: set[Tenure] = set()
        others: list[Entry] = []
        now = self._wall()
        for entry, end in zip(entries, ends, strict=True):
            item = self._items.pop(entry, None)
            if item is not None:
                item.tenure.end(_ending(item, end, now))
                tenures.add(item.tenure)
            elif end is None:
                others.append(entry)
        await self._committed(tenures)
        return others

    async def _committed(self, tenures: set[Tenure]) -> None:
        """Return when it is durable, and have given back what is leaving: no release may overtake an end."""
        if any(tenure.alive for tenure in tenures):
            await self._stepper.committed()
        if any(tenure.leaving and not tenure.in_flight for tenure in tenures):
            self._on_idle()


def _ending(item: Item, end: Finish | None, now: float) -> Ending:
    event_id = b"" if item.stored is None else digest(item.stored.event_id)
    if end is None:
        return Ending(item.entry, item.size, event_id, "")
    letter = b"" if end.verdict == "delivered" else encode_letter(end, now)
    return Ending(item.entry, item.size, event_id, ending_text(end), letter)
