"""SIGINT and SIGTERM as events, so that a command can drain before it ends."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stop", "stopping"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop(asyncio.Event):
    """Set by the first signal; `now` by the second one, which ends the draining."""

    def __init__(self) -> None:
        super().__init__()
        self.now = asyncio.Event()


@contextmanager
def stopping(first: str = "", second: str = "") -> Generator[Stop]:
    """The events. `first` and `second` are printed on stderr at the signals; a third SIGINT interrupts as usual."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    received = 0

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        if received > 2 and number == signal.SIGINT:
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(_set, stop, received, first if received == 1 else second if received == 2 else "")

    before = [(number, signal.signal(number, on_signal)) for number in _SIGNALS]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _set(stop: Stop, received: int, message: str) -> None:
    if message:
        print(f"\nhellotext-async: {message}", file=sys.stderr, flush=True)
    stop.set()
    if received > 1:
        stop.now.set()
