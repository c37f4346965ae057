"""Faults to emulate, and which request triggers which.

Rules. Faults are added and cleared from any thread: a lock guards them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

__all__ = ["Fault", "Faults", "Kind"]

Kind = Literal["status", "delay", "drop_before", "drop_after", "garbage", "truncate", "drip"]


@dataclass(frozen=True)
class Fault:
    """One fault, for the next `times` requests that `match` (None: for all).

    `status`: answers `status` (with `retry_after`, if given) and applies nothing. `delay`: waits
    `delay` seconds and goes on. `drop_before`: closes the connection, the body unread, nothing
    applied. `drop_after`: applies, then closes unanswered. `garbage`: applies, then answers what is
    not HTTP. `truncate`: applies, then breaks off in the middle of the answer's body. `drip`:
    applies, then sends the answer byte by byte, `delay` seconds apart (0.05). In `match`, ``*``
    stands for anything: ``POST /v1/attribution/events``, ``* /v1/profiles/*``.

    Raises ValueError for an unknown kind, a `times` below 1, a `status` that is no HTTP status and
    a negative `delay`.
    """

    kind: Kind
    match: str = "POST /v1/attribution/events"
    times: int | None = 1
    status: int | None = None
    retry_after: float | str | None = None
    delay: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind: expected one of {', '.join(get_args(Kind))}")
        for name, kinds in (("times", int), ("status", int), ("delay", int | float)):
            if not isinstance(getattr(self, name), kinds | None):
                raise ValueError(f"{name}: expected None or a number")
        if self.times is not None and self.times < 1:
            raise ValueError("times: expected 1 or more, or None for all requests")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("status: expected an HTTP status from 200 to 599")
        if self.delay is not None and not 0 <= self.delay < float("inf"):
            raise ValueError("delay: expected seconds, 0 or more")


class Faults:
    """The faults that are due, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._remaining: dict[int, tuple[Fault, int | None]] = {}
        self._added = 0

    def add(self, *faults: Fault) -> None:
        """Queue these faults."""
        with self._lock:
            for fault in faults:
                self._added += 1
                self._remaining[self._added] = fault, fault.times

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._remaining.clear()

    def __bool__(self) -> bool:
        return bool(self._remaining)

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for fault, _ in self.remaining()])

    def remaining(self) -> list[tuple[Fault, int | None]]:
        """Each fault with the number of requests that it is still due for (None: all)."""
        with self._lock:
            return list(self._remaining.values())

    def match(self, method: str, path: str) -> Fault | None:
        """The first fault that matches this request, which counts as one of its times."""
        request = f"{method} {path}"
        with self._lock:
            for number, (fault, left) in self._remaining.items():
                if fnmatchcase(request, fault.match):
                    if left == 1:
                        del self._remaining[number]
                    elif left is not None:
                        self._remaining[number] = fault, left - 1
                    return fault
        return None
