"""What one of many workers asks of the place where their rate is kept, when, and what it makes of the answers. Pure.

Rules. One command at a time. What came of requests is counted and told ten times a second; a throttle, and what
became of a probe, at once. While nothing is heard (`failed`) a pacer of one's own takes over.
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
"""Seconds after which counts are told, the record takes them up, somebody looks whether another's probe is through,
and looks although nothing is to be sent."""
SET_BACK: Final = 1.0
"""Seconds by which the place's clock must have been set back for what was noted by it to be set back as well."""
UNUSED: Final = 1.0
"""Seconds after which a probe that was begun and not sent is given back."""


class Asking(Known):
    """A worker's side of the talk with that place; `changed` is called when there may be something to tell."""

    def __init__(self, own: Pacer, changed: Callable[[], None]) -> None:
        super().__init__(own)
        self.left = False
        """Whether it shares no more."""
        self._changed = changed
        self._answer = Answer(0.0, 0, None, 0.0, -1.0, 0.0, 0, 0, False, Counts(), Counts())
        self._asked = self._heard = -inf
        self._look_at = inf
        self._number = 0
        self._command: Command | None = None
        self._pending: tuple[int, int | None] = (0, None)
        self._fresh = self._wanting = self._stale = self._waits_for_probe = False
        self._permits = Permits()
        self._position = 0
        self._probe: int | None = None
        self._began = -inf
        self._group: Schedule | None = None

    # Telling.

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
        """What is to be told now; None if nothing is, or the last command was not answered."""
        if self._command is not None:
            return None
        if self._probe is not None and now > self._began + UNUSED:  # nobody wants to send any more
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
        self._asked = now
        generation, counts = self._tally.generation, self._tally.take()
        self._command = Command(self._number, self._answer.version, wanted, generation, counts, learned)
        return self._command

    def wakes_at(self, now: float) -> float:
        """When there may be something to tell, if nothing happens before."""
        if self._command is not None:
            return inf
        if self._must_ask(now):
            return now
        at = min(self._tally.since + FLUSH, self._heard + IDLE_LOOK, self._look_at)
        return min(at, self._heard + PROBE_LOOK) if self._waits_for_probe else at

    def _must_ask(self, now: float) -> bool:
        return (
            bool(self._tally.seen)
            or (self._wanting and self._answer.speed > 0)
            or self._stale
            or now >= self._look_at
            or now >= self._tally.since + FLUSH
            or now >= self._heard + IDLE_LOOK
            or (self._waits_for_probe and now >= self._heard + PROBE_LOOK)
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
        self._tally.telling = len(seen)
        learned, group, stamp = learn(
            record, since, server, answer.counts, answer.folded, seen,
            probe=probe, uniform=self.uniform,
        )  # fmt: skip
        self._pending = group, stamp
        return msgspec.structs.replace(learned, back=group - self._position) if forgotten else learned

    def answered(self, now: float, answer: Answer) -> None:
        """What the last command came to. ValueError if the record cannot be taken over."""
        command, self._command = self._command, None
        record = None if answer.record is None else decode(answer.record)
        before, self._answer = self._answer, answer
        self._clock.hear(self._asked, now, answer.now)
        self._heard = now
        alone, self._alone = self._alone, None
        self._fresh, self._stale, self._look_at = True, False, inf
        if alone is not None and answer.version == before.version == 0 and alone.kind != "none":
            self._know(alone.export(shift=self._clock.least))  # what was learned before there was anybody else
        if answer.taken and command is not None and command.learned is not None:
            self._succeed(command.learned, now)
        elif record is not None:
            self._probe = None
        if record is not None:
            self._know(record)
        if answer.version < before.version:  # it is forgotten there, and goes on where it was
            self._position = int(before.position + max(0.0, before.speed) * (answer.now - before.now))
        if answer.speed < 0:  # not needed
            self._permits.clear()
        if answer.granted:
            self._permits.add(answer.first, answer.granted)
            self._wanting = False

    def _know(self, record: PacerRecord) -> None:
        """The record is another."""
        self._record = record
        if self._tally.belong(generation_of(record)):
            self._group = None
        self._waits_for_probe = self._waits_for_probe and speed_of(record) == 0

    def _succeed(self, learned: Learned, now: float) -> None:
        """The record is what this worker made of it."""
        self._tally.told()
        self._know(learned.record)
        group, stamp = self._pending
        if stamp is not None:
            self._probe, self._began, self._waits_for_probe = stamp, now, False
        self._group = Schedule(group=group) if group else self._group

    def failed(self, now: float) -> None:
        """Nothing is heard: go on alone, with no more than this worker's share, behind the same gate."""
        if self._alone is None:
            self._alone = self._apart(now)
            self._permits.clear()
            self._probe = self._group = None

    def leave(self, now: float) -> None:
        """It shares no more, and goes on alone."""
        self.failed(now)
        self.left = True
