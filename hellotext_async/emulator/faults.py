"""Faults that the emulator can be told to have, and which request meets which."""

from __future__ import annotations

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
        if self.times is not None and self.times < 1:
            raise ValueError("times: expected 1 or more, or None for ever")


class Faults:
    """The faults that are to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[Fault, int | None]] = {}
        self._number = 0

    def add(self, *faults: Fault) -> None:
        """Have these faults."""
        for fault in faults:
            self._number += 1
            self._left[self._number] = fault, fault.times

    def clear(self) -> None:
        """Have none any more."""
        self._left.clear()

    def __bool__(self) -> bool:
        return bool(self._left)

    def __iter__(self) -> Iterator[Fault]:
        return (fault for fault, _ in self._left.values())

    def meet(self, method: str, path: str) -> Fault | None:
        """The first fault for this request; it is used up by one."""
        asked = f"{method} {path}"
        for number, (fault, left) in self._left.items():
            if fnmatchcase(asked, fault.match):
                if left == 1:
                    del self._left[number]
                elif left is not None:
                    self._left[number] = fault, left - 1
                return fault
        return None
