"""The addresses of a host, looked up once for all connections that are opened meanwhile.

Rules. A lookup goes on when those who waited for it have given up, and serves the next: where a resolver's first server
is dead, each lookup takes longer than a connection may. What was found is kept for a minute, or until `forget`: there
was no connection, or no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any, Final, Generic, TypeVar

__all__ = ["Addresses"]

T = TypeVar("T")

_KEPT: Final = 60.0
_LONGEST: Final = 30.0
"""Seconds after which a lookup without an end is left to itself, and another begun."""


class Addresses(Generic[T]):
    """What `look_up` finds."""

    def __init__(self, look_up: Callable[[], Coroutine[Any, Any, list[T]]]) -> None:
        self._look_up = look_up
        self._loop = asyncio.get_running_loop()
        self._found: list[T] = []
        self._found_at = self._begun_at = -inf
        self._lookup: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def get(self) -> list[T]:
        """The addresses, or the error of the lookup; ConnectionAbortedError if it is closed meanwhile."""
        now = self._loop.time()
        if now - self._found_at < _KEPT:
            return self._found
        lookup = self._lookup
        if lookup is None or lookup.done() or now - self._begun_at >= _LONGEST:
            self._begun_at = now
            lookup = self._lookup = self._loop.create_task(self._find())
            self._running.add(lookup)
            lookup.add_done_callback(self._ended)
        await asyncio.wait((lookup,))
        if lookup.cancelled():
            raise ConnectionAbortedError
        lookup.result()
        return self._found

    async def _find(self) -> None:
        self._found = await self._look_up()
        self._found_at = self._loop.time()

    def _ended(self, lookup: asyncio.Task[None]) -> None:
        self._running.discard(lookup)
        if not lookup.cancelled():
            lookup.exception()  # those who waited may have given up

    def forget(self) -> None:
        """Look up again at the next `get`."""
        self._found_at = -inf

    def close(self) -> list[asyncio.Task[None]]:
        """Cancel every lookup; those that have not ended yet."""
        for lookup in self._running:
            lookup.cancel()
        return list(self._running)
