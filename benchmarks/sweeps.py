"""What must not matter: events in flight, subjects, and how many events wait already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from .contender import Entry
from .events import QUEUE
from .ground import Ground
from .row import Goal, Row

__all__ = ["IN_FLIGHT", "STANDING", "SUBJECTS", "in_flight", "standing", "subjects"]

IN_FLIGHT: Final = (1, 16, 64, 256, 1024)
SUBJECTS: Final = (100, 10_000, 1_000_000)
STANDING: Final = (0, 1_000, 10_000, 100_000)
FLAT: Final = Goal(1.15, 1.07, less=True)
"""The dearest may cost this many times the cheapest; below the second figure is noise."""

WAITING: Final = Entry("benchmarks.ours:Standing")


def in_flight(ground: Ground) -> Iterator[Row]:
    """Throughput by how many events the queue may have in flight."""
    for many in IN_FLIGHT:
        yield _row(ground, "in flight", f"{many:,} in flight", QUEUE, concurrency=many)


def subjects(ground: Ground) -> Iterator[Row]:
    """CPU per event by how many different subjects the events have."""
    for many in SUBJECTS:
        yield _row(ground, "subjects", f"{many:,} subjects", QUEUE, subjects=many)
    yield _row(ground, "subjects", "one subject, ordering=None", QUEUE, subjects=1, ordering=None)
    few, lots = (QUEUE.with_(subjects=many) for many in (SUBJECTS[0], SUBJECTS[-1]))
    yield _growth(ground, "subjects", f"cost with {SUBJECTS[-1]:,} against {SUBJECTS[0]:,}", lots, few)


def standing(ground: Ground) -> Iterator[Row]:
    """CPU per event by how many others wait in the queue all the time."""
    for many in STANDING:
        yield _row(ground, "waiting", f"{many:,} waiting", WAITING, standing=many)
    few, lots = (WAITING.with_(standing=many) for many in (STANDING[0], STANDING[-1]))
    yield _growth(ground, "waiting", f"cost with {STANDING[-1]:,} waiting against none", lots, few)


def _row(ground: Ground, group: str, name: str, entry: Entry, **options: Any) -> Row:
    return Row(group, name, ground.race(entry.with_(**options), counted=entry is QUEUE))


def _growth(ground: Ground, group: str, name: str, most: Entry, least: Entry) -> Row:
    return Row(group, name, ground.race(most, least).inverse(), "x the smallest", FLAT)
