"""A short run of the fleet's soak, and its judge, which finds each kind of broken promise."""

from __future__ import annotations

from typing import Any

import pytest

from hellotext_async import Outcome
from tests.redis.servers import Server
from tests.soak.fleet import Fleet, arguments


def fleet(server: Any, *given: str) -> Fleet:
    return Fleet(arguments([*given]), server)


async def test_workers_that_are_killed_stopped_and_replaced_lose_and_double_nothing() -> None:
    """In the order of each subject."""
    disturbances = ("--kills", "1", "--stops", "1", "--rescales", "1", "--pause", "0.5")
    with Server("valkey", appendonly="everysec") as server:
        assert await fleet(server, "--events", "1000", "--subjects", "100", *disturbances).run() == []


def ended(number: int, verdict: Any = "delivered") -> Outcome:
    return Outcome(verdict=verdict, event_id=str(number), action="page.viewed", attempts=1)


@pytest.mark.parametrize(
    ("outcomes", "applied", "broken"),
    [
        ({1: ended(1), 3: ended(3, "unknown")}, [1, 3], ""),
        ({1: None}, [1], "1 has no outcome"),
        ({1: ended(1)}, [], "1 is delivered, and was never applied"),
        ({1: ended(1)}, [1, 1], "1 must not be doubled, and was applied 2 times"),
        ({2: ended(2)}, [2, 2], ""),
        ({1: ended(1), 2: ended(2)}, [2, 1], "1 was applied after 2, which came later"),
    ],
)
def test_the_judge(outcomes: dict[int, Outcome | None], applied: list[int], broken: str) -> None:
    """Of two events of one subject."""
    one = fleet(None)
    one.accepted = dict.fromkeys(outcomes, 0.0)
    one.applied = [(number, "s", 1.0) for number in applied]
    found = one.judge(outcomes)
    assert (broken in found[0] and len(found) == 1) if broken else not found, found
