"""A server that closes kept connections at random: no event is duplicated, and each has its outcome."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest

from hellotext_async.client import Hellotext
from hellotext_async.config import Timeouts
from tests.harness.scripts import APPLY, close_after_reply, fin, fin_before_reading, received
from tests.harness.seen import Seen
from tests.harness.server import ScriptedServer

EVENTS = int(os.environ.get("KEEPALIVE_EVENTS", "2500"))


@pytest.mark.parametrize("transport", [None, "pool"])
async def test_events_over_connections_that_close_at_random(transport: Any) -> None:
    """The server closes right after an answer, when the next request arrives, or in place of its answer, which is where
    a second request would duplicate the event: 0 duplicates, every event with an outcome.
    """
    chance = random.Random(9)

    def hook(_: Seen) -> Any:
        ends = (received(), close_after_reply(), fin_before_reading(), (*APPLY, fin))
        return chance.choices(ends, (0.88, 0.07, 0.03, 0.02))[0]

    async with (
        ScriptedServer(hook=hook) as server,
        Hellotext("t", base_url=server.url, timeouts=Timeouts(total=5)) as client,
        client.event_queue(transport=transport) as queue,
    ):
        events = ({"action": "page.viewed", "session": f"s{n % 500}", "metadata": {"ref": n}} for n in range(EVENTS))
        verdicts = Counter([outcome.verdict async for outcome in queue.deliver(events)])
        assert verdicts.total() == EVENTS
        assert set(verdicts) <= {"delivered", "unknown"}
        applied = Counter(seen.json["metadata"]["ref"] for seen in server.history.applied)
        assert max(applied.values()) == 1
        assert verdicts["delivered"] <= len(applied) <= EVENTS
        assert verdicts["delivered"] > EVENTS / 2
        assert len(applied) > verdicts["delivered"]
