"""Rules of a pacer that shares its record with others, command by command against one place."""

from __future__ import annotations

import random
from math import inf

import msgspec
import pytest

from hellotext_async._policy.pacer import Pacer
from hellotext_async._policy.shared_pacer import SharedPacer
from hellotext_async._policy.shared_rate import Command

from .place import Place

AHEAD = 5e5
HOUR = 3600.0


class Fleet:
    """Workers that send their commands to one place at once; `now` is the clock of all but the place."""

    def __init__(self, count: int = 2, ceiling: float | None = None) -> None:
        self.place = Place()
        self.now = 100.0
        self.ahead = AHEAD
        uniform = random.Random(1).uniform
        self.workers = [SharedPacer(Pacer(ceiling=ceiling, uniform=uniform)) for _ in range(count)]
        self.talk()

    def talk(self) -> None:
        """Until no worker has a command."""
        sent = True
        while sent:
            sent = False
            for worker in self.workers:
                worker.workers = len(self.workers)
                command = worker.next_command(self.now)
                if command is not None:
                    sent = True
                    worker.answered(self.now, self.place.run(self.now + self.ahead, command))

    def wait(self, seconds: float) -> None:
        self.talk()
        self.now += seconds
        self.talk()

    def may_send(self, worker: SharedPacer) -> bool:
        """Whether this worker may send now; the check takes no time."""
        for _ in range(3):
            if worker.ready_at(self.now) <= self.now:
                return True
            self.talk()
        return False

    def send(self, worker: SharedPacer) -> int:
        """The stamp of a request that this worker may send within a tenth of a second."""
        for _ in range(100):
            if self.may_send(worker):
                return worker.sent(self.now)
            self.wait(0.001)
        raise AssertionError("it may not send")

    def deliver(self, worker: SharedPacer, count: int, *, over: float) -> int:
        """Send as often as allowed, but evenly, at most `count` times in so many seconds; how many were delivered."""
        sent, steps = 0, int(over / 0.005)
        for step in range(1, steps + 1):
            while sent < count * step / steps and self.may_send(worker):
                sent += 1
                worker.delivered(self.now, worker.sent(self.now))
            self.wait(0.005)
        return sent

    def refuse(self, worker: SharedPacer) -> None:
        """One request of the worker is throttled."""
        stamp = self.send(worker)
        worker.throttled(self.now, stamp, None)

    def limited(self) -> None:
        """All workers know a limit of about 100/s: one was throttled, and the probe of another was delivered."""
        first, other = self.workers[:2]
        self.deliver(first, 100, over=1.0)
        self.refuse(first)
        self.talk()
        self.wait(1.1)
        probe = self.send(other)
        other.delivered(self.now, probe)
        self.wait(1.1)

    def probe_due(self) -> list[SharedPacer]:
        """All workers know a limit, the first was throttled, and a probe may be sent; the workers."""
        self.limited()
        self.refuse(self.workers[0])
        self.wait(2.0)
        return self.workers


def test_a_throttle_of_one_holds_all() -> None:
    """No request passes the gate, one probe of one worker follows it, and then each worker has permits."""
    fleet = Fleet(3)
    first, second, third = fleet.workers
    fleet.deliver(first, 100, over=1.0)
    stamp = fleet.send(first)
    first.throttled(fleet.now, stamp, 2.0)
    assert first.ready_at(fleet.now) == inf  # until it has the answer
    assert first.shown_rate is None
    fleet.talk()
    fleet.wait(1.1)
    assert not any(fleet.may_send(worker) for worker in fleet.workers)
    fleet.wait(1.1)
    probe = fleet.send(second)
    assert not any(fleet.may_send(worker) for worker in fleet.workers)
    fleet.wait(0.2)
    assert not any(fleet.may_send(worker) for worker in fleet.workers)
    second.delivered(fleet.now, probe)
    fleet.wait(0.2)
    for worker in (third, first, second):
        fleet.send(worker)
    assert len({worker.rate for worker in fleet.workers}) == 1
    assert {worker.kind for worker in fleet.workers} == {"rate"}


def test_one_throttle_lowers_once() -> None:
    """Throttles of requests that others had in flight are counted, and do not lower the rate."""
    fleet = Fleet(3)
    fleet.limited()
    stamps = [(worker, fleet.send(worker)) for worker in fleet.workers]
    for worker, stamp in stamps:
        worker.throttled(fleet.now, stamp, None)
    rate = fleet.workers[0].rate
    assert fleet.workers[0].shown_rate == pytest.approx(0.9 * (rate or 0), rel=0.05)
    fleet.talk()
    after = {worker.rate for worker in fleet.workers}
    assert rate is not None and list(after) == [pytest.approx(0.9 * rate, rel=0.05)]
    assert all(worker.wasted > 3 / 200 for worker in fleet.workers)


