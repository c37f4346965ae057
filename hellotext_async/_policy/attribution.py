"""Whose a failure is: the server's, or that of the one subject or route whose requests it follows around. Pure.

Rules. A first failure is the server's. When a key (an event's subject, a call's route) fails again,
and the requests of others were delivered meanwhile, at least `ENOUGH` of them and several times as
many as failed, at a time at which few requests fail at all, the failure is the key's own: it says
nothing of the server's health or rate. A key is forgiven by its own deliveries, slowly, so that one
that fails now and then stays known.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

__all__ = ["Attribution"]

ENOUGH, TIMES = 3, 3
FEW, RECENT = 0.2, 0.05
"""The share of failures above which the server is to blame; the weight of one request in it."""
MOST: Final = 1000
"""Keys that are remembered."""
FORGIVEN: Final = 0.25
"""What one delivery takes from a key's score of failures; it is known while the score is above half."""


class _Suspect(msgspec.Struct):
    """A key that failed: how often of late, how many of its failures the server was blamed for, whether the last was
    its own, and what had become of all requests when it last failed.
    """

    score: float = 0.0
    blamed: int = 0
    own: bool = False
    delivered: int = 0
    failed: int = 0


class Attribution:
    """Counts what becomes of requests, by key where a key has failed."""

    def __init__(self) -> None:
        self._delivered = self._failed = 0
        self._share = 0.0
        self._suspects: OrderedDict[str, _Suspect] = OrderedDict()

    def delivered(self, key: str | None) -> None:
        """A request of this key was delivered."""
        self._delivered += 1
        self._share -= RECENT * self._share
        if self._suspects and key is not None and (suspect := self._suspects.get(key)) is not None:
            suspect.score -= FORGIVEN
            suspect.delivered += 1  # it is not one of the others
            if suspect.score <= 0:
                del self._suspects[key]

    def failed(self, key: str | None) -> bool:
        """Whether a failed request's failure is its key's own."""
        suspect = _Suspect() if key is None else self._suspects.get(key) or _Suspect()
        suspect.own = self._is_own(suspect)
        if suspect.own:
            self._failed -= suspect.blamed
            suspect.blamed = 0
        else:
            self._failed += 1
            suspect.blamed += 1
        self._share += RECENT * (1 - self._share)
        if key is None:
            return False
        suspect.score = min(4.0, suspect.score + 1)
        suspect.delivered, suspect.failed = self._delivered, self._failed
        self._suspects[key] = suspect
        self._suspects.move_to_end(key)
        if len(self._suspects) > MOST:
            self._suspects.popitem(last=False)
        return suspect.own

    @property
    def blameless(self) -> bool:
        """Whether every failure so far has turned out to be some key's own."""
        return self._failed == 0

    def _is_own(self, suspect: _Suspect) -> bool:
        if self._share >= FEW or suspect.score < 0.5:
            return False
        delivered, failed = self._delivered - suspect.delivered, self._failed - suspect.failed
        return suspect.own or (delivered >= ENOUGH and delivered >= TIMES * failed)
