"""The transport double answers as its script says."""

from __future__ import annotations

import asyncio

import pytest

from hellotext_async._wire.call import Reply, Request
from hellotext_async.transport import Unanswered
from tests.harness import transport
from tests.harness.cancel import fuzz
from tests.harness.clock import virtual_time
from tests.harness.raw import BODY

EVENT = Request("POST", "/v1/attribution/events", BODY)


@virtual_time
async def test_the_scripted_transport_answers_in_turn_and_by_hook() -> None:
    """The upcoming answers go first, then the hook, then the default; what was sent and applied is recorded."""
    script = transport.Script(
        transport.unsent(),
        transport.answers(503, headers=(("Retry-After", "1"),)),
        hook=lambda seen: transport.answers(422) if seen.number == 3 else None,
    )
    with pytest.raises(Unanswered) as raised:
        await script.exchange(EVENT, total=20)
    assert (raised.value.sent, raised.value.reason) == (False, "connect")
    statuses = [(await script.exchange(EVENT, total=20)).status for _ in range(3)]
    assert statuses == [503, 422, 200]
    assert (script.asked, [seen.number for seen in script.history]) == (4, [2, 3, 4])
    assert [seen.number for seen in script.history.applied] == [4]


@virtual_time
async def test_the_scripted_transport_keeps_to_the_time_it_is_given() -> None:
    """An answer that takes too long, or never comes, is unanswered at the limit, sent and applied."""
    late = transport.silent(), transport.received(takes=30), transport.breaks("disconnected", takes=30)
    script = transport.Script(*late, transport.received(takes=3))
    for _ in late:
        with pytest.raises(Unanswered, match="timeout"):
            await script.exchange(EVENT, total=20)
    assert isinstance(await script.exchange(EVENT, total=20), Reply)
    assert asyncio.get_running_loop().time() == 63
    assert len(script.history.applied) == 4


@virtual_time
async def test_a_cancelled_exchange_is_applied_and_leaves_nothing_in_flight() -> None:
    """A cancelled exchange counts as applied, and the number in flight decreases."""
    script = transport.Script(default=transport.received(takes=5))
    runs = [run async for run in fuzz(lambda: script.exchange(EVENT, total=20), by="task")]
    assert [run.end for run in runs] == ["cancelled", "returned"]
    assert (script.in_flight, script.most_in_flight, len(script.history.applied)) == (0, 1, 2)
    await script.aclose()
    assert script.closed
