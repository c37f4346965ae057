"""Faults that the emulator can be told to have, and which request meets which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

__all__ = ["Fault", "Faults", "Kind"]

Kind = Literal["status", "delay", "drop_before", "drop_after", "garbage", "truncate", "drip"]


@dataclass
class Fault:
    """One fault, for the next `times` requests that `match` (None: for all).

    `status`: answers `status` (with `retry_after`, if given) and applies nothing. `delay`: waits
    `delay` seconds and goes on. `drop_before`: closes the connection, nothing applied.
    `drop_after`: applies, then closes unanswered. `garbage`: applies, then answers what is not
    HTTP. `truncate`: applies, then breaks off in the middle of the answer's body. `drip`: applies,
    then sends the answer byte by byte, `delay` seconds apart (0.05). In `match`, ``*`` stands for
    anything: ``POST /v1/attribution/events``, ``* /v1/profiles/*``.
    """

    kind: Kind
    match: str = "POST /v1/attribution/events"
    times: int | None = 1
    status: int | None = None
    retry_after: float | str | None = None
    delay: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in Kind.__args__:  # type: ignore[attr-defined]
            raise ValueError(f"kind: expected one of {', '.join(Kind.__args__)}")  # type: ignore[attr-defined]


class Faults:
    """The faults that are to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Have these faults."""
        self._faults += faults

    def clear(self) -> None:
        """Have none any more."""
        self._faults.clear()

    def __bool__(self) -> bool:
        return bool(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def meet(self, method: str, path: str) -> Fault | None:
        """The first fault for this request; it is used up by one."""
        asked = f"{method} {path}"
        for fault in self._faults:
            if fnmatchcase(asked, fault.match):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None
