"""The clock by which events expire: the loop's, which stands still while the queue is suspended."""

from __future__ import annotations

__all__ = ["DeliveryClock"]


class DeliveryClock:
    """How much time there was to deliver in."""

    def __init__(self) -> None:
        self._stood_still = 0.0
        self._suspended_at: float | None = None

    @property
    def stands(self) -> bool:
        """Whether it stands still."""
        return self._suspended_at is not None

    def at(self, now: float) -> float:
        """What it says at loop time `now`."""
        return (now if self._suspended_at is None else self._suspended_at) - self._stood_still

    def loop_time(self, clock: float) -> float:
        """The loop time at which it will say so, unless it stands still before."""
        return clock + self._stood_still

    def stand_still(self, now: float) -> None:
        """Stop it."""
        self._suspended_at = now if self._suspended_at is None else self._suspended_at

    def go_on(self, now: float) -> None:
        """Let it go on from where it stands."""
        if self._suspended_at is None:
            raise AssertionError("it goes already")
        self._stood_still += now - self._suspended_at
        self._suspended_at = None
