"""What one of many workers asks of the store of their shared rate, when, and what it makes of the answers. Pure.

Rules. One command at a time. Results of requests are counted and reported ten times a second; a throttle, and the
result of a probe, at once. While the store does not answer (`failed`) the worker's own pacer takes over.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from .pacer import Pacer
from .pacer_record import PacerRecord
from .schedule import Schedule
from .shared_known import Known
from .shared_permits import Permits
from .shared_rate import Answer, Command, Counts, Learned, Seen, decode, generation_of, learn, overdue, speed_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Asking"]

FLUSH, FOLD, PROBE_LOOK, IDLE_LOOK = 0.1, 0.1, 0.05, 1.0
"""Seconds after which counts are reported, the record takes them up, a worker asks whether another's probe is through,
and asks although it has nothing to send."""
SET_BACK: Final = 1.0
"""Seconds by which the store's clock must have been set back for the times in the record to be set back as well."""
UNUSED: Final = 1.0
"""Seconds after which a probe that was begun and not sent is given back."""


class Asking(Known):
    """A worker's side of the exchange; `changed` is called when there may be a command to send."""

    def __init__(self, own: Pacer, changed: Callable[[], None]) -> None:
        super().__init__(own)
        self.left = False
        """Whether it shares no more."""
        self._changed = changed
        self._answer = Answer(0.0, 0, None, 0.0, -1.0, 0.0, 0, 0, False, Counts(), Counts())
        self._asked_at = self._answered_at = -inf
        self._ask_at = inf
        self._number = 0
        self._command: Command | None = None
        self._pending: tuple[int, int | None] = (0, None)
        self._fresh = self._wanting = self._stale = self._waits_for_probe = False
        self._permits = Permits()
        self._position = 0
        self._probe: int | None = None
        self._began = -inf
        self._group: Schedule | None = None

    # Commands.

    def _see(
        self,
        what: Literal["delivered", "throttled", "lost", "forget"],
        now: float,
        stamp: int,
        retry_after: float | None = None,
    ) -> None:
        self._tally.seen.append(Seen(what, self._clock.latest(now), stamp, retry_after))
        self._changed()

    def next_command(self, now: float) -> Command | None:
        """The command to send now; None if there is none, or the last one was not answered."""
        if self._command is not None:
            return None
        if self._probe is not None and now > self._began + UNUSED:  # nothing waits to be sent any more
            stamp, self._probe = self._probe, None
            self._see("lost", now, stamp)
        fresh, self._fresh = self._fresh, False
        learned = self._learn(now) if fresh else None
        if learned is None and not self._must_ask(now):
            return None
        wanted = 0
        if learned is None and self._wanting and not self._tally.seen:
            wanted = self._permits.wanted((self._record.rate or 0.0) / max(1, self.workers))
        self._number += 1
        self._asked_at = now
        generation, counts = self._tally.generation, self._tally.take()
        self._command = Command(self._number, self._answer.version, wanted, generation, counts, learned)
        return self._command

    def wakes_at(self, now: float) -> float:
        """When there may be a command to send, if nothing happens before."""
        if self._command is not None:
            return inf
        if self._must_ask(now):
            return now
        at = min(self._tally.since + FLUSH, self._answered_at + IDLE_LOOK, self._ask_at)
        return min(at, self._answered_at + PROBE_LOOK) if self._waits_for_probe else at

    def _must_ask(self, now: float) -> bool:
        return (
            bool(self._tally.seen)
            or (self._wanting and self._answer.speed > 0)
            or self._stale
            or now >= self._ask_at
            or now >= self._tally.since + FLUSH
            or now >= self._answered_at + IDLE_LOOK
            or (self._waits_for_probe and now >= self._answered_at + PROBE_LOOK)
        )

    def _learn(self, now: float) -> Learned | None:
        """A record that has learned what was seen and counted, if there is something."""
        answer, record, seen = self._answer, self._record, self._tally.seen
        server = self._clock.earliest(now)
        probe = self._waits_for_probe and self._probe is None
        due = probe and record.gate.probe_due and record.gate.opens_at <= server
        set_back = answer.learned_at - server > SET_BACK
        folding = answer.counts != answer.folded and server - answer.learned_at >= FOLD
        forgotten = answer.version == 0 and generation_of(record) > 0
        if not (seen or folding or due or forgotten or set_back or (probe and overdue(record, server))):
            return None
        since = answer.learned_at or server
        if set_back:
            record, since = record.shifted(server - answer.learned_at), server
        self._tally.in_command = len(seen)
        learned, group, stamp = learn(
            record, since, server, answer.counts, answer.folded, seen,
            probe=probe, uniform=self.uniform,
        )  # fmt: skip
        self._pending = group, stamp
        return msgspec.structs.replace(learned, back=group - self._position) if forgotten else learned

    def answered(self, now: float, answer: Answer) -> None:
        """The answer to the last command. ValueError if its record cannot be read."""
        command, self._command = self._command, None
        record = None if answer.record is None else decode(answer.record)
        before, self._answer = self._answer, answer
        self._clock.add_reading(self._asked_at, now, answer.now)
        self._answered_at = now
        alone, self._alone = self._alone, None
        self._fresh, self._stale, self._ask_at = True, False, inf
        if alone is not None and answer.version == before.version == 0 and alone.kind != "none":
            self._set_record(alone.export(shift=self._clock.least))  # what was learned before there was a shared record
        if answer.taken and command is not None and command.learned is not None:
            self._record_taken(command.learned, now)
        elif record is not None:
            self._probe = None
        if record is not None:
            self._set_record(record)
        if answer.version < before.version:  # the store lost it, and goes on where it was
            self._position = int(before.position + max(0.0, before.speed) * (answer.now - before.now))
        if answer.speed < 0:  # not needed
            self._permits.clear()
        if answer.granted:
            self._permits.add(answer.first, answer.granted)
            self._wanting = False

    def _set_record(self, record: PacerRecord) -> None:
        """The shared record has changed."""
        self._record = record
        if self._tally.set_generation(generation_of(record)):
            self._group = None
        self._waits_for_probe = self._waits_for_probe and speed_of(record) == 0

    def _record_taken(self, learned: Learned, now: float) -> None:
        """The store took the record that this worker made."""
        self._tally.acknowledge()
        self._set_record(learned.record)
        group, stamp = self._pending
        if stamp is not None:
            self._probe, self._began, self._waits_for_probe = stamp, now, False
        self._group = Schedule(group=group) if group else self._group

    def failed(self, now: float) -> None:
        """The store does not answer: go on alone, with no more than this worker's share, behind the same gate."""
        if self._alone is None:
            self._alone = self._apart(now)
            self._permits.clear()
            self._probe = self._group = None

    def leave(self, now: float) -> None:
        """It shares no more, and goes on alone."""
        self.failed(now)
        self.left = True
