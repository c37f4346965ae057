"""Order per subject: first in first out, one in flight, and how long a failing first event blocks the others."""

from __future__ import annotations

import asyncio
from collections import Counter
from math import inf
from typing import Any

from hellotext_async._wire.call import Reply, Request
from tests.harness.clock import virtual_time
from tests.harness.seen import Seen
from tests.harness.transport import Answer, Script, answers, received, unsent
from tests.rig import queue


def refs(script: Script) -> list[str]:
    return [seen.json["metadata"]["ref"] for seen in script.history]


class Watched:
    """A transport that takes time and records how many events of each subject are in flight at once."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.total = 0

    async def exchange(self, request: Request, /, *, total: float, not_after: float = inf) -> Reply:
        subject = request.body.split(b'"session":"')[1].split(b'"')[0].decode() if request.body else ""
        self.now[subject] += 1
        self.most[subject] = max(self.most[subject], self.now[subject])
        self.total = max(self.total, sum(self.now.values()))
        await asyncio.sleep(0.05)
        self.now[subject] -= 1
        return Reply(200, body=b'{"status":"received"}')

    def abort(self) -> None: ...

    async def aclose(self) -> None: ...


@virtual_time
async def test_one_of_a_subject_is_in_flight_and_subjects_go_side_by_side() -> None:
    """200 events of 20 subjects: never two of one subject at once, many subjects at once."""
    transport = Watched()
    async with queue(transport) as opened:
        for n in range(200):
            opened.track("page.viewed", session=f"s{n % 20}")
        await opened.flush()
    assert set(transport.most.values()) == {1}
    assert transport.total > 5


@virtual_time
async def test_without_ordering_one_subject_goes_side_by_side() -> None:
    """ordering=None sends events of one subject with all workers."""
    transport = Watched()
    async with queue(transport, ordering=None) as opened:
        for _ in range(200):
            opened.track("page.viewed", session="s")
        await opened.flush()
    assert transport.most["s"] > 20


@virtual_time
async def test_events_of_a_subject_arrive_in_the_order_of_their_acceptance() -> None:
    """Through throttles, refusals and failures of every third request, but of no event repeatedly: after half a minute
    later events would pass it.
    """
    failing = [answers(429, headers=(("Retry-After", "1"),)), unsent(), answers(500)]
    failed: Counter[str] = Counter()

    def hook(seen: Seen) -> Answer | None:
        ref = seen.json["metadata"]["ref"]
        if seen.number % 3 or failed[ref] == 2:
            return received(takes=0.02)
        failed[ref] += 1
        return failing[seen.number // 3 % 3]

    script = Script(hook=hook)
    async with queue(script, delivery_timeout=3600) as opened:
        for n in range(120):
            opened.track("page.viewed", session=f"s{n % 4}", metadata={"ref": str(n)})
        await opened.flush()
    applied = [int(seen.json["metadata"]["ref"]) for seen in script.history.applied]
    for subject in range(4):
        mine = [n for n in applied if n % 4 == subject]
        assert mine == sorted(mine)
    assert len(applied) == 120


def poison(ref: str) -> Any:
    """The server fails on this event only."""

    def hook(seen: Seen) -> Answer | None:
        return answers(500) if seen.json["metadata"]["ref"] == ref else received(takes=0.01)

    return hook


async def pass_times(**settings: Any) -> tuple[float | None, Script]:
    """When the second event of a subject passes a first one that always fails, if it does within an hour."""
    script = Script(hook=poison("0"))
    async with queue(script, delivery_timeout=3600, **settings) as opened:
        opened.track("page.viewed", session="s", metadata={"ref": "0"})
        opened.track("page.viewed", session="s", metadata={"ref": "1"})
        for n in range(400):
            opened.track("page.viewed", session=f"other{n}", metadata={"ref": f"x{n}"})
            await asyncio.sleep(0.5)
        passed = next((seen.at for seen in script.history if seen.json["metadata"]["ref"] == "1"), None)
        await opened.aclose(timeout=0)
    return passed, script


@virtual_time
async def test_a_failing_head_holds_its_subject_for_thirty_seconds_of_its_own() -> None:
    """Then the next event of the subject passes."""
    passed, _ = await pass_times()
    assert passed is not None
    assert 29 <= passed <= 32


@virtual_time
async def test_with_strict_order_it_holds_for_ever() -> None:
    """No event of the subject passes its first one until that has ended."""
    passed, script = await pass_times(strict_order=True)
    assert passed is None
    assert any(seen.json["metadata"]["ref"].startswith("x") for seen in script.history)


@virtual_time
async def test_a_failing_event_does_not_stand_in_the_way_of_other_subjects() -> None:
    """Ten events on which the server always fails, and a thousand that it accepts."""

    def hook(seen: Seen) -> Answer | None:
        return answers(500) if seen.json["metadata"]["ref"].startswith("bad") else received(takes=0.01)

    async with queue(Script(hook=hook), delivery_timeout=600) as opened:
        bad = [opened.track("page.viewed", session=f"b{n}", metadata={"ref": f"bad{n}"}) for n in range(10)]
        good = [opened.track("page.viewed", session=f"g{n}", metadata={"ref": f"good{n}"}) for n in range(1000)]
        assert {(await receipt).verdict for receipt in good} == {"delivered"}
        assert asyncio.get_running_loop().time() < 120
        assert {(await receipt).verdict for receipt in bad} == {"unknown"}


@virtual_time
async def test_an_order_key_of_the_callers_is_the_subject() -> None:
    """Events of different sessions with one order_key keep their order, and the key is not sent."""
    script = Script(hook=lambda seen: received(takes=0.01))
    async with queue(script) as opened:
        for n in range(30):
            opened.track("page.viewed", session=f"s{n}", order_key="k", metadata={"ref": str(n)})
        await opened.flush()
    assert refs(script) == [str(n) for n in range(30)]
    assert script.most_in_flight == 1
    assert b"order_key" not in script.history[0].body
