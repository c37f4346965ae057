"""The clock of a loop, read without a wrapper."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from hellotext_async._clock import time_of


class Virtual(asyncio.SelectorEventLoop):
    """A loop with a time of its own."""

    def time(self) -> float:
        return 7.0


def replaced(_: asyncio.AbstractEventLoop) -> float:
    return 8.0


def test_asyncio_s_own_clock_is_asked_directly() -> None:
    """It is the same clock."""
    loop = asyncio.SelectorEventLoop()
    assert time_of(loop) is time.monotonic
    loop.close()


@pytest.mark.parametrize("how", ["subclass", "class", "instance"])
def test_a_loop_with_another_time_is_asked_itself(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A subclass has one, and so has a class or a loop whose `time` a program has replaced, as libraries for tests do."""
    loop = Virtual() if how == "subclass" else asyncio.SelectorEventLoop()
    if how == "class":
        monkeypatch.setattr(asyncio.SelectorEventLoop, "time", replaced)
    elif how == "instance":
        monkeypatch.setattr(loop, "time", lambda: 8.0)
    asked: Callable[[], float] = time_of(loop)
    assert asked() == (7.0 if how == "subclass" else 8.0)
    loop.close()
