"""The steps of a worker: how much is one command, and what those that wait learn when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import pytest

from hellotext_async.errors import SpoolError
from hellotext_async.fleet.commands import Ending, Step, Stepped
from hellotext_async.fleet.losses import Losses
from hellotext_async.fleet.record import Mark
from hellotext_async.fleet.stepper import MOST, Stepper
from hellotext_async.fleet.tenure import Tenure

ENTRY = "1-1"


class Server:
    """It answers every step as the owner's, or as it is set to."""

    def __init__(self, answer: Callable[[], Any] | None = None) -> None:
        self._answer = answer
        self.asked: list[Sequence[Step]] = []

    async def step(self, steps: Sequence[Step], ttl: float) -> list[Stepped]:
        self.asked.append(steps)
        if self._answer is not None:
            await self._answer()
        return [Stepped(True, 0, step.number - 1) for step in steps]


def stepper_of(server: Any, *tenures: Tenure) -> Stepper:
    return Stepper(server, Losses("test"), lambda: tenures, lambda _: None, lambda _: None, 30)


async def test_much_is_more_than_one_command() -> None:
    """Each has at most so many marks, and those that wait learn when all are durable."""
    server, tenures = Server(), [Tenure(shard, "me", 1, inf) for shard in range(3)]
    for tenure in tenures:
        for number in range(MOST // 2):
            tenure.mark_first(f"{number}-0")
    stepper = stepper_of(server, *tenures)
    running = asyncio.ensure_future(stepper.run())
    await stepper.committed()
    assert [[len(step.marks) for step in steps] for steps in server.asked] == [[MOST // 2] * 2, [MOST // 2]]
    running.cancel()
    await asyncio.wait([running])


async def test_a_store_that_fails_fails_those_that_wait() -> None:
    """Each gets the error, except the cancelled ones; the task ends with it."""

    async def refuse() -> None:
        raise SpoolError("the server refused a command")

    tenure = Tenure(0, "me", 1, inf)
    tenure.mark_first(ENTRY)
    stepper = stepper_of(Server(refuse), tenure)
    waits, gave_up = stepper.committed(), stepper.committed()
    gave_up.cancel()
    with pytest.raises(SpoolError):
        await stepper.run()
    assert isinstance(waits.exception(), SpoolError)
    assert gave_up.cancelled()


async def test_a_shard_whose_end_is_being_written_is_not_released() -> None:
    """The release could overtake it on another connection: the end would be refused, and the event be sent again.

    Cut off there, the worker leaves nothing waiting.
    """
    tenure = Tenure(0, "me", 1, inf)
    assert tenure.idle
    tenure.mark(ENTRY, Mark(1, 1, in_flight=True))
    assert not tenure.idle
    tenure.end(Ending(ENTRY, 10, b"", "D"))
    assert not tenure.idle
    server = Server(asyncio.Event().wait)
    stepper = stepper_of(server, tenure)
    running = asyncio.ensure_future(stepper.run())
    waits = stepper.committed()
    while not server.asked:
        await asyncio.sleep(0)
    assert not tenure.pending
    assert not tenure.idle
    running.cancel()
    await asyncio.wait([running])
    assert waits.cancelled()
