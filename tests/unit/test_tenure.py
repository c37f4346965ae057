"""The tenure of a shard: when it can be given back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import Any, cast

from hellotext_async.fleet.commands import Ending, Step
from hellotext_async.fleet.record import Mark
from hellotext_async.fleet.stepper import Stepper
from hellotext_async.fleet.tenure import Tenure

ENTRY = "1-1"


class Server:
    """It answers a step when it is let."""

    def __init__(self) -> None:
        self.asked: list[Sequence[Step]] = []
        self.answers = asyncio.Event()

    async def step(self, steps: Sequence[Step], ttl: float) -> Any:
        self.asked.append(steps)
        await self.answers.wait()
        raise AssertionError("it is not asked again")


async def test_a_shard_whose_end_is_under_way_is_not_given_back() -> None:
    """The release could overtake it on another connection: the end would be refused, and the event be sent again."""
    tenure, server = Tenure(0, "me", 1, inf), Server()
    assert tenure.idle
    tenure.mark(ENTRY, Mark(1, 1, 0, (), in_flight=True))
    assert not tenure.idle
    tenure.end(Ending(ENTRY, 10, b"", "D"))
    assert not tenure.idle
    losses: Any = type("Losses", (), {"before": lambda _: {}})()
    stepper = Stepper(cast("Any", server), losses, lambda: [tenure], lambda _: None, lambda _: None, 30)
    running = asyncio.ensure_future(stepper.run())
    stepper.wake()
    while not server.asked:
        await asyncio.sleep(0)
    assert not tenure.pending
    assert not tenure.idle
    running.cancel()
    await asyncio.wait([running])


def test_a_lease_that_is_renewed_keeps_no_shard_from_being_given_back() -> None:
    """Nothing of a renewal can be refused that matters."""
    tenure = Tenure(0, "me", 1, inf)
    tenure.step()
    assert tenure.idle
