"""A pacer whose record is kept in one place for many workers: what it asks of that place, and when. Pure.

Rules. It is asked and told as a `Pacer` is; `next_command` says what is to be told to the place, one command at
a time, and `answered` what came of it. What came of requests is counted and told ten times a second; a
throttle, and what became of a probe, at once, and nothing is sent until that is done. A permit is used by a position
that was heard of less than a tenth of a second ago. While nothing is heard (`failed`) it paces alone, at its
share of the rate at most, behind the same gate.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from .curve import FLOOR
from .pacer import EPOCH, GROUP, PROBE, STEP, WAITED, Pacer
from .pacer_record import PacerRecord
from .schedule import Schedule
from .shared_known import Known
from .shared_permits import Permits
from .shared_rate import Answer, Command, Counts, Learned, Seen, decode, generation_of, learn, overdue, speed_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SharedPacer"]

FLUSH, FOLD, STALE, PROBE_LOOK, IDLE_LOOK = 0.1, 0.1, 0.1, 0.05, 1.0
"""Seconds after which counts are told, the record takes them up, the position is asked for before a permit is used,
somebody looks whether another's probe is through, and looks although nothing is to be sent."""
AHEAD: Final = 0.02
"""Seconds before a permit is due at which its position is asked for, if that is not known."""
SET_BACK: Final = 1.0
"""Seconds by which the place's clock must have been set back for what was noted by it to be set back as well."""
UNUSED: Final = 1.0
"""Seconds after which a probe that was begun and not sent is given back."""
ALONE: Final = -EPOCH
"""The stamp of a request that was sent alone: of no epoch."""


