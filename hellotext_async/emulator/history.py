"""What the emulator was asked: the newest requests, and counts that are exact for ever."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

__all__ = ["History", "Seen"]


@dataclass(slots=True)
class Seen:
    """One request. `at` is the loop's time; the token is not kept."""

    method: str
    path: str
    query: dict[str, Any]
    headers: dict[str, str]
    body: Any
    at: float
    connection: int
    status: int = 0

    def __repr__(self) -> str:
        return f"<{self.method} {self.path}: {self.status}>"


class History(deque[Seen]):
    """The newest requests; `counts` is by status."""

    def __init__(self, most: int) -> None:
        super().__init__(maxlen=most)
        self.counts: Counter[int] = Counter()
