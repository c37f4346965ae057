"""Whose a failure is: the server's, or that of the one subject or route whose requests it follows around. Pure.

Rules. A first failure is the server's. When a key (an event's subject, a call's route) fails again,
and since the first of its failures requests of others were delivered, at least `ENOUGH` of them and
several times as many as failed, at a time at which few others fail, the failure is the key's own: it
says nothing of the server's health or rate. What others did is counted in requests and not in seconds,
and a key that fails again and again counts once, however often it is retried: it cannot outvote others
whose requests its own throttles made few. A key is forgiven by its own deliveries, slowly, so that one
that fails now and then stays known.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

__all__ = ["Attribution"]

ENOUGH = 3
FEW, RECENT = 0.2, 0.05
"""The share of failures above which the server is to blame; the weight of one request in it."""
MOST: Final = 1000
"""Keys that are remembered."""
FORGIVEN: Final = 0.25
"""What one delivery takes from a key's score of failures; it is known while the score is above half."""


class _Suspect(msgspec.Struct):
    """A key that failed: how often of late, how many of its throttles the server was blamed for, whether the last
    failure was its own, whether it was the last of its requests, and what had become of all requests when it began
    to fail.
    """

    score: float = 0.0
    blamed: int = 0
    own: bool = False
    failing: bool = False
    delivered: int = 0
    failed: int = 0


class Attribution:
    """Counts what becomes of requests, by key where a key has failed."""

    def __init__(self) -> None:
        self._delivered = self._failed = self._blamed = 0
        self._share = self._weight = 0.0
        self._suspects: OrderedDict[str, _Suspect] = OrderedDict()

    def delivered(self, key: str | None) -> None:
        """A request of this key was delivered."""
        self._delivered += 1
        self._share -= RECENT * self._share
        self._weight += RECENT * (1 - self._weight)
        if self._suspects and key is not None and (suspect := self._suspects.get(key)) is not None:
            suspect.score -= FORGIVEN
            suspect.failing = False
            if suspect.score <= 0:
                del self._suspects[key]

    def failed(self, key: str | None, *, throttled: bool = True) -> bool:
        """Whether a failed request's failure is its key's own."""
        suspect = _Suspect() if key is None else self._suspects.get(key) or _Suspect()
        suspect.own = self._is_own(suspect)
        if suspect.own:
            self._blamed -= suspect.blamed
            suspect.blamed = 0
        elif throttled:
            self._blamed += 1
            suspect.blamed += 1
        if not suspect.failing:
            self._failed += 1
            self._share += RECENT * (1 - self._share)
            self._weight += RECENT * (1 - self._weight)
            suspect.failing, suspect.delivered, suspect.failed = True, self._delivered, self._failed
        if key is None:
            return False
        suspect.score = min(4.0, suspect.score + 1)
        self._suspects[key] = suspect
        self._suspects.move_to_end(key)
        if len(self._suspects) > MOST:
            self._suspects.popitem(last=False)
        return suspect.own

    @property
    def blameless(self) -> bool:
        """Whether every throttle so far has turned out to be some key's own."""
        return self._blamed == 0

    def _is_own(self, suspect: _Suspect) -> bool:
        if suspect.own and suspect.failing:
            return True
        share = self._share_of_others(suspect)
        if share >= FEW or suspect.score < 0.5:
            return False
        return suspect.own or (suspect.failing and self._delivered - suspect.delivered >= ENOUGH)

    def _share_of_others(self, suspect: _Suspect) -> float:
        """The share of failures among the last requests of others."""
        age = self._delivered + self._failed - suspect.delivered - suspect.failed
        mine = RECENT * (1 - RECENT) ** age if suspect.failing else 0.0
        return (self._share - mine) / max(RECENT, self._weight - mine)
