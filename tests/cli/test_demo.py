"""The demo, and the generated day that it delivers."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
from collections import defaultdict
from itertools import islice
from typing import Any

import pytest

from hellotext_async import Event, Outcome
from hellotext_async.cli.demo import Count, Counted, judge
from hellotext_async.cli.shop import day
from tests.cli.command import LIMIT, ended, run, started

PROFILES = [f"profile{n}" for n in range(20)]


def some(number: int, seed: int = 1) -> list[dict[str, Any]]:
    return list(islice(day(PROFILES, ["coupon1"], ends=1_700_000_000.0, seed=seed), number))


async def test_the_demo_delivers_every_event_and_both_counts_agree() -> None:
    """Exit 0, and the counts of both sides are the requested number."""
    done = await run("demo", "--events", 400)
    assert done.code == 0, done
    assert "both counts agree" in done.out
    for row in ("delivered", "all events", "requests answered 200"):
        assert any(line.split()[: len(row.split())] == row.split() and line.endswith("400")
                   for line in done.out.splitlines()), (row, done.out)  # fmt: skip


async def test_the_demo_delivers_every_event_through_a_limit() -> None:
    """The emulator throttles; all events arrive, and the learned rate is shown."""
    done = await run("demo", "--events", 150, "--rate-limit", 60)
    assert done.code == 0, done
    assert "requests answered 429" in done.out
    assert "none needed" not in done.out


async def test_a_demo_that_is_interrupted_still_reports() -> None:
    """Ctrl-C in a terminal reaches the whole process group: the emulator still prints its counts."""
    async with started("demo", "--events", "100000", "--rate-limit", "2000", group=True) as process:
        assert process.stderr is not None
        await asyncio.wait_for(process.stderr.readuntil(b"delivering: "), LIMIT)
        os.killpg(process.pid, signal.SIGINT)
        done = await ended(process)
    assert done.code == 1, done
    assert "delivering what is under way" in done.err
    assert "what the emulator counted" in done.out
    assert "both counts agree" in done.out


@pytest.mark.parametrize(
    ("theirs", "verdicts"),
    [
        ({"order.placed": 2}, {"delivered": 3}),
        ({"order.placed": 3, "cart.added": 1}, {"delivered": 3}),
        ({"order.placed": 3}, {"delivered": 3, "unknown": 1}),
    ],
)
def test_the_demo_fails_when_the_counts_differ(theirs: dict[str, int], verdicts: dict[str, int]) -> None:
    """One event more or fewer on either side, or one that was not delivered, is exit 1."""
    ours = Count()
    ours.verdicts.update(verdicts)
    ours.delivered["order.placed"] = 3
    assert judge(ours, Counted(actions=theirs, statuses={}), events=sum(verdicts.values())) == 1


def test_undelivered_events_are_counted_and_timed() -> None:
    """Its wait counts as any other."""
    ours = Count()
    for verdict, waited in (("delivered", 1.0), ("rejected", 3.0)):
        ours.add(Outcome(verdict=verdict, event_id="x", action="order.placed", waited=waited))  # type: ignore[arg-type]
    assert (ours.verdicts, ours.delivered) == ({"delivered": 1, "rejected": 1}, {"order.placed": 1})
    assert ours.quantile(1.0) == "3000.0 ms"


async def test_a_terminal_gets_a_bar() -> None:
    """With a terminal as stderr the progress is drawn in place."""
    ours, theirs = pty.openpty()
    try:
        import asyncio
        import sys

        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hellotext_async", "demo", "--events", "300",
            stdout=asyncio.subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )  # fmt: skip
        assert await asyncio.wait_for(process.wait(), 60) == 0
        shown = os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "delivering" in shown
    assert "\x1b[" in shown or "\r" in shown


def test_every_event_of_the_day_is_valid_and_the_day_is_the_same_again() -> None:
    """Two days of one seed are equal, and `Event` accepts every event."""
    events = some(3000)
    assert events == some(3000)
    assert events != some(3000, seed=2)
    for event in events:
        Event.of(event)


def test_an_order_takes_each_step_once_and_in_order() -> None:
    """Placed comes before the later steps, by the same profile, and no step comes twice."""
    steps: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for event in some(5000):
        if event["action"].startswith("order."):
            reference = event.get("order") or event["order_parameters"]["reference"]
            steps[reference].append((event["action"], event["profile"]))
    full = ["order.placed", "order.confirmed", "order.shipped", "order.delivered"]
    assert len(steps) > 50
    for taken in steps.values():
        actions = [action for action, _ in taken]
        assert actions in ([*full[:1], "order.cancelled"], *(full[:n] for n in range(1, 5)))
        assert len({profile for _, profile in taken}) == 1


def test_the_day_has_everything_that_happens_in_a_shop() -> None:
    """Views, carts, orders, coupons and refunds, of visitors known and unknown."""
    events = some(5000)
    actions = {event["action"] for event in events}
    assert {"product.viewed", "cart.added", "cart.abandoned", "coupon.redeemed", "order.placed", "order.cancelled",
            "refund.requested", "refund.received"} <= actions  # fmt: skip
    assert any("profile" not in event for event in events)
