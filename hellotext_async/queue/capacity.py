"""How many events, and of how many bytes, a queue holds in memory, and how many more it may. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["Capacity"]

MOST_LOADED: Final = 512
"""Events that are brought in at once from the store: a millisecond or two, in which the loop does nothing else."""


class Capacity:
    """`count` events of `bytes` in all are in memory."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self.count = self.bytes = 0
        self.max_count, self.max_bytes = max_count, max_bytes
        self._half = max(1, max_count // 2)

    def has_room_for(self, size: int, *, more: int = 0) -> bool:
        """Whether there is room for an event of this size now, and for so many more."""
        return self.count + more < self.max_count and self.bytes + size <= self.max_bytes

    def acquire(self, size: int) -> None:
        """An event of this size is in memory."""
        self.count += 1
        self.bytes += size

    def release(self, size: int) -> None:
        """It is not any more."""
        self.count -= 1
        self.bytes -= size

    def crowded(self, waiting: int) -> bool:
        """Whether newly accepted events had better wait in the store, beside so many in memory."""
        return waiting >= self._half or 2 * self.bytes > self.max_bytes

    def to_load(self, waiting: int) -> tuple[int, int]:
        """How many events, and of how many bytes, may come back from the store, beside so many in memory."""
        half, bytes_free = self._half // 2, self.max_bytes // 2 - self.bytes
        return (0, 0) if waiting > half or bytes_free <= 0 else (max(1, min(MOST_LOADED, half)), bytes_free)
