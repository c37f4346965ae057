"""A model of the pure core and its rules: any calls of its users, in any order, with any attempts.

Rules. The model has its own records: where each event is, what was done to it, in which order it was accepted. It
calls the core as intake, worker, settler and store do, and compares it with the table of an event's life.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from hellotext_async._events.prepare import Prepared
from hellotext_async._policy.evidence import Attempt
from hellotext_async.errors import HellotextError, NotSent, QueueClosed
from hellotext_async.queue.core import Core
from hellotext_async.queue.decide import Again, End, Later, Rules, Suspend
from hellotext_async.queue.entry import Entry, end_of
from hellotext_async.queue.flush import Flush
from hellotext_async.queue.outcome import Outcome
from hellotext_async.queue.settings import Settings
from tests.queue.model import ATTEMPTS, TOKEN, Known, Records

EVENT = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(["idempotent", "non_idempotent"]),
    st.sampled_from([10, 150]),
    st.booleans(),
    st.booleans(),
)
PAUSES = st.sampled_from([0.0, 1.0, 10.0, 40.0])


class Model(Records, RuleBasedStateMachine):
    """A queue without its loop: the core, the rules, and events."""

    @initialize(
        durable=st.booleans(),
        ordered=st.booleans(),
        strict=st.booleans(),
        delivery=st.sampled_from(["careful", "at_least_once", "at_most_once"]),
        capacity=st.sampled_from([2, 5, 100]),
        max_bytes=st.sampled_from([400, 100_000]),
    )
    def start(self, durable: bool, ordered: bool, strict: bool, delivery: Any, capacity: int, max_bytes: int) -> None:
        given = Settings(
            capacity=capacity,
            max_bytes=max_bytes,
            ordering="subject" if ordered else None,
            strict_order=strict,
            delivery=delivery,
        )
        self.settings, self.durable, self.now = given, durable, 0.0
        self.core = Core(given, durable=durable)
        self.rules = Rules(delivery, 100.0, lambda low, high: (low + high) / 2)
        self.events: list[Known] = []
        self.flushes: list[tuple[Flush, set[int]]] = []
        self.aside: list[Known] = []
        self.flying: list[Known] = []
        self.verdicts: Counter[str] = Counter()
        self.accepted = 0
        self.loads = self.places = 0

    # The calls of the core's users.

    @rule(events=st.lists(EVENT, min_size=1, max_size=6))
    def hand_over(self, events: list[Any]) -> None:
        for event in events:
            self.hand_over_one(*event)

    def hand_over_one(self, subject: str, repeated: Any, size: int, waits: bool, given_id: bool) -> None:
        number = len(self.events)
        ready = Prepared("page.viewed", b"x" * size, subject, repeated, f"id-{number}" if given_id else None)
        clock = self.core.clock.at(self.now)
        entry = self.core.offer(ready, clock) if waits else self.core.enter(ready, clock)
        if entry is None:
            assert self.core.waiters or not self.core.capacity.has_room_for(size)
            return
        self.events.append(Known(entry, number, ready))
        if entry.state == "queued":
            self.count(entry)
        self.note()

    def count(self, entry: Entry) -> None:
        """It is accepted, after all earlier ones."""
        self.accepted += 1
        self.known(entry).place = self.places = self.places + 1

    @rule(cancelled=st.booleans())
    def make_room(self, cancelled: bool) -> None:
        """Waiting events get room; in memory they are accepted, or cancelled, in the same turn."""
        for entry in list(self.core.admit(self.core.clock.at(self.now))):
            self.note()
            if entry.state != "stored":
                continue
            if cancelled:
                self.core.refuse(entry, NotSent("cancelled", attempts=0))
            else:
                self.core.accept(entry)
                self.count(entry)
            self.note()

    @rule(most=st.integers(1, 6), aside=st.booleans())
    def accept(self, most: int, aside: bool) -> None:
        """Accept the first events that are stored by now, in the order in which they were appended."""
        for known in self.in_state("pending")[:most]:
            behind = self.durable and (aside or bool(self.aside))
            self.core.accept(known.entry, aside=behind)
            self.count(known.entry)
            if behind:
                self.aside.append(known)
            self.note()

    @rule(data=st.data())
    def take_back(self, data: Any) -> None:
        waiting = self.in_state("offered", "pending", "stored")
        if waiting:
            known = data.draw(st.sampled_from(waiting))
            self.core.refuse(known.entry, NotSent("cancelled", attempts=0))
            self.note()
            assert known.entry.state == "refused"

    @rule()
    def load(self) -> None:
        """Load the oldest events that wait in the store, as far as there is room."""
        most, most_bytes = self.core.room_to_load()
        while self.aside and most > 0 and most_bytes > 0:
            known = self.aside.pop(0)
            known.entry.body = known.ready.body
            self.core.load(known.entry)
            self.loads += 1
            most, most_bytes = most - 1, most_bytes - len(known.ready.body)
            self.note()

    @rule(
        names=st.lists(st.sampled_from(sorted(ATTEMPTS)), min_size=1, max_size=6),
        breaker_open=st.booleans(),
        pause=PAUSES,
    )
    def attempt(self, names: list[str], breaker_open: bool, pause: float) -> None:
        for name in names:
            self.attempt_one(name, breaker_open)
            self.pass_some_time(pause)

    def attempt_one(self, name: str, breaker_open: bool) -> None:
        if self.begin():
            self.conclude(name, breaker_open)

    @rule()
    def begin_one(self) -> None:
        self.begin()

    @precondition(lambda self: self.flying)
    @rule(name=st.sampled_from(sorted(ATTEMPTS)), breaker_open=st.booleans())
    def conclude_one(self, name: str, breaker_open: bool) -> None:
        self.flying.reverse()
        self.conclude(name, breaker_open)

    def begin(self) -> bool:
        """Take the next event; it is then in flight."""
        entry = self.core.take()
        if entry is None:
            return False
        known = self.known(entry)
        self.note()
        self.first_of_its_subject(known)
        self.flying.append(known)
        return True

    def conclude(self, name: str, breaker_open: bool) -> None:
        """The attempt that began last yields its evidence."""
        known = self.flying.pop()
        attempt, doubt = ATTEMPTS[name]
        known.requests += attempt.stale_token is False
        known.doubts += doubt
        self.decide(known, attempt, breaker_open=breaker_open)

    @rule(count=st.integers(1, 4))
    def deliver(self, count: int) -> None:
        self.deliver_some(count)

    def deliver_some(self, count: int) -> None:
        for _ in range(count):
            if not self.begin():
                return
            known = self.flying.pop()
            entry = known.entry
            known.requests += 1
            self.core.order.release(entry, delivered=True)
            clock = self.core.clock.at(self.now)
            if entry.history is None:
                self.core.finish_delivered(entry, clock)
                self.ended(known)
            else:
                self.end(known, End("delivered"))

    def decide(self, known: Known, attempt: Attempt, *, breaker_open: bool) -> None:
        clock = self.core.clock.at(self.now)
        decision = self.rules.decide(known.entry, attempt, clock, breaker_open=breaker_open)
        if isinstance(decision, End):
            self.core.order.release(known.entry)
            self.end(known, decision)
        elif isinstance(decision, Suspend):
            self.core.again(known.entry, Again(), self.now)
            self.core.clock.stand_still(self.now)
        else:
            assert isinstance(decision, (Again, Later))
            self.may_be_sent_again(known, attempt)
            known.held += decision.pause if isinstance(decision, Later) else 0.0
            self.core.again(known.entry, decision, self.now)
        self.note()

    @rule()
    def refuse_the_token(self) -> None:
        if self.begin():
            self.decide(self.flying.pop(), TOKEN, breaker_open=False)
            assert self.core.clock.stands

    @precondition(lambda self: self.core.clock.stands)
    @rule()
    def go_on(self) -> None:
        before = self.core.clock.at(self.now)
        self.core.clock.go_on(self.now)
        assert self.core.clock.at(self.now) == before

    @rule(seconds=PAUSES)
    def pass_time(self, seconds: float) -> None:
        self.pass_some_time(seconds)

    def pass_some_time(self, seconds: float) -> None:
        before = self.core.clock.at(self.now)
        self.now += seconds
        self.core.order.advance(self.now)
        if self.core.clock.stands:
            assert self.core.clock.at(self.now) == before
            return
        clock = self.core.clock.at(self.now)
        for entry in self.core.order.remove(lambda entry: self.rules.late(entry, clock)):
            known = self.known(entry)
            assert clock - entry.at >= 100.0
            self.core.in_flight.add(entry)
            self.end(known, self.rules.expired(entry))
        assert all(clock - entry.at < 100.0 for entry in self.core.order)

    @precondition(lambda self: self.durable)
    @rule()
    def elsewhere(self) -> None:
        """Another process owns an event that was about to be marked."""
        if self.begin():
            entry = self.flying.pop().entry
            self.core.order.release(entry)
            self.core.disown(entry, QueueClosed(kept=True))
            self.accepted -= 1
            self.note()

    @rule()
    def flush(self) -> None:
        flush = self.core.flush()
        taken = [*self.in_state("pending", "stored", "queued", "in_flight"), *self.aside]
        self.flushes.append((flush, {known.number for known in taken}))

    def teardown(self) -> None:
        """Every accepted event can be delivered, or the close ends it: abandoned, or kept."""
        if not hasattr(self, "core"):
            return
        closed = QueueClosed(kept=self.durable)
        for known in self.in_state("offered", "pending", "stored"):
            self.core.refuse(known.entry, closed)
        while self.flying:
            self.conclude("not sent", breaker_open=False)
        if len(self.events) % 2:
            self.deliver_the_rest()
        self.close(closed)
        self.note()
        assert all(known.entry.over for known in self.events)
        assert all(isinstance(end_of(known.entry), (Outcome, HellotextError)) for known in self.events)

    def deliver_the_rest(self) -> None:
        """No event waits behind one that has left the queue."""
        while self.core.order:
            self.now = max(self.now, min(self.core.order.next_due(), self.now + 1000))
            self.core.order.advance(self.now)
            assert self.core.order.waiting(), "nothing can be sent, though events wait"
            self.deliver_some(1)

    def close(self, closed: QueueClosed) -> None:
        for entry in self.core.order.drain():
            if self.durable:
                self.core.keep(entry, closed)
            else:
                self.core.in_flight.add(entry)
                self.end(self.known(entry), self.rules.abandoned(entry, closed))
        for known in self.aside:
            self.core.keep(known.entry, closed)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=150, stateful_step_count=40, suppress_health_check=list(HealthCheck))
