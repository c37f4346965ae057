"""A monotonic clock that goes on while the machine is suspended: deadlines that outlive an attempt are judged on it.

`time.monotonic`, and with it an event loop's time, stands still during a suspension on Linux.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

__all__ = ["boottime", "time_of"]

_ID: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; elsewhere `monotonic` is the best there is

boottime: Final[Callable[[], float]] = time.monotonic if _ID is None else partial(time.clock_gettime, _ID)
"""Seconds since some moment in the past, suspensions of the machine included."""


class _Clock(Protocol):
    def time(self) -> float: ...


def time_of(loop: _Clock) -> Callable[[], float]:
    """`loop.time`; where that is asyncio's own, a method in Python around a function in C, the latter."""
    asyncios_own = getattr(loop.time, "__func__", None) is asyncio.BaseEventLoop.time
    return time.monotonic if asyncios_own else loop.time
