"""A discrete-event simulation of clients that share one rate-limited server.

Rules. Time is virtual and all random numbers come from the seed. A client has a queue (endless,
Poisson or empty, by its demand), a ceiling of requests in flight that starts at 10 and grows by
one for each success, and a policy that gives the time of the next request. Timers fire late,
on whole milliseconds, like an event loop's. Round trips are lognormal; the server applies its limit
half-way. A separate check verifies that Retry-After is obeyed. Clients with a shared pacer keep
their rate in one place, which answers after a delay, or not at all while it is `away`.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, inf, log
from typing import Final, Protocol

from hellotext_async._policy.shared_pacer import SharedPacer
from hellotext_async._policy.shared_rate import Answer, Command

from .limits import Limiter
from .place import Place

__all__ = ["Client", "Demand", "Hint", "Link", "Policy", "Record", "exact", "never", "simulate", "whole"]

TICK: Final = 0.001
START: Final = 10
SPREAD: Final = 0.35
PATIENCE, AGAIN = 1.0, 0.1
"""Seconds after which a client continues alone, and those between two attempts to reach the place."""
Hint = Callable[[float], float | None]
Demand = tuple[tuple[float, float], ...]
"""How many requests a second there are to send, each rate from a time on; inf is a queue that never ends."""


class Policy(Protocol):
    """What a client does about its rate.

    It may have `hold(attempt)`: how long a throttled call keeps its slot before it is sent again.
    Without it a throttled call goes back to the queue.
    """

    @property
    def rate(self) -> float | None: ...
    def ready_at(self, now: float) -> float: ...
    def sent(self, now: float) -> int: ...
    def delivered(self, now: float, stamp: int) -> None: ...
    def throttled(self, now: float, stamp: int, retry_after: float | None) -> None: ...


def never(wait: float) -> float | None:
    """No Retry-After."""
    return None


def exact(wait: float) -> float | None:
    """Retry-After with all its decimals."""
    return wait


def whole(wait: float) -> float | None:
    """Retry-After in whole seconds, rounded up."""
    return float(ceil(wait))


@dataclass
class Record:
    """The history of one client: when the server accepted or refused its requests, and its rate over time."""

    taken: array[float] = field(default_factory=lambda: array("d"))
    refused: array[float] = field(default_factory=lambda: array("d"))
    rates: list[tuple[float, float]] = field(default_factory=list)
    through_closed_gate: int = 0
    beside_a_probe: int = 0


@dataclass
class Watch:
    """The check that no request passes a closed gate, and that one request alone follows it."""

    record: Record
    until: float = -inf
    closed: bool = False
    probe: int | None = None

    def sent(self, now: float, number: int) -> None:
        if now < self.until:
            self.record.through_closed_gate += 1
        elif self.probe is not None:
            self.record.beside_a_probe += 1
        elif self.closed:
            self.closed, self.probe = False, number

    def answered(self, now: float, number: int, throttled: bool, retry_after: float | None) -> None:
        if number == self.probe:
            self.probe, self.closed = None, throttled
        if retry_after is not None:
            self.until, self.closed = max(self.until, now + retry_after), True


class Client:
    """A process with a queue, slots for requests in flight and a policy."""

    def __init__(self, policy: Policy, *, places: int = 50, demand: Demand = ((0.0, inf),)) -> None:
        self.policy = policy
        self.hold: Callable[[int], float] = getattr(policy, "hold", lambda attempt: 0.0)
        self.places = places
        self.ceiling = min(START, places)
        self.demand = demand
        self.queued = 0.0
        self.in_flight = 0
        self.wakes_at = inf
        self.retries: list[int] = []
        self.talks_at = inf
        self.talking = 0
        self.record = Record()
        self.watch = Watch(self.record)


@dataclass
class Link:
    """The connection to the place where clients with a shared pacer keep their rate: its one-way delay, by how much its
    clock is ahead of theirs, and when it is unreachable.
    """

    place: Place = field(default_factory=Place)
    trip: float = 0.0004
    ahead: float = 1e6
    away: tuple[tuple[float, float], ...] = ()


class _Run:
    def __init__(
        self, clients: list[Client], limit: Limiter, hint: Hint, seed: int, rtt: float, jitter: float | None,
        link: Link,
    ) -> None:  # fmt: skip
        self.clients = clients
        self.limit = limit
        self.hint = hint
        self.random = random.Random(seed)
        self.half = log(rtt / 2)
        self.jitter = jitter
        self.least = rtt / 2
        self.link = link
        self.now = 0.0
        self.number = 0
        self.events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []

    def at(self, when: float, act: Callable[..., None], *what: object) -> None:
        self.number += 1
        heappush(self.events, (when, self.number, act, what))

    def half_trip(self) -> float:
        if self.jitter is not None:
            return self.least + self.random.uniform(0, self.jitter)
        return self.random.lognormvariate(self.half, SPREAD)

    def run(self, until: float) -> None:
        for client in self.clients:
            for when, rate in client.demand:
                self.at(when, self.demand, client, rate)
            self.at(0.0, self.note, client)
        events = self.events
        while events and events[0][0] <= until:
            self.now, _, act, what = heappop(events)
            act(*what)

    def note(self, client: Client) -> None:
        rate = client.policy.rate
        client.record.rates.append((self.now, inf if rate is None else rate))
        self.at(self.now + 0.25, self.note, client)

    def demand(self, client: Client, rate: float) -> None:
        client.demand = ((self.now, rate),)
        client.queued = inf if rate == inf else 0.0
        if 0 < rate < inf:
            self.at(self.now + self.random.expovariate(rate), self.arrive, client, client.demand)
        self.pump(client)

    def arrive(self, client: Client, demand: Demand) -> None:
        if client.demand is demand:
            client.queued += 1
            self.at(self.now + self.random.expovariate(demand[0][1]), self.arrive, client, demand)
            self.pump(client)

    def pump(self, client: Client) -> None:
        self.send_ready(client)
        if isinstance(client.policy, SharedPacer):
            self.talk(client, client.policy)

    def talk(self, client: Client, pacer: SharedPacer) -> None:
        """Send the command that is due to the place, or do so later."""
        command = pacer.next_command(self.now)
        if command is None:
            at = max(self.now + 1e-6, pacer.wakes_at(self.now))
            if at < client.talks_at:
                client.talks_at = at
                self.at(at, self.talk_later, client, at)
            return
        client.talking += 1
        self.at(self.now + PATIENCE, self.unanswered, client, client.talking)
        self.at(self.now + self.trip(), self.send_command, client, command)

    def talk_later(self, client: Client, at: float) -> None:
        if client.talks_at == at:
            client.talks_at = inf
            self.pump(client)

    def trip(self) -> float:
        return self.link.trip * self.random.uniform(0.5, 1.5)

    def send_command(self, client: Client, command: Command) -> None:
        if any(began <= self.now < ended for began, ended in self.link.away):
            self.at(self.now + AGAIN, self.send_command, client, command)
            return
        answer = self.link.place.run(self.now + self.link.ahead, command)
        self.at(self.now + self.trip(), self.answered, client, answer)

    def answered(self, client: Client, answer: Answer) -> None:
        client.talking += 1
        if isinstance(client.policy, SharedPacer):
            client.policy.workers = len(self.clients)
            client.policy.answered(self.now, answer)
        self.pump(client)

    def unanswered(self, client: Client, talking: int) -> None:
        if client.talking == talking and isinstance(client.policy, SharedPacer):
            client.policy.failed(self.now)
            self.pump(client)

    def send_ready(self, client: Client) -> None:
        while client.in_flight < client.ceiling and (client.queued or client.retries):
            ready = client.policy.ready_at(self.now)
            if ready > self.now:
                self.arm(client, ready)
                return
            self.send(client)

    def arm(self, client: Client, ready: float) -> None:
        wakes_at = self.now + ceil((ready - self.now) / TICK) * TICK if ready < inf else inf
        if wakes_at < client.wakes_at:
            client.wakes_at = wakes_at
            self.at(wakes_at, self.wake, client, wakes_at)

    def wake(self, client: Client, when: float) -> None:
        if client.wakes_at == when:
            client.wakes_at = inf
            self.pump(client)

    def send(self, client: Client) -> None:
        attempt = client.retries.pop() if client.retries else 1
        client.queued -= attempt == 1
        client.in_flight += 1
        stamp = client.policy.sent(self.now)
        client.watch.sent(self.now, self.number + 1)
        self.at(self.now + self.half_trip(), self.judge, client, stamp, attempt, self.number + 1)

    def judge(self, client: Client, stamp: int, attempt: int, number: int) -> None:
        wait = self.limit.admit(self.now)
        (client.record.taken if wait is None else client.record.refused).append(self.now)
        self.at(self.now + self.half_trip(), self.answer, client, stamp, attempt, number, wait)

    def answer(self, client: Client, stamp: int, attempt: int, number: int, wait: float | None) -> None:
        hint = None if wait is None else self.hint(wait)
        client.watch.answered(self.now, number, wait is not None, hint)
        if wait is None:
            client.policy.delivered(self.now, stamp)
            client.ceiling = min(client.places, client.ceiling + 1)
            client.in_flight -= 1
        else:
            client.policy.throttled(self.now, stamp, hint)
            self.refused(client, attempt)
        self.pump(client)

    def refused(self, client: Client, attempt: int) -> None:
        hold = client.hold(attempt)
        if hold:
            self.at(self.now + hold, self.retry, client, attempt)
        else:
            client.queued += 1
            client.in_flight -= 1

    def retry(self, client: Client, attempt: int) -> None:
        client.in_flight -= 1
        client.retries.append(attempt + 1)
        self.pump(client)


def simulate(
    clients: list[Client],
    limit: Limiter,
    *,
    hint: Hint = never,
    seed: int,
    until: float,
    rtt: float = 0.08,
    jitter: float | None = None,
    link: Link | None = None,
) -> list[Record]:
    """Run the clients against the limit for `until` seconds; return the record of each.

    Half a round trip is lognormal with median `rtt` / 2; with a `jitter` it is `rtt` / 2 and up to so much more.
    """
    _Run(clients, limit, hint, seed, rtt, jitter, Link() if link is None else link).run(until)
    return [client.record for client in clients]
