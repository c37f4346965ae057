"""What a producer asks of the server about its accepted events, by itself, in virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from hellotext_async.fleet.layout import Layout
from hellotext_async.fleet.recall import Recall
from hellotext_async.queue.entry import Entry, More
from hellotext_async.queue.receipt import Receipt
from tests.harness.clock import virtual_time


class Server:
    """It remembers every event as delivered; the first few questions fail, for a reason that is not expected."""

    layout = Layout("test", 1)

    def __init__(self, failures: int) -> None:
        self._failures = failures

    async def lease(self, shards: Sequence[int], how: str) -> tuple[float, object]:
        return 0.0, {}

    async def recall(self, wanted: Sequence[tuple[int, bytes]], now: float) -> list[str | None]:
        if self._failures:
            self._failures -= 1
            raise LookupError("secret")
        return ["D1"] * len(wanted)


@virtual_time
async def test_an_unexpected_error_is_logged_once_and_the_outcome_comes_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The line names its type alone."""
    server: Any = Server(failures=3)
    recall = Recall(server)
    entry = Entry("page.viewed", b"", "s", "idempotent", 0.0, "aside", More("x"))
    recall.follow(entry)
    with caplog.at_level(logging.ERROR, "hellotext_async"):
        assert (await Receipt(entry, asyncio.get_running_loop())).delivered
    assert caplog.messages == ["outcomes of a stream's events cannot be looked up (LookupError)"]
    await recall.aclose()
