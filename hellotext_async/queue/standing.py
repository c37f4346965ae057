"""The figures of a queue at one moment, read from any thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from .outcome import VERDICTS, Stats

if TYPE_CHECKING:
    from .core import Core
    from .store import Store
    from .worker import Worker

__all__ = ["no_stats", "stats_of"]

TRIES: Final = 1000
"""Times that another thread reads the numbers again until they are of one moment."""


def no_stats() -> Stats:
    """The figures of a queue that was not opened."""
    outcomes = dict.fromkeys(VERDICTS, 0)
    return Stats(
        accepted=0, pending=0, queued=0, in_flight=0, bytes=0, outcomes=outcomes, oldest_age=0, suspended=False
    )


def stats_of(
    core: Core, worker: Worker, store: Store, loop_time: Callable[[], float], wall: Callable[[], float]
) -> Stats:
    """The figures; a thread that reads while the loop changes a number reads again."""
    for _ in range(TRIES):
        with suppress(RuntimeError):  # what is looked through was changed meanwhile
            stats = _stats_of(core, worker, store, loop_time(), wall())
            if stats.accepted == sum(stats.outcomes.values()) + stats.queued + stats.in_flight:
                return stats
        time.sleep(0)
    return _stats_of(core, worker, store, loop_time(), wall())


def _stats_of(core: Core, worker: Worker, store: Store, now: float, wall: float) -> Stats:
    away = worker.away_since
    return Stats(
        accepted=core.accepted,
        pending=len(core.pending),
        queued=core.queued,
        in_flight=len(core.in_flight),
        bytes=core.capacity.bytes,
        outcomes=dict(core.outcomes),
        oldest_age=max(0.0, core.clock.at(now) - core.order.oldest()) if core.order else 0.0,
        suspended=worker.suspension is not None,
        dropped=core.dropped,
        lost=store.lost,
        away_since=None if away is None else datetime.fromtimestamp(wall - (now - away), UTC),
    )
