"""What must not matter: events in flight, subjects, and the number of waiting events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .contender import Entry
from .events import QUEUE
from .ground import Ground, T
from .load import CONNECTIONS
from .row import Goal, Row

__all__ = ["IN_FLIGHT", "STANDING", "SUBJECTS", "in_flight", "standing", "subjects"]

IN_FLIGHT: Final = (1, 16, 64, 256, 1024)
WIDE: Final = (256, 1024)
NARROWED: Final = Goal(0.7, 0.9)
"""The remaining share of the speed with more in flight than needed."""
SUBJECTS: Final = (100, 10_000, 1_000_000)
STANDING: Final = (0, 10_000, 100_000)
FLAT: Final = Goal(1.15, 1.07, less=True)
"""The most expensive may cost this many times the cheapest; below the second figure is noise."""

UNORDERED: Final = QUEUE.with_(subjects=1, ordering=None)
WAITING: Final = Entry("benchmarks.ours:Standing")


def in_flight(ground: Ground) -> Iterator[Row]:
    """Throughput by how many events the queue may have in flight."""
    entries = {many: QUEUE.with_(concurrency=many) for many in IN_FLIGHT}
    yield from _rows(ground, "in flight", {f"{many:,} in flight": entry for many, entry in entries.items()})
    wide = [(entries[many], entries[CONNECTIONS]) for many in WIDE]
    for many, figure in zip(WIDE, ground.races(wide, counted=True), strict=True):
        yield Row("in flight", f"{many:,} against {CONNECTIONS}", figure, "x fewer", NARROWED)
    (figure,) = ground.races([(T.with_(connections=WIDE[-1]), None)])
    yield Row("in flight", f"T with {WIDE[-1]:,} connections against {CONNECTIONS}", figure, "x fewer")


def subjects(ground: Ground) -> Iterator[Row]:
    """CPU per event by how many different subjects the events have."""
    entries = {f"{many:,} subjects": QUEUE.with_(subjects=many) for many in SUBJECTS}
    growth = (f"cost with {SUBJECTS[-1]:,} against {SUBJECTS[0]:,}", *_ends(entries))
    return _rows(ground, "subjects", {**entries, "one subject, ordering=None": UNORDERED}, growth)


def standing(ground: Ground) -> Iterator[Row]:
    """CPU per event by how many others wait in the queue all the time."""
    entries = {f"{many:,} waiting": WAITING.with_(standing=many) for many in STANDING}
    growth = (f"cost with {STANDING[-1]:,} waiting against none", *_ends(entries))
    return _rows(ground, "waiting", entries, growth)


def _ends(entries: dict[str, Entry]) -> tuple[Entry, Entry]:
    """The last against the first."""
    first, *_, last = entries.values()
    return last, first


def _rows(ground: Ground, group: str, entries: dict[str, Entry], *growths: tuple[str, Entry, Entry]) -> Iterator[Row]:
    races = [*((entry, None) for entry in entries.values()), *((last, first) for _, last, first in growths)]
    figures = ground.races(races, counted=group != "waiting")
    for name, figure in zip(entries, figures, strict=False):
        yield Row(group, name, figure)
    for (name, *_), figure in zip(growths, figures[len(entries) :], strict=True):
        yield Row(group, name, figure.inverse(), "x the smallest", FLAT)