def test_without_an_answer_each_has_its_share_and_the_gate() -> None:
    """At most the rate divided by all, behind the gate that was closed; after an answer the rate is shared again."""
    fleet = Fleet(4)
    fleet.limited()
    rate = fleet.workers[0].rate
    assert rate is not None
    worker, other = fleet.workers[:2]
    worker.failed(fleet.now)
    assert worker.alone and worker.rate == pytest.approx(rate / 4)
    sent = 0
    for _ in range(400):
        fleet.now += 0.005
        if worker.ready_at(fleet.now) <= fleet.now:
            sent += 1
            worker.delivered(fleet.now, worker.sent(fleet.now))
    assert 0.9 * 2 * rate / 4 <= sent <= 2 * rate / 4 + 1
    fleet.talk()
    assert [worker.alone, worker.rate] == [False, other.rate]
    stamp = fleet.send(worker)
    worker.throttled(fleet.now, stamp, 5.0)
    fleet.wait(1.1)
    other.failed(fleet.now)
    assert 3.9 <= other.gate(fleet.now) <= 4.2
    assert other.ready_at(fleet.now) >= fleet.now + 3.9


def test_a_throttle_of_a_request_that_was_sent_alone_closes_the_gate_for_all() -> None:
    """Its Retry-After holds, but the rate that others learned is not lowered."""
    fleet = Fleet(2)
    fleet.limited()
    worker, other = fleet.workers
    worker.failed(fleet.now)
    fleet.now += 0.5
    stamp = worker.sent(fleet.now)
    fleet.talk()
    rate = other.rate
    worker.throttled(fleet.now, stamp, 3.0)
    fleet.talk()
    assert other.rate == rate
    fleet.wait(2.9)
    assert not fleet.may_send(other)


def test_a_probe_that_dies_with_its_worker_is_sent_again() -> None:
    """After a few seconds by another worker; a live worker returns an unused probe sooner."""
    fleet = Fleet(2)
    worker, other = fleet.probe_due()
    fleet.send(worker)  # the probe, which is never answered
    fleet.wait(4.0)
    assert not fleet.may_send(other)
    fleet.wait(2.0)
    fleet.send(other)
    assert not fleet.may_send(other)


def test_a_probe_that_fails_or_is_lost_is_sent_again() -> None:
    """Neither gives information about the rate; the same holds for what a worker sends alone."""
    fleet = Fleet(2)
    worker, other = fleet.probe_due()
    rate = other.rate
    for one, came_to in ((worker, worker.server_error), (other, other.lost), (worker, worker.delivered)):
        came_to(fleet.now, fleet.send(one))
        fleet.wait(0.2)
    fleet.send(other)
    assert rate is not None and other.rate == pytest.approx(rate, rel=0.1)
    worker.failed(fleet.now)
    alone = worker.rate
    for came_to in (worker.server_error, worker.lost):
        fleet.now += 1.0
        came_to(fleet.now, worker.sent(fleet.now))
    assert worker.rate == alone


def test_a_probe_that_is_not_used_is_given_back() -> None:
    """The worker has nothing to send any more: another may have."""
    fleet = Fleet(2)
    worker, other = fleet.probe_due()
    worker.ready_at(fleet.now)
    fleet.wait(0.06)
    assert worker.ready_at(fleet.now) == fleet.now  # it may send the probe, and does not
    fleet.wait(0.5)
    assert not fleet.may_send(other)
    fleet.wait(1.0)
    fleet.send(other)


def test_a_place_that_lost_the_rate_gets_it_again() -> None:
    """An emptied server does not make workers learn the rate again."""
    fleet = Fleet(2)
    fleet.limited()
    first, other = fleet.workers
    fleet.deliver(first, 999, over=4.0)
    fleet.send(other)
    rate = first.rate
    assert rate is not None
    fleet.place = Place()
    fleet.workers = [first]  # the first detects it; the second receives it when the record is restored
    fleet.wait(1.1)
    fleet.wait(0.1)
    fleet.workers = [other, first]
    fleet.wait(1.1)
    assert [worker.rate for worker in fleet.workers] == [pytest.approx(rate, rel=0.05)] * 2
    for worker in fleet.workers:  # at once, with the permits that they have
        assert fleet.deliver(worker, 999, over=1.0) >= 0.8 * rate
    newcomer = SharedPacer(Pacer(uniform=random.Random(1).uniform))
    fleet.workers.append(newcomer)
    fleet.talk()
    assert newcomer.rate == pytest.approx(rate, rel=0.1)


def test_what_a_client_knows_is_where_a_fleet_begins() -> None:
    """The limit that the first worker learned by its calls before is that of all."""
    alone = Pacer(uniform=random.Random(1).uniform)
    for tenth in range(10):
        for _ in range(10):
            alone.delivered(90 + tenth / 10, 0)
    alone.throttled(91.0, 0, None)
    rate = alone.rate
    fleet = Fleet(0)
    fleet.workers = [SharedPacer(alone), SharedPacer(Pacer(uniform=random.Random(2).uniform))]
    fleet.wait(1.1)
    fleet.wait(1.1)
    assert rate is not None
    assert [worker.rate for worker in fleet.workers] == [rate, rate]