class SharedPacer(Known):
    """One worker's part of a rate that many share; until it hears of them it paces as `own` does.

    `workers` is how many there are; `changed` is called when there may be something to tell.
    """

    def __init__(self, own: Pacer, *, changed: Callable[[], None] = lambda: None) -> None:
        super().__init__(own)
        self.left = False
        """Whether it shares no more."""
        self._changed = changed
        self._own = Schedule()
        self._answer = Answer(0.0, 0, None, 0.0, -1.0, 0.0, 0, 0, False, Counts(), Counts())
        self._asked = self._heard = -inf
        self._look_at = inf
        self._number = 0
        self._command: Command | None = None
        self._pending: tuple[int, int | None] = (0, None)
        self._fresh = self._wanting = self._stale = self._waits_for_probe = False
        self._throttled_here = 0
        self._permits = Permits()
        self._position = 0
        self._probe: int | None = None
        self._began = -inf
        self._group: Schedule | None = None

    @property
    def shown_rate(self) -> float | None:
        """The rate, as it will be when what was seen is told; None if that is not known yet."""
        seen, answer, record = self._tally.seen, self._answer, self._record
        if self._alone is not None or not seen:
            return self.rate
        if record.rate is None:
            return None if self._ceiling == inf else self._ceiling
        now, counts = seen[-1].at, answer.counts
        learned, *_ = learn(record, now, now, counts, counts, seen, probe=False, uniform=self.uniform)
        return min(learned.record.rate or inf, self._ceiling)

    # Sending.

    def ready_at(self, now: float) -> float:
        """When one more request may start, for somebody who wants to send it; inf until something is heard."""
        own = now if self._ceiling == inf else self._own.ready_at(now, self._ceiling)
        if self._alone is not None:
            return max(own, self._alone.ready_at(now))
        if self._tally.seen:
            return inf
        rate = self._record.rate
        if rate is None:
            return own
        if self._group is not None and self._group.group:
            return max(own, now, self._group.ready_at(now, rate))
        at = self._through_gate(now)
        return max(own, self._permitted(now, rate) if at is None else at)

    def _through_gate(self, now: float) -> float | None:
        """When something may pass the gate, None if it stands open."""
        gate = self._record.gate
        opens = self._clock.here(gate.opens_at)
        if self._probe is not None:
            return max(now, opens)
        if not (gate.probing or gate.probe_due):
            return None
        if opens > now:
            return opens
        self._waits_for_probe = True
        self._changed()
        return inf

    def _permitted(self, now: float, rate: float) -> float:
        """When the first permit may be used."""
        there = self._clock.earliest(now)
        self._permits.drop_void(there, self._answer)
        self._wanting = self._permits.few
        if self._wanting:
            self._changed()
        due = self._permits.wanted_at(there, self._answer)
        if due is None:
            return inf
        at = self._clock.here(due)
        if self._record.schedule.apart:
            at = max(at, self._own.sent + 1 / rate)
        if at > now:
            if at > self._heard + STALE:
                self._look_at = max(at - AHEAD, self._heard + STALE)
                self._changed()
            return at
        self._stale = now > self._heard + STALE
        if self._stale:
            self._changed()
        return inf if self._stale else at

    def sent(self, now: float) -> int:
        """A request starts; its answer is reported with the stamp returned."""
        rate = self._record.rate
        self._own.start(now, self._ceiling if self._ceiling < inf else rate or FLOOR)
        if self._alone is not None:
            return -1 - self._alone.sent(now)
        if self._probe is not None:
            stamp, self._probe = self._probe, None
            return stamp
        base = self._tally.generation * STEP
        if rate is not None and self._group is not None and self._group.group:
            return base | (GROUP if self._group.start(now, rate) else 0)
        if rate is None or not self._permits:
            return base
        return base | (WAITED if self._permits.use(self._clock.earliest(now), self._answer) else 0)

    # What came of it.

    def delivered(self, now: float, stamp: int) -> None:
        """The server took it, or refused it for what it says and not for its number."""
        if self._alone is not None:
            self._alone.delivered(now, stamp if stamp >= 0 else -1 - stamp)
        stamp = self._of_all(stamp)
        if stamp & (PROBE | GROUP):
            self._see("delivered", now, stamp)
            return
        first = self._tally.since == inf
        self._tally.delivered(now, stamp)
        if first:
            self._changed()

    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None:
        """429, or 503 with Retry-After: refused for its number."""
        if self._alone is not None:
            self._alone.throttled(now, stamp if stamp >= 0 else -1 - stamp, retry_after)
        self._throttled_here += 1
        stamp = self._of_all(stamp)
        news = stamp & (PROBE | GROUP) or stamp // STEP == self._tally.generation
        if news or retry_after is not None:
            self._see("throttled", now, stamp, retry_after)
            return
        self._tally.refused(now)
        self._changed()

    def lost(self, now: float, stamp: int) -> None:
        """It proved nothing about the rate."""
        if self._alone is not None:
            self._alone.lost(now, stamp if stamp >= 0 else -1 - stamp)
        if stamp > 0 and stamp & PROBE:
            self._see("lost", now, stamp)

    def unused(self, now: float, stamp: int) -> None:
        """Nothing was sent after all: the next may go in its place."""
        if stamp < 0 or stamp & PROBE:
            self.lost(now, stamp)
        elif self._alone is None and not stamp & GROUP:
            self._permits.put_back()

    def forget(self) -> None:
        """What was throttled was throttled for another reason: begin anew, if nobody else was throttled."""
        if self._alone is not None:
            self._alone.forget()
        elif self._record.meter.throttled <= self._throttled_here:
            self._see("forget", self._heard, 0)

    def _of_all(self, stamp: int) -> int:
        """The stamp as all know it: while no limit is known one is as good as another, then what was sent alone is of
        no epoch.
        """
        if stamp <= 0 and self._record.rate is None:
            return self._tally.generation * STEP
        return ALONE if stamp < 0 else stamp

    def _see(
        self,
        what: Literal["delivered", "throttled", "lost", "forget"],
        now: float,
        stamp: int,
        retry_after: float | None = None,
    ) -> None:
        self._tally.seen.append(Seen(what, self._clock.latest(now), stamp, retry_after))
        self._changed()

    # Commands.

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
