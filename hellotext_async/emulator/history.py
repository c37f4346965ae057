"""What the emulator was asked: the newest requests, and counts that are exact for ever."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["History", "Seen", "redacted"]


@dataclass(slots=True)
class Seen:
    """One request. `at` is the loop's time; `connection` is the connection's number.

    The token is not in `headers`. `status` is 0 until it is answered, and stays so if it never is;
    `body` is None when it was not read.
    """

    method: str
    path: str
    query: dict[str, Any]
    headers: dict[str, str] = field(repr=False)
    body: Any = field(repr=False)
    at: float
    connection: int
    status: int = 0


class History(deque[Seen]):
    """The newest requests, at most `most`; `counts` is of all answers by status."""

    def __init__(self, most: int) -> None:
        super().__init__(maxlen=most)
        self.counts: Counter[int] = Counter()


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without the token."""
    return {name: "Bearer …" if name.lower() == "authorization" else value for name, value in headers.items()}
