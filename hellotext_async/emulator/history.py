"""The newest requests, and exact counts of all answers.

Rules. The server appends in its thread, tests read in any: a lock guards the list, and iterating
goes over a copy.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

__all__ = ["History", "Seen", "redacted"]


@dataclass(slots=True, eq=False)
class Seen:
    """One request. `at` is `time.monotonic` seconds; `connection` is the connection's number.

    The token is not in `headers`. `status` is 0 and `answer` empty until it is answered, and stay so
    if it never is; `body` is None when it was not read. `answer` is JSON; one of more than 64 KiB is
    not kept.
    """

    method: str
    path: str
    query: dict[str, Any]
    headers: dict[str, str] = field(repr=False)
    body: Any = field(repr=False)
    at: float
    connection: int
    status: int = 0
    answer: bytes = field(default=b"", repr=False)
    number: int = 0


class History(Sequence[Seen]):
    """The newest requests, at most `most`; `counts` are of all answers by status."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._newest: deque[Seen] = deque(maxlen=most)
        self.counts: Counter[int] = Counter()
        self.total = 0

    @property
    def maxlen(self) -> int:
        """How many are kept at most."""
        return self._newest.maxlen or 0

    def append(self, seen: Seen) -> None:
        """Add the newest request and number it."""
        with self._lock:
            self.total += 1
            seen.number = self.total
            self._newest.append(seen)

    def clear(self) -> None:
        """Forget the requests; the counts stay."""
        with self._lock:
            self._newest.clear()

    def after(self, number: int, most: int) -> list[Seen]:
        """The newest requests with a higher number, at most `most`, the oldest first."""
        with self._lock:
            wanted = min(self.total - number, len(self._newest), most)
            return [self._newest[-place] for place in range(wanted, 0, -1)]

    def find(self, number: int) -> Seen | None:
        """The request with this number, if it is still kept."""
        with self._lock:
            place = len(self._newest) - 1 - (self.total - number)
            return self._newest[place] if 0 <= place < len(self._newest) else None

    def __len__(self) -> int:
        return len(self._newest)

    def __iter__(self) -> Iterator[Seen]:
        with self._lock:
            return iter(list(self._newest))

    @overload
    def __getitem__(self, place: int) -> Seen: ...
    @overload
    def __getitem__(self, place: slice) -> list[Seen]: ...
    def __getitem__(self, place: int | slice) -> Seen | list[Seen]:
        with self._lock:
            return list(self._newest)[place] if isinstance(place, slice) else self._newest[place]

    def __repr__(self) -> str:
        return f"History({list(self)!r})"


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without the token."""
    return {name: "Bearer …" if name.lower() == "authorization" else value for name, value in headers.items()}
