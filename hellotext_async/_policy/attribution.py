"""Whose a failure is: the server's, or that of the one subject or route whose requests it follows around. Pure.

Rules. A first failure is the server's. When a key (an event's subject, a call's route) fails again,
and the requests of others were delivered meanwhile, at least `ENOUGH` of them and several times as
many as failed, the failure is the key's own: it says nothing of the server's health or rate. A key
is forgiven by its own deliveries, slowly, so that one that fails now and then stays known.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

__all__ = ["Attribution"]

ENOUGH, TIMES = 3, 3
MOST: Final = 1000
"""Keys that are remembered."""
FORGIVEN: Final = 0.25
"""What one delivery takes from a key's score of failures; it is known while the score is above half."""


class _Suspect(msgspec.Struct):
    """A key that failed: how often of late, and what had become of all requests when it last did."""

    score: float
    delivered: int
    failed: int


class Attribution:
    """Counts what becomes of requests, by key where a key has failed."""

    def __init__(self) -> None:
        self._delivered = self._failed = 0
        self._suspects: OrderedDict[str, _Suspect] = OrderedDict()

    def delivered(self, key: str | None) -> None:
        """A request of this key was delivered."""
        self._delivered += 1
        if self._suspects and key is not None and (suspect := self._suspects.get(key)) is not None:
            suspect.score -= FORGIVEN
            suspect.delivered += 1  # it is not one of the others
            if suspect.score <= 0:
                del self._suspects[key]

    def failed(self, key: str | None) -> bool:
        """Whether a failed request's failure is its key's own."""
        if key is None:
            self._failed += 1
            return False
        suspect = self._suspects.get(key)
        own = suspect is not None and self._is_own(suspect)
        if not own:
            self._failed += 1
        score = 1.0 if suspect is None else min(4.0, suspect.score + 1)
        self._suspects[key] = _Suspect(score, self._delivered, self._failed)
        self._suspects.move_to_end(key)
        if len(self._suspects) > MOST:
            self._suspects.popitem(last=False)
        return own

    def _is_own(self, suspect: _Suspect) -> bool:
        delivered, failed = self._delivered - suspect.delivered, self._failed - suspect.failed
        return suspect.score >= 0.5 and delivered >= ENOUGH and delivered >= TIMES * failed
