"""Which offset of a source may be acknowledged, when its events end out of order.

>>> offsets = Offsets[int]()
>>> for offset in (7, 8, 9):
...     offsets.begin(offset)
>>> offsets.done(8), offsets.done(7)
(None, 8)

Rules. Pure, and for one source: a Kafka partition, a file, a Redis stream. An offset is acknowledged only
when it and everything that began before it is done, so what a crash leaves is read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Offsets"]

T = TypeVar("T", bound=Hashable)


class Offsets(Generic[T]):
    """The offsets under way, in the order in which they began, and the last that may be acknowledged."""

    def __init__(self) -> None:
        self._order: deque[T] = deque()
        self._open: dict[T, bool] = {}
        self._last: T | None = None

    def begin(self, offset: T) -> None:
        """An offset was read. Raises ValueError if it is under way already."""
        if offset in self._open:
            raise ValueError("offset: it is under way already")
        self._order.append(offset)
        self._open[offset] = False

    def done(self, offset: T) -> T | None:
        """An offset has ended. The offset to acknowledge now, or None if there is no further one.

        Raises ValueError if it is not under way.
        """
        if self._open.get(offset, True):
            raise ValueError("offset: it is not under way")
        self._open[offset] = True
        further = False
        while self._order and self._open[self._order[0]]:
            self._last, further = self._order.popleft(), True
            del self._open[self._last]
        return self._last if further else None

    @property
    def last(self) -> T | None:
        """The last offset that may be acknowledged; None before there is one."""
        return self._last

    @property
    def ahead(self) -> list[T]:
        """Offsets that are done but wait for an earlier one."""
        return [offset for offset in self._order if self._open[offset]]

    def __len__(self) -> int:
        """How many are under way or wait for an earlier one."""
        return len(self._order)
