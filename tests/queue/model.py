"""A model of a queue's core: its own records of every event, and the checks that compare the core with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from hypothesis.stateful import invariant

from hellotext_async._events.prepare import Prepared
from hellotext_async._policy.evidence import Attempt
from hellotext_async._wire.call import Reply
from hellotext_async.queue.core import Core
from hellotext_async.queue.decide import End, outcome_of
from hellotext_async.queue.entry import LIFE, OVER, Entry, end_of
from hellotext_async.queue.flush import Flush
from hellotext_async.queue.order import HOLD
from hellotext_async.queue.outcome import Outcome
from hellotext_async.queue.settings import Settings

__all__ = ["ATTEMPTS", "TOKEN", "Known", "Records"]

NEVER: Final = ("rejected", "expired", "abandoned")
"""Outcomes that prove that an event was not applied."""


ATTEMPTS: Final[dict[str, tuple[Attempt, bool]]] = {
    # What was proved, and whether the event may have been applied.
    "throttled": (Attempt("throttled", Reply(429)), False),
    "throttled alone": (Attempt("throttled", Reply(429), isolated=True), False),
    "rate limited": (Attempt("throttled", Reply(429), 3.0), False),
    "not sent": (Attempt("not_sent", reason="connect"), False),
    "failed": (Attempt("server_error", Reply(500)), True),
    "failed alone": (Attempt("server_error", Reply(500), isolated=True), True),
    "broken off": (Attempt("uncertain", reason="reset"), True),
    "refused": (Attempt("rejected", Reply(422)), False),
    "old token": (Attempt("rejected", Reply(401), stale_token=True), False),
}
TOKEN: Final = Attempt("rejected", Reply(401))


@dataclass
class Known:
    """What the model records of one event."""

    entry: Entry
    number: int
    ready: Prepared
    place: int = 0
    held: float = 0.0
    states: list[str] = field(default_factory=list[str])
    doubts: int = 0
    requests: int = 0


class Records:
    """The records, and what must hold."""

    settings: Settings
    core: Core
    now: float
    events: list[Known]
    aside: list[Known]
    flushes: list[tuple[Flush, set[int]]]
    verdicts: Counter[str]
    accepted: int
    loads: int

    def in_state(self, *states: str) -> list[Known]:
        return [known for known in self.events if known.entry.state in states]

    def note(self) -> None:
        """Every step that an event took is in the table."""
        for known in self.events:
            last, state = known.states[-1] if known.states else None, known.entry.state
            if last == state:
                continue
            assert last is None or state in LIFE[last], (last, state)  # type: ignore[index]
            known.states.append(state)

    def may_be_sent_again(self, known: Known, attempt: Attempt) -> None:
        """An event that may have been applied is sent again only if it is idempotent, or the preset allows it."""
        delivery, repeated = self.settings.delivery, known.ready.idempotency
        if attempt.evidence == "uncertain":
            assert delivery != "at_most_once"
            assert repeated == "idempotent" or delivery == "at_least_once"
        if attempt.evidence == "server_error":
            assert delivery != "at_most_once"
        assert attempt.evidence != "rejected" or attempt.stale_token

    def known(self, entry: Entry) -> Known:
        return next(known for known in self.events if known.entry is entry)

    def first_of_its_subject(self, known: Known) -> None:
        """No other event of the subject is in flight, and earlier ones have ended, unless it may pass them."""
        if self.settings.ordering is None:
            return
        for other in self.in_state("in_flight"):
            assert other is known or other.ready.subject != known.ready.subject
        for other in self.in_state("queued"):
            if other.ready.subject == known.ready.subject and other.place < known.place:
                history = other.entry.history
                assert history is not None and not history.blocks_subject, "it overtook one that holds its subject"
                assert other.held >= HOLD and not self.settings.strict_order

    def end(self, known: Known, end: End) -> None:
        entry, clock = known.entry, self.core.clock.at(self.now)
        outcome = outcome_of(entry, end, clock)
        applied = outcome.verdict == "delivered"
        if outcome.verdict in NEVER:
            assert not known.doubts, "it may have been applied"
        if outcome.verdict == "unknown":
            assert known.doubts
        repeated = known.doubts + applied > 1 and known.ready.idempotency != "idempotent"
        assert outcome.maybe_duplicated is repeated
        assert outcome.attempts == known.requests
        self.core.finish(entry, outcome)
        self.ended(known)
        assert end_of(entry) is outcome

    def ended(self, known: Known) -> None:
        self.note()
        assert known.entry.state in ("delivered", "ended")
        end = end_of(known.entry)
        assert isinstance(end, Outcome)
        self.verdicts[end.verdict] += 1
        assert end.waited >= 0

    @invariant()
    def the_numbers_add_up(self) -> None:
        if not hasattr(self, "core"):
            return
        core = self.core
        assert core.accepted == sum(core.outcomes.values()) + core.queued + len(core.in_flight)
        assert core.accepted == self.accepted
        assert +Counter(core.outcomes) == self.verdicts
        here = self.in_state("pending", "stored", "queued", "in_flight")
        assert (core.capacity.count, core.capacity.bytes) == (len(here), sum(len(known.ready.body) for known in here))
        assert len(core.order) == len(self.in_state("queued"))
        assert core.queued == len(self.in_state("queued")) + len(self.aside)
        if not self.loads:
            assert core.capacity.count <= self.settings.capacity and core.capacity.bytes <= self.settings.max_bytes

    @invariant()
    def each_event_ends_once(self) -> None:
        for known in getattr(self, "events", ()):
            over = [state for state in known.states if state in OVER]
            assert len(over) <= 1
            assert known.entry.over == bool(over)
            assert (end_of(known.entry) is not None) == bool(over)
            assert not over or not known.entry.body

    @invariant()
    def a_flush_is_over_when_its_events_are(self) -> None:
        for flush, numbers in getattr(self, "flushes", ()):
            left = [self.events[number] for number in numbers if not self.events[number].entry.over]
            assert flush.over == (not left)
