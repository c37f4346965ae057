"""SIGINT and SIGTERM as an `asyncio.Event`, so that a command can drain before it ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stopping"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping() -> Generator[asyncio.Event]:
    """An event that is set by the first signal; the second SIGINT interrupts as usual."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard(number: int, frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(stop.set)

    before = [(number, signal.signal(number, heard)) for number in _SIGNALS]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)
