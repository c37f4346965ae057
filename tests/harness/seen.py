"""The history of a server: what it received and applied, request by request."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

__all__ = ["History", "Seen"]


@dataclass(eq=False, slots=True)
class Seen:
    """One request, as far as it was read.

    `number` counts requests from 1 over all connections, `connection` counts connections from 1,
    `at` is the loop's time when its first byte came, `applied_at` when the server did what it asks.
    """

    number: int
    connection: int
    at: float
    method: str = ""
    target: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    complete: bool = False
    applied_at: float | None = None

    @property
    def applied(self) -> bool:
        """Whether the server did what the request asks, answered or not."""
        return self.applied_at is not None

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first value of a header, in any case of letters."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def __repr__(self) -> str:
        """Without headers, query and body: they hold a token and a customer's data."""
        path = self.target.partition("?")[0]
        state = "applied" if self.applied else "not applied"
        return f"<{self.number}: {self.method} {path} on connection {self.connection}, {state}>"


class History(list[Seen]):
    """Every request whose head was read; `applied` holds those that were applied, in that order."""

    def __init__(self) -> None:
        super().__init__()
        self.applied: list[Seen] = []
        self._grown = asyncio.Event()

    def note(self, seen: Seen) -> None:
        """Add a request."""
        self.append(seen)
        self._notify()

    def apply(self, seen: Seen, at: float) -> None:
        """Record that `seen` was applied at the loop's time `at`; a request is applied once."""
        if seen.applied_at is None:
            seen.applied_at = at
            self.applied.append(seen)
            self._notify()

    async def until(self, *, seen: int = 0, applied: int = 0) -> None:
        """Wait until so many requests were seen and so many applied."""
        while len(self) < seen or len(self.applied) < applied:
            await self._grown.wait()

    def _notify(self) -> None:
        self._grown.set()
        self._grown.clear()
