"""Notices when the breaker opens and closes: when an outage of the API begins and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._policy.evidence import Attempt

__all__ = ["OutageWatch"]


class OutageWatch:
    """Whether an outage goes on, since when (on `clock`), and by which failure.

    `began` is called with that failure in a word, `ended` with the seconds that the outage took.
    """

    def __init__(
        self, began: Callable[[str], None], ended: Callable[[float], None], *, clock: Callable[[], float]
    ) -> None:
        self._began = began
        self._ended = ended
        self._clock = clock
        self._since = 0.0
        self.ongoing = False

    def update(self, breaker_open: bool, attempt: Attempt | None = None) -> None:
        """An attempt was judged; the breaker stands so now."""
        if breaker_open is self.ongoing:
            return
        self.ongoing = breaker_open
        if not breaker_open:
            self._ended(self.seconds)
            return
        self._since = self._clock()
        reply = None if attempt is None else attempt.reply
        reason = "" if attempt is None else attempt.reason
        self._began(reason if reply is None else f"HTTP {reply.status}")

    @property
    def seconds(self) -> float:
        """How long ago the last outage began."""
        return self._clock() - self._since
