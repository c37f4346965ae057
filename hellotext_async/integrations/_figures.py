"""The figures of clients and queues at one moment, for whichever system collects them.

Rules. A collector reads from a thread of its own, so figures are read, never waited for. A label is
the name of a client, the name or number of a queue, or a verdict: never an id.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple
from weakref import WeakKeyDictionary

from ..client import Hellotext
from ..errors import ConfigurationError
from ..limiter import RateState
from ..queue.outcome import Stats
from ..queue.queue import EventQueue

__all__ = ["FIGURES", "Figure", "Sample", "Sources"]


class Figure(NamedTuple):
    """What is measured: a `counter` only grows, a `gauge` goes both ways. `unit` may be empty."""

    name: str
    kind: Literal["counter", "gauge"]
    unit: str
    help: str
    labels: tuple[str, ...]


class Sample(NamedTuple):
    """One value of one figure."""

    figure: Figure
    labels: tuple[str, ...]
    value: float


READS: Final = 100
"""How often a queue is read that changes meanwhile; one reading in some hundred fails under full load."""

_CLIENT: Final = ("client",)
_QUEUE: Final = ("client", "queue")

RATE: Final = Figure("rate", "gauge", "", "Requests per second that the API is assumed to allow.", _CLIENT)
IN_FLIGHT_LIMIT: Final = Figure("in_flight_limit", "gauge", "", "Requests that may be in flight.", _CLIENT)
GATE: Final = Figure("gate", "gauge", "seconds", "Time until something may be sent again.", _CLIENT)
WASTED: Final = Figure("throttled", "gauge", "ratio", "Share of requests that were rate limited.", _CLIENT)
LAST_THROTTLE: Final = Figure("last_throttle", "gauge", "timestamp_seconds", "When one was last rate limited.", _CLIENT)
AWAY: Final = Figure("api_away", "gauge", "", "1 while the API counts as away.", _CLIENT)
ACCEPTED: Final = Figure("accepted", "counter", "", "Events that the queue has accepted.", _QUEUE)
OUTCOMES: Final = Figure("outcomes", "counter", "", "Events that have ended.", (*_QUEUE, "verdict"))
EVENTS: Final = Figure("events", "gauge", "", "Events that have not ended.", (*_QUEUE, "state"))
BYTES: Final = Figure("queue", "gauge", "bytes", "Bodies held in memory.", _QUEUE)
OLDEST: Final = Figure("oldest_event_age", "gauge", "seconds", "Age of the oldest event that waits.", _QUEUE)
SUSPENDED: Final = Figure("suspended", "gauge", "", "1 while the queue is suspended by a 401.", _QUEUE)
LOST: Final = Figure("lost", "counter", "", "Acknowledged events that a stream's server is known to have lost.", _QUEUE)

FIGURES: Final = (
    RATE, IN_FLIGHT_LIMIT, GATE, WASTED, LAST_THROTTLE, AWAY, ACCEPTED, OUTCOMES, EVENTS, BYTES, OLDEST, SUSPENDED,
    LOST,
)  # fmt: skip


class Sources:
    """Clients with all their queues, and queues by name; the others have the next of `numbers`."""

    def __init__(
        self,
        sources: tuple[Hellotext | EventQueue, ...],
        named: Mapping[str, EventQueue],
        numbers: Iterator[int] | None = None,
    ) -> None:
        for source in (*sources, *named.values()):
            if not isinstance(source, Hellotext | EventQueue):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigurationError("sources: expected clients and event queues")
        self._clients = list({id(source): source for source in sources if isinstance(source, Hellotext)}.values())
        if len({client.name for client in self._clients}) < len(self._clients):
            raise ConfigurationError("sources: several clients have one name; make each with a `name` of its own")
        self._queues = [source for source in sources if isinstance(source, EventQueue)]
        self._names: WeakKeyDictionary[EventQueue, str] = WeakKeyDictionary()
        for name, queue in named.items():
            self._names[queue] = name
            self._queues.append(queue)
        self._numbers = itertools.count() if numbers is None else numbers
        self._client_names: WeakKeyDictionary[EventQueue, str] = WeakKeyDictionary()
        for client in self._clients:
            self._owned(client)

    def _owned(self, client: Hellotext) -> tuple[EventQueue, ...]:
        """The queues of a client; whose they are is known when it has let them go, too."""
        queues = tuple(client._core.queues)  # pyright: ignore[reportPrivateUsage]
        for queue in queues:
            self._client_names[queue] = client.name or ""
        return queues

    def samples(self) -> Iterator[Sample]:
        """Every value at this moment; a client that is not open has none."""
        seen: set[EventQueue] = set()
        for client in self._clients:
            core, name = client._core, client.name or ""  # pyright: ignore[reportPrivateUsage]
            rate = core.rate_if_open()
            if rate is not None:
                yield from _of_rate(rate, name)
            for queue in self._owned(client):
                seen.add(queue)
                yield from _of_queue(queue, name, self._name_of(queue))
        for queue in self._queues:
            if queue not in seen:
                yield from _of_queue(queue, self._client_names.get(queue, ""), self._name_of(queue))

    def _name_of(self, queue: EventQueue) -> str:
        name = self._names.get(queue)
        if name is None:
            name = self._names[queue] = str(next(self._numbers))
        return name


def _stats(queue: EventQueue) -> Stats | None:
    """The queue at this moment, read beside the loop that changes it; None if it never stood still for long enough."""
    for _ in range(READS):
        try:
            return queue.stats()
        except RuntimeError:  # something was added while it was counted
            continue
    return None


def _of_rate(rate: RateState, client: str) -> Iterator[Sample]:
    labels = (client,)
    if rate.rate is not None:
        yield Sample(RATE, labels, rate.rate)
    yield Sample(IN_FLIGHT_LIMIT, labels, rate.in_flight_limit)
    yield Sample(GATE, labels, rate.gate)
    yield Sample(WASTED, labels, rate.wasted)
    if rate.last_throttle is not None:
        yield Sample(LAST_THROTTLE, labels, rate.last_throttle.timestamp())
    yield Sample(AWAY, labels, rate.away_since is not None)


def _of_queue(queue: EventQueue, client: str, name: str) -> Iterator[Sample]:
    labels, stats = (client, name), _stats(queue)
    if stats is None:
        return
    yield Sample(ACCEPTED, labels, stats.accepted)
    for verdict, count in stats.outcomes.items():
        yield Sample(OUTCOMES, (*labels, verdict), count)
    yield Sample(LOST, labels, stats.lost)
    closing = queue._closing  # pyright: ignore[reportPrivateUsage]
    if closing is not None and closing.done():
        return  # what it has kept waits for the next queue, which shows it
    for state, count in (("pending", stats.pending), ("queued", stats.queued), ("in_flight", stats.in_flight)):
        yield Sample(EVENTS, (*labels, state), count)
    yield Sample(BYTES, labels, stats.bytes)
    yield Sample(OLDEST, labels, stats.oldest_age)
    yield Sample(SUSPENDED, labels, stats.suspended)
