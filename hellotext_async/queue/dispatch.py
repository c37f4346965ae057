"""From acceptance to the end of every event: the one place where the parts of a queue meet.

Rules. An event is admitted once (counted, scheduled) and ends once (dead letter synced, journal
told, counted, receipt told), in that order. If the sender dies nobody waits for ever: events in
memory end as abandoned, spooled ones are kept.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ..errors import QueueClosed, SpoolError
from .ledger import Ledger
from .letters import Letter
from .outcome import Outcome, Report, Stats
from .receipt import Receipt
from .room import Room
from .schedule import HOLD, Schedule
from .sender import Sender

if TYPE_CHECKING:
    from .._events.prepare import Prepared
    from .._policy.backoff import Uniform
    from .journal import Journal
    from .letters import DeadLetterWriter
    from .sender import Attempts
    from .settings import Settings

__all__ = ["Dispatch"]

_log = logging.getLogger("hellotext_async")


class Dispatch:
    """The running inside of a queue, bound to one loop."""

    def __init__(
        self,
        settings: Settings,
        attempts: Attempts,
        journal: Journal | None,
        letters: DeadLetterWriter | None,
        *,
        loop: asyncio.AbstractEventLoop,
        uniform: Uniform,
    ) -> None:
        self.loop = loop
        self.room = Room(settings.capacity, settings.max_bytes)
        self.ledger = Ledger(self.room, settings.on_outcome)
        self.schedule = Schedule(hold=float("inf") if settings.strict_order else HOLD)
        self._ordered = settings.ordering == "subject"
        self.journal = journal
        self._letters = letters
        self._window = max(1, settings.capacity // 2)
        self._putting: set[Receipt] = set()
        self._unwanted: set[Receipt] = set()
        self._waiters: list[asyncio.Future[None]] = []
        self.death: QueueClosed | None = None
        self.sender = Sender(
            attempts,
            self.schedule,
            journal,
            concurrency=settings.concurrency,
            delivery=settings.delivery,
            delivery_timeout=settings.delivery_timeout,
            loop=loop,
            uniform=uniform,
            on_delivered=self._delivered,
            on_end=self.end,
            on_stop=self._tell,
            on_death=self._die,
        )

    # Acceptance.

    def enter(self, ready: Prepared, *, putting: bool = False) -> Receipt:
        """An event has its room: it is accepted, or becomes pending until the journal has it."""
        subject = ready.subject if self._ordered else None
        receipt = Receipt(ready.action, ready.body, subject, ready.idempotency, self.sender.now(), ready.event_id)
        if ready.event_id is not None:
            self.ledger.remember(receipt)
        if self.journal is None:
            self.admit(receipt)
            return receipt
        receipt._place = None
        self.ledger.pending += 1
        if putting:
            self._putting.add(receipt)
        self.journal.store(receipt)
        return receipt

    def admit(self, receipt: Receipt) -> None:
        """The event is accepted."""
        self.ledger.accepted += 1
        if self.journal is not None and self._goes_to_disk(self.journal, receipt._place):
            self.room.give(len(receipt._body or b""))
            self.journal.set_aside(receipt)
            return
        self.schedule.add(receipt)
        if self.sender.listens:
            self.sender.wake()

    def _goes_to_disk(self, journal: Journal, seq: int) -> bool:
        """Behind what is on disk only already, or first of those when memory is half full."""
        if journal.overflow:
            return seq > journal.loaded
        return seq == journal.loaded and len(self.schedule) >= self._window

    def stored(self, receipt: Receipt) -> None:
        """The journal has the event. What `put` waits for is admitted by `put`, which may be gone by now."""
        if receipt in self._unwanted:
            self._withdraw(receipt)
            self._tell()
        elif receipt not in self._putting:
            self.ledger.pending -= 1
            self.admit(receipt)

    def confirm(self, receipt: Receipt, *, wanted: bool) -> None:
        """`put` has seen that its event is stored, or was cancelled before it did."""
        if receipt not in self._putting:
            return
        if not wanted:
            self._unwanted.add(receipt)
            if receipt.stored:
                self._withdraw(receipt)
            return
        self._putting.discard(receipt)
        self.ledger.pending -= 1
        self.admit(receipt)

    def _withdraw(self, receipt: Receipt) -> None:
        self._unpend(receipt)
        if self.journal is not None:
            self.journal.withdraw(receipt)

    def refused(self, receipt: Receipt, error: SpoolError) -> None:
        """The journal could not store the event: it is nowhere."""
        self._unpend(receipt)
        receipt._accept(error)
        receipt._finish(error)
        self._tell()

    def repeated(self, receipt: Receipt, first: Receipt | Outcome | None) -> bool:
        """The journal knows the event's id: it is not accepted again, and ends as the first one did."""
        self._unpend(receipt)
        receipt._accept(0)
        first = first or self.ledger.known(receipt.event_id)
        if isinstance(first, Outcome):
            receipt._finish(first)
        elif first is not None:
            first._watch(receipt._finish)
        self._tell()
        return first is not None

    def unconfirmed(self) -> set[int]:
        """The numbers of stored events that `put` has not confirmed yet."""
        return {receipt._seq for receipt in self._putting}

    def _unpend(self, receipt: Receipt) -> None:
        self.ledger.pending -= 1
        self._putting.discard(receipt)
        self._unwanted.discard(receipt)
        self.ledger.forget(receipt)
        self.room.give(len(receipt._body or b""))

    def found(self, count: int) -> None:
        """An earlier queue left events: they count as accepted, and come in as there is room."""
        self.ledger.accepted += count
        self._refill()

    def recovered(self, receipts: list[Receipt], doubtful: list[Receipt], damaged: list[Receipt]) -> None:
        """Events come in from disk: to be sent, in doubt (they end as unknown), damaged (as abandoned)."""
        for receipt in (*receipts, *doubtful, *damaged):
            self.room.force(len(receipt._body or b""))
            if receipt._given:
                self.ledger.remember(receipt)
        for receipt in receipts:
            self.schedule.add(receipt)
        for receipt in doubtful:
            self.sender.cut_short(receipt)
        for receipt in damaged:
            self.sender.abandon(receipt, SpoolError("its row in the spool is damaged"))
        if self.schedule.waiting():
            self.sender.wake()

    # The end.

    def _delivered(self, receipt: Receipt, waited: float) -> None:
        """The usual end of an event: at the first attempt."""
        if self.journal is not None:
            self.journal.end(receipt, waited)
            return
        self.sender.in_flight -= 1
        self.ledger.delivered(receipt, len(receipt._body or b""), waited)
        if self._waiters and not self.sender.in_flight:
            self._tell()

    def end(self, receipt: Receipt, outcome: Outcome) -> None:
        """An event in flight has its outcome; it is told when nothing can undo it."""
        if self._letters is None or outcome.delivered:
            self._commit(receipt, outcome)
        else:
            letter = Letter.of(receipt, outcome)
            self._letters.write(letter, lambda error: self._written(receipt, outcome, error))

    def _written(self, receipt: Receipt, outcome: Outcome, error: Exception | None) -> None:
        if error is not None:
            _log.error("dead letter of event %s not written (%s)", outcome.event_id, type(error).__name__)
        self._commit(receipt, outcome)

    def _commit(self, receipt: Receipt, outcome: Outcome) -> None:
        if self.journal is None:
            self.ended([receipt], [outcome])
        else:
            self.journal.end(receipt, outcome)

    def ended(self, receipts: list[Receipt], ends: list[Outcome | float]) -> None:
        """Nothing can undo the ends of these events."""
        for receipt, end in zip(receipts, ends, strict=True):
            self.sender.in_flight -= 1
            size = len(receipt._body or b"")
            if isinstance(end, Outcome):
                self.ledger.ended(receipt, size, end)
            else:
                self.ledger.delivered(receipt, size, end)
        self._refill()
        if self._waiters:
            self._tell()

    def _refill(self) -> None:
        if self.journal is not None and self.journal.overflow and len(self.schedule) <= self._window // 2:
            self.journal.refill(max(1, self._window // 2))

    # The whole.

    @property
    def queued(self) -> int:
        """Accepted events that are not in flight."""
        return len(self.schedule) + (self.journal.overflow if self.journal is not None else 0)

    @property
    def idle(self) -> bool:
        """Whether every event that was handed over has ended."""
        return not (self.ledger.pending or self.sender.in_flight or self.queued)

    async def settled(self) -> None:
        """Return when the queue is idle, suspended or dead."""
        while not (self.idle or self.sender.suspension is not None or self.death is not None):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def _tell(self) -> None:
        if self._waiters and (self.idle or self.sender.suspension is not None or self.death is not None):
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()

    def stats(self) -> Stats:
        """The queue at this moment."""
        oldest = self.schedule.oldest()
        return Stats(
            accepted=self.ledger.accepted,
            pending=self.ledger.pending,
            queued=self.queued,
            in_flight=self.sender.in_flight,
            bytes=self.room.bytes,
            outcomes=dict(self.ledger.outcomes),
            oldest_age=max(0.0, self.sender.now() - oldest) if len(self.schedule) else 0.0,
            suspended=self.sender.suspension is not None,
        )

    def report(self, *, kept: int = 0) -> Report:
        """How things stand, for a flush or a close."""
        return Report(
            outcomes=dict(self.ledger.outcomes),
            kept=kept,
            queued=self.queued,
            in_flight=self.sender.in_flight,
            suspended=self.sender.suspension is not None,
            error=self.sender.suspension,
        )

    async def aclose(self) -> Report:
        """Cut off what is in flight, end or keep what is left, and make everything safe."""
        await self.sender.stop()
        self.room.close(QueueClosed())
        self._leave(QueueClosed(kept=self.journal is not None))
        if self._letters is not None:
            await self._letters.flush()
        if self.journal is not None:
            await self.journal.aclose()
        kept = self.queued
        if self._letters is not None:
            await self._letters.aclose()
        self._tell()
        return self.report(kept=kept)

    def _leave(self, kept: QueueClosed) -> None:
        """What still waits is kept if there is a spool, else abandoned."""
        if self.journal is not None:
            self.journal.leave(kept)
            for receipt in self.schedule:
                receipt._finish(kept)
            return
        for receipt in self.schedule.drain():
            self.sender.abandon(receipt, kept)

    def broken(self, error: SpoolError) -> None:
        """The journal cannot go on."""
        self.sender.abort()
        self._die(error)

    def _die(self, error: BaseException | None) -> None:
        if self.death is not None:
            return
        cause = "its task was cancelled" if error is None else type(error).__name__
        _log.error("event queue died (%s) with %d events undelivered", cause, self.queued)
        self.death = QueueClosed(f"the queue died ({cause})", kept=self.journal is not None)
        self.room.close(self.death)
        self._leave(self.death)
        self._tell()
