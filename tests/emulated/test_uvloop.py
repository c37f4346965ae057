"""On uvloop, whatever loop the other tests run on: its timers differ from asyncio's."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import pytest

from hellotext_async import Hellotext, Limits
from hellotext_async.emulator import Emulator, RateLimit

if sys.platform == "win32":
    pytest.skip("there is no uvloop on Windows", allow_module_level=True)

import uvloop


async def delivered(limit: RateLimit | None, limits: Limits) -> Counter[str]:
    """The verdicts of 200 events."""
    async with Emulator(rate_limit=limit) as emulator:
        client = Hellotext(emulator.token, base_url=emulator.url, limits=limits)
        async with client, client.event_queue() as queue:
            receipts = [queue.track("page.viewed", session=f"s{number % 40}") for number in range(200)]
            return Counter([(await receipt).verdict for receipt in receipts])


@pytest.mark.parametrize(
    ("limit", "limits"),
    [(None, Limits(rate=400)), (RateLimit(400, burst=40), Limits(rate=800))],
    ids=["a ceiling of ours", "and a limit of the API"],
)
def test_a_paced_queue_delivers_everything(limit: RateLimit | None, limits: Limits) -> None:
    """There, a timer that is already due has no `when()`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(delivered(limit, limits)) == {"delivered": 200}
