"""Those that wait for a permit, and whose turn it is.

Rules. Waiters of one priority are served in the order in which they came; calls before the queue's
events, and those before background events, save that every eighth permit goes to a waiting event, and
every twentieth to a background one. After a probe that did not get through another priority goes first:
what keeps the one from being delivered need not keep the other.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, Literal, Protocol, TypeVar, get_args

__all__ = ["Priority", "Waiters"]

Priority = Literal["call", "event", "background"]

PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
SHARES: Final[tuple[tuple[Priority, int], ...]] = (("background", 20), ("event", 8))
"""Of so many permits one goes to a waiting one of this priority."""


class _Waiter(Protocol):
    def done(self) -> bool: ...


W = TypeVar("W", bound=_Waiter)


class Waiters(Generic[W]):
    """One queue for each priority. One that is done waits no more.

    `probed` is the priority of the last probe, until a request is granted that is none.
    """

    def __init__(self) -> None:
        self.queues: dict[Priority, deque[W]] = {}
        """Where something waits, or did until lately."""
        self._granted = 0
        self.probed: Priority | None = None

    def ahead_of(self, priority: Priority) -> bool:
        """Whether one of this priority would overtake one that waits."""
        return any(other in self.queues for other in PRIORITIES[: PRIORITIES.index(priority) + 1])

    def add(self, priority: Priority, waiter: W) -> None:
        """One more waits."""
        self.queues.setdefault(priority, deque()).append(waiter)

    def take(self, priority: Priority) -> W:
        """The first of a priority for which something waits; its permit counts."""
        self._granted += 1
        waiters = self.queues[priority]
        first = waiters.popleft()
        if not waiters:
            del self.queues[priority]
        return first

    def waiting(self) -> list[Priority]:
        """The priorities for which something waits, the first first."""
        for priority, waiters in list(self.queues.items()):
            while waiters and waiters[0].done():
                waiters.popleft()
            if not waiters:
                del self.queues[priority]
        return [priority for priority in PRIORITIES if priority in self.queues]

    def turns(self) -> list[tuple[Priority, bool]]:
        """The priorities, the first first, with whether one may take the last places.

        Where others wait, no place is left free for them, and without its turn a lower priority would starve.
        """
        waiting = self.waiting()
        turns: list[tuple[Priority, bool]] = []
        if len(waiting) > 1:
            for priority, share in SHARES:
                if priority in waiting and self._granted % share == share - 1:
                    turns.append((priority, True))
            waiting.sort(key=lambda priority: priority == self.probed)  # stable: only the one that was probed goes last
        return [*turns, *((priority, False) for priority in waiting)]