def test_a_ceiling_is_a_workers_own() -> None:
    """Its requests obey it before and after a limit is known; the other workers are not affected."""
    fleet = Fleet(2, ceiling=20)
    bounded, other = fleet.workers[0], SharedPacer(Pacer(uniform=random.Random(2).uniform))
    fleet.workers[1] = other
    fleet.talk()
    assert [worker.rate for worker in fleet.workers] == [20, None]
    assert 19 <= fleet.deliver(bounded, 999, over=1.0) <= 22
    fleet.deliver(other, 100, over=1.0)
    stamp = fleet.send(other)
    other.throttled(fleet.now, stamp, None)
    fleet.talk()
    fleet.wait(1.1)
    probe = fleet.send(other)
    other.delivered(fleet.now, probe)
    fleet.talk()
    assert [(worker.rate or 0) > 60 for worker in fleet.workers] == [False, True]
    assert 19 <= fleet.deliver(bounded, 999, over=1.0) <= 22


def test_a_worker_whose_throttles_were_a_keys_own_forgets_only_its_own() -> None:
    """Throttles of other workers are kept; if there were none, the limit is forgotten by all."""
    fleet = Fleet(2)
    fleet.limited()
    fleet.wait(1.1)
    worker, other = fleet.workers
    other.forget()
    fleet.talk()
    assert None not in {one.rate for one in fleet.workers}
    worker.forget()
    fleet.talk()
    fleet.wait(1.1)
    assert {one.rate for one in fleet.workers} == {None}
    other.throttled(fleet.now, 0, None)  # as a limiter that requests no stamp while no limit is known
    fleet.wait(1.1)
    assert None not in {one.rate for one in fleet.workers}


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_setting_the_clock_of_the_place_stops_no_worker(step: float) -> None:
    """Back or forth by an hour: the next seconds allow what they would have allowed."""
    fleet = Fleet(2)
    fleet.limited()
    worker = fleet.workers[0]
    fleet.deliver(worker, 999, over=1.0)
    rate = worker.rate
    assert rate is not None
    fleet.ahead += step
    fleet.wait(1.1)
    sent = fleet.deliver(worker, 999, over=3.0)
    assert 0.8 * 3 * rate <= sent <= 1.3 * 3 * rate
    assert fleet.place.learned_at <= fleet.now + fleet.ahead  # it still learns


def test_a_clock_that_is_set_back_hardly_lengthens_a_gate() -> None:
    """The part of it that had passed is unknown, and passes again."""
    fleet = Fleet(2)
    fleet.limited()
    worker, other = fleet.workers
    worker.throttled(fleet.now, fleet.send(worker), 2.0)
    fleet.talk()
    fleet.ahead -= HOUR
    fleet.wait(1.5)
    assert not fleet.may_send(worker)
    fleet.wait(1.5)
    assert not fleet.may_send(worker)
    fleet.wait(0.7)
    assert fleet.may_send(worker) or fleet.may_send(other)


def test_a_permit_for_which_there_was_nothing_to_send_is_used_by_the_next() -> None:
    """Other workers can use it."""
    fleet = Fleet(2)
    fleet.limited()
    worker = fleet.workers[0]
    stamp, before = fleet.send(worker), fleet.now
    for _ in range(200):
        worker.unused(fleet.now, stamp)
        assert fleet.may_send(worker)
        stamp = worker.sent(fleet.now)
    assert fleet.now == before


def test_a_record_of_another_version_is_refused() -> None:
    """Its meaning is unknown; a worker that cannot share continues alone."""
    fleet = Fleet(2)
    fleet.limited()
    worker = SharedPacer(Pacer(uniform=random.Random(1).uniform))
    command = worker.next_command(fleet.now)
    assert isinstance(command, Command)
    answer = fleet.place.run(fleet.now + AHEAD, command)
    for bad in (b"\xc1", b"\x00"):
        with pytest.raises(ValueError, match="record: "):
            worker.answered(fleet.now, msgspec.structs.replace(answer, record=bad))
        assert worker.alone


@pytest.mark.parametrize("answer", ["delivered", "server_error"])
def test_the_first_answer_that_is_counted_asks_for_a_command(answer: str) -> None:
    """Those after it are in the same command."""
    changes: list[None] = []
    worker = SharedPacer(Pacer(uniform=random.Random(1).uniform), changed=lambda: changes.append(None))
    command = worker.next_command(100.0)
    assert isinstance(command, Command)
    worker.answered(100.0, Place().run(100.0 + AHEAD, command))
    before = len(changes)
    for _ in range(3):
        getattr(worker, answer)(100.0, worker.sent(100.0))
    assert len(changes) == before + 1
