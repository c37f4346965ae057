"""The state of a queue: room, counters, ids, and where every event is. Pure: time is an argument.

Rules. An event is counted as accepted once and as ended once: ``accepted == sum(outcomes) + queued
+ in_flight`` at every moment. An id of the caller's is one event from the moment it is offered,
while it is queued, and for the last 10,000 that ended. Times of events are on the delivery clock,
which stands still during a suspension.
"""

from __future__ import annotations

from collections import deque
from contextvars import copy_context
from math import inf
from typing import TYPE_CHECKING, Final

from .capacity import Capacity
from .decide import Later
from .delivery_clock import DeliveryClock
from .entry import Entry, More, State, end_of, new_id
from .flush import Flush
from .ids import Ids
from .order import HOLD, Order
from .outcome import VERDICTS, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._events.prepare import Prepared
    from ..errors import HellotextError
    from .decide import Again
    from .settings import Settings

__all__ = ["Core"]

SAME_MOMENT: Final = 0.001
"""Seconds within which events have one time of acceptance: a number of its own would take 24 bytes for each."""


class Core:
    """What a queue holds, in numbers and in order."""

    def __init__(self, settings: Settings, *, durable: bool) -> None:
        self._settings = settings
        self._durable = durable
        self._ordered = settings.ordering == "subject"
        self._capture = settings.capture_context
        self.order = Order(hold=inf if settings.strict_order else HOLD)
        self.waiters: deque[Entry] = deque()
        self.pending: set[Entry] = set()
        self.in_flight: set[Entry] = set()
        self.flushes: list[Flush] = []
        self.accepted = self.dropped = 0
        self.aside = 0
        self.arrived = 0
        """Events of other processes that the store has read and that have no room here yet."""
        self.outcomes: dict[Verdict, int] = dict.fromkeys(VERDICTS, 0)
        self.capacity = Capacity(settings.capacity, settings.max_bytes)
        self._last = -inf
        self.ids = Ids()
        self.clock = DeliveryClock()

    def expires_at(self) -> float:
        """The loop time at which the oldest event in memory expires; inf if none does."""
        if self.clock.stands:
            return inf
        return self.clock.loop_time(self.order.oldest() + self._settings.delivery_timeout)

    # From the call to acceptance.

    def enter(self, ready: Prepared, clock: float, context: object = None) -> Entry | None:
        """A new event if there is room: accepted at once in memory, else pending until the store has it."""
        size, capacity = len(ready.body), self.capacity
        if self.waiters or capacity.count >= capacity.max_count or capacity.bytes + size > capacity.max_bytes:
            return None
        if clock - self._last > SAME_MOMENT:
            self._last = clock
        entry = self.new(ready, self._last, context)
        if ready.event_id is not None:
            self.ids.add(ready.event_id, entry)
        elif self._durable and entry.more is None:
            entry.more = More(new_id())  # a store needs its id, and gives it a number
        capacity.count += 1
        capacity.bytes += size
        if self._durable:
            self.pending.add(entry)
        else:
            self.accepted += 1
            entry.state = "queued"
            self.order.add(entry)
        return entry

    def new(self, ready: Prepared, clock: float, context: object) -> Entry:
        """An event that is not known here yet."""
        event_id = ready.event_id
        subject = ready.subject if self._ordered else None
        entry = Entry(ready.action, ready.body, subject, ready.idempotency, clock)
        if event_id is not None:
            entry.more = More(event_id, has_caller_id=True)
        if context is not None:
            entry.context = context
        if self._capture:
            entry.enqueued_in = copy_context()
        return entry

    def offer(self, ready: Prepared, clock: float, context: object = None) -> Entry:
        """`enter`, or a place among those that wait for room."""
        entry = self.enter(ready, clock, context)
        if entry is None:
            entry = self.new(ready, clock, context)
            entry.state = "offered"
            self.arrive(entry)
        return entry

    def arrive(self, entry: Entry) -> None:
        """An event that was made in another thread waits for room."""
        if entry.event_id is not None:
            self.ids.add(entry.event_id, entry)
        self.waiters.append(entry)

    def admit(self, clock: float) -> Iterator[Entry]:
        """Those that waited and have room by now: stored in memory, else pending."""
        while self.waiters and self.capacity.has_room_for(len(self.waiters[0].body)):
            entry = self.waiters.popleft()
            entry.at = clock
            self.capacity.acquire(len(entry.body))
            entry.state = "pending" if self._durable else "stored"
            self.pending.add(entry)
            yield entry

    def accept(self, entry: Entry, *, aside: bool = False) -> None:
        """A pending or stored event is accepted; `aside` when the store alone keeps it for now."""
        self.accepted += 1
        if aside:
            self.aside += 1
            self.adopt(entry)
            return
        self.pending.discard(entry)
        entry.state = "queued"
        self.order.add(entry)

    def adopt(self, entry: Entry) -> None:
        """The event is in the store only, where it was counted; nothing of it is needed in memory."""
        self.pending.discard(entry)
        self.capacity.release(len(entry.body))
        entry.state, entry.body, entry.enqueued_in = "aside", b"", None
        self.ids.set_aside(entry)

    def refuse(self, entry: Entry, end: Outcome | HellotextError) -> None:
        """The event is not accepted: `end` says why, or how the one with its id ended."""
        if entry.state == "offered":
            self.waiters.remove(entry)
        else:
            self.pending.discard(entry)
            self.capacity.release(len(entry.body))
        self.ids.drop(entry)
        self._over(entry, "ended" if isinstance(end, Outcome) else "refused", end)

    def follow(self, entry: Entry, first: Entry) -> None:
        """The event is another's second coming, which is not counted: it ends as the first did."""
        end = end_of(first)
        if end is not None:
            state = first.state if first.state in ("kept", "refused") else "ended"
            self._over(entry, state, end)

    @property
    def crowded(self) -> bool:
        """Whether newly accepted events had better wait in the store."""
        return self.capacity.crowded(len(self.order))

    def room_to_load(self) -> tuple[int, int]:
        """How many events, and of how many bytes, may come back from the store; (0, 0) is none."""
        return self.capacity.to_load(len(self.order)) if self.aside or self.arrived > 0 else (0, 0)

    def found(self, count: int) -> None:
        """The store holds events of an earlier queue: they count as accepted."""
        self.accepted += count
        self.aside += count

    def arrive_from_elsewhere(self, count: int) -> None:
        """Events of other processes count as accepted once the store has read them."""
        self.accepted += count
        self.arrived += count

    @property
    def short_of_room(self) -> bool:
        """Whether events wait for room here."""
        return bool(self.waiters or self.aside or self.arrived > 0)

    def load(self, entry: Entry, *, queue: bool = True, arrived: bool = False) -> None:
        """An event comes back from the store, or arrived there from another process, whatever the room; unless it is
        queued it is about to end.
        """
        if arrived:
            self.arrived -= 1  # it may be loaded before it is counted
        else:
            self.aside = max(0, self.aside - 1)
        self.capacity.acquire(len(entry.body))
        more = entry.more
        if more is not None and more.has_caller_id and more.event_id is not None:
            self.ids.add(more.event_id, entry)
        if not arrived:
            for flush in self.flushes:
                flush.loaded(entry)
        entry.state = "queued"
        if queue:
            self.order.add(entry)

    # From the first attempt to the end.

    def take(self) -> Entry | None:
        """The next event to be sent; it is in flight from here on."""
        entry = self.order.take()
        if entry is not None:
            entry.state = "in_flight"
            self.in_flight.add(entry)
        return entry

    def again(self, entry: Entry, how: Again | Later, now: float) -> None:
        """An event in flight waits to be sent again."""
        self.in_flight.discard(entry)
        entry.state = "queued"
        if isinstance(how, Later):
            self.order.delay(entry, how.pause, now)
        else:
            self.order.requeue(entry, front=how.front)

    def finish(self, entry: Entry, outcome: Outcome) -> None:
        """An event in flight has ended, and nothing can undo it."""
        self.in_flight.discard(entry)
        self.outcomes[outcome.verdict] += 1
        self.capacity.release(len(entry.body))
        if entry.has_caller_id:
            self.ids.finish(entry)
        self._over(entry, "ended", outcome)

    def finish_delivered(self, entry: Entry, clock: float) -> None:
        """An event in flight was delivered at its first attempt, and nothing can undo it."""
        self.in_flight.discard(entry)
        self.outcomes["delivered"] += 1
        self.capacity.count -= 1
        self.capacity.bytes -= len(entry.body)
        more = entry.more
        if more is not None:
            more.enqueued_in = None
            if more.has_caller_id:
                self.ids.finish(entry)
        entry.at = clock - entry.at
        entry.state, entry.body = "delivered", b""
        for flush in self.flushes:
            flush.left.discard(entry)

    def disown(self, entry: Entry, error: HellotextError) -> None:
        """Another process has the event now: it is not counted here any more."""
        self.in_flight.discard(entry)
        self.accepted -= 1
        self.capacity.release(len(entry.body))
        self.ids.drop(entry)
        self._over(entry, "kept", error)

    def keep(self, entry: Entry, error: HellotextError) -> None:
        """The event stays in the store for the next opening; it goes on being counted, and takes no room here."""
        if not entry.over:
            if entry.state != "aside":
                self.capacity.release(len(entry.body))
            self._over(entry, "kept", error)

    def _over(self, entry: Entry, state: State, end: Outcome | HellotextError) -> None:
        entry.end, entry.body, entry.history, entry.enqueued_in = end, b"", None, None
        entry.state = state  # last: another thread that reads it finds the end
        for flush in self.flushes:
            flush.left.discard(entry)

    # The whole.

    @property
    def queued(self) -> int:
        """Accepted events that are not in flight."""
        return len(self.order) + self.aside + self.arrived

    @property
    def idle(self) -> bool:
        """Whether every event that was handed over has ended."""
        return not (self.pending or self.in_flight or self.order or self.aside or self.arrived or self.waiters)

    def flush(self) -> Flush:
        """The events that have not ended by now; remove it from `flushes` when it is not needed any more."""
        flush = Flush({*self.pending, *self.in_flight, *self.order}, self.aside)
        self.flushes.append(flush)
        return flush
