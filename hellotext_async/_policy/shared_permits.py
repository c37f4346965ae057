"""The permits that a worker holds of a rate that many share, and how many it asks for. Pure.

Rules. Permits are numbered, and one is due when the position of all has come to its number: where the rate
changes, so does the time of every permit that is held. One that is not used soon after is void. A worker asks for a
tenth of a second's worth of its share, when half of the last are used; for fewer where some went void.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from .schedule import CATCH_UP

if TYPE_CHECKING:
    from .shared_rate import Answer

__all__ = ["Permits"]

BUNCH: Final = 0.1
MOST: Final = 50
STEADY: Final = 4
"""Permits that were used one after the other: from then on one more is asked for before the last is used."""
EXPIRY: Final = 1.0
"""Seconds after which a permit that is not used is void; two intervals at a low rate."""


class Permits:
    """The permits held. Times are by the clock of the store that grants them."""

    def __init__(self) -> None:
        self._waited = False
        """Whether the last had to be waited for, or was used as soon as it was due."""
        self._expected = False
        """Whether a request waits for the first before it is due."""
        self._lacked: float | None = None
        """Since when a request waits and there is none."""
        self._held: deque[int] = deque()
        self._last: int | None = None
        self._bunch, self._voided = 1, False
        self._used = 0
        """How many were used since one went void."""

    def __bool__(self) -> bool:
        return bool(self._held)

    @property
    def few(self) -> bool:
        """Whether it is time to ask for more."""
        reserve = 1 if self._used >= STEADY else 0
        return len(self._held) <= max(reserve, self._bunch // 2)

    def due(self, answer: Answer) -> float:
        """When the first of them is due, by the last answer."""
        return answer.now + (self._held[0] - answer.position) / answer.speed

    def drop_void(self, now: float, answer: Answer) -> None:
        """Those that were not used in time are void."""
        most = max(EXPIRY, 2 / answer.speed)
        while self._held and now - self.due(answer) > most:
            self._held.popleft()
            self._bunch, self._voided, self._used = max(1, self._bunch // 2), True, 0

    def wanted_at(self, now: float, answer: Answer) -> float | None:
        """A request waits: when the first is due, None if there is none."""
        if not self._held:
            self._lacked = now if self._lacked is None else self._lacked
            return None
        due = self.due(answer)
        if due > (now if self._lacked is None else self._lacked):
            self._waited = self._expected = True
        self._lacked = None
        return due

    def use(self, now: float, answer: Answer) -> bool:
        """One is used; whether it had to be waited for."""
        if now > self.due(answer) + CATCH_UP and not self._expected:
            self._waited = False
        self._last, self._expected = self._held.popleft(), False
        self._used += 1
        return self._waited

    def undo(self) -> None:
        """The last one was not used after all: it is the first again."""
        if self._last is not None:
            self._held.appendleft(self._last)
            self._last = None
            self._used -= 1

    def wanted(self, share: float) -> int:
        """How many to ask for, of so many a second."""
        most = max(1, min(MOST, int(share * BUNCH)))
        self._bunch = min(most, self._bunch if self._voided else 2 * self._bunch)
        return self._bunch

    def add(self, first: int, granted: int) -> None:
        """So many more were granted."""
        self._held.extend(range(first, first + granted))
        self._voided = False

    def clear(self) -> None:
        """They are worth nothing any more."""
        self._held.clear()
        self._last = None
