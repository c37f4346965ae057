"""Each fault of the emulator, against the real client over real sockets, ends as the delivery semantics define."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hellotext_async import (
    ConfigurationError,
    Hellotext,
    OutcomeUnknown,
    RateLimited,
    RateState,
    Retry,
    ServerError,
    Timeouts,
    ValidationFailed,
)
from hellotext_async.emulator import Emulator, Fault

PAGE = {"action": "page.viewed", "session": "s"}
ORDER = {"action": "order.placed", "order": "wx4Vn4no", "profile": "MzYwlE50"}


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator with the document's objects."""
    async with Emulator() as emulator:
        emulator.store.seed_document()
        yield emulator


def client_of(emulator: Emulator) -> Hellotext:
    limits = Timeouts(connect=2, read=0.4, total=0.5)
    return Hellotext(emulator.token, base_url=emulator.url, timeouts=limits, retry=Retry(attempts=2, base=0.01))


# kind, more of the fault -> (outcome of a non-idempotent event, attempts), (of an idempotent one, attempts)
ENDS: list[tuple[str, dict[str, Any], tuple[str, int], tuple[str, int]]] = [
    ("status", {"status": 500}, ("delivered", 2), ("delivered", 2)),
    ("status", {"status": 503, "retry_after": 0}, ("delivered", 2), ("delivered", 2)),
    ("status", {"status": 429, "retry_after": 0}, ("delivered", 2), ("delivered", 2)),
    ("status", {"status": 422}, ("rejected", 1), ("rejected", 1)),
    ("status", {"status": 404}, ("rejected", 1), ("rejected", 1)),
    ("delay", {"delay": 0.05}, ("delivered", 1), ("delivered", 1)),
    ("delay", {"delay": 3.0}, ("unknown", 1), ("delivered", 2)),
    ("drop_before", {}, ("unknown", 1), ("delivered", 2)),
    ("drop_after", {}, ("unknown", 1), ("delivered", 2)),
    ("garbage", {}, ("unknown", 1), ("delivered", 2)),
    ("truncate", {}, ("delivered", 1), ("delivered", 1)),
    ("drip", {"delay": 0.1}, ("delivered", 1), ("delivered", 1)),
]


@pytest.mark.parametrize("transport", [None, "pool"])
@pytest.mark.parametrize(("kind", "more", "page", "order"), ENDS)
async def test_a_fault_ends_as_the_semantics_define(
    emulator: Emulator, kind: Any, more: dict[str, Any], page: Any, order: Any, transport: Any
) -> None:
    """By the event's idempotency; a status line that was read decides, whatever follows it."""
    for fields, expected in ((PAGE, page), (ORDER, order)):
        async with client_of(emulator) as client, client.event_queue(transport=transport) as queue:
            emulator.faults.add(Fault(kind, **more))
            given = dict(fields)
            outcome = await queue.track(given.pop("action"), **given)
            assert (outcome.verdict, outcome.attempts) == expected, outcome
    emulator.faults.clear()


async def test_calls_end_in_the_error_that_the_fault_stands_for(emulator: Emulator) -> None:
    """A dropped create raises OutcomeUnknown; a refused one names the reason; a failing server raises ServerError."""
    match = "POST /v1/coupons"
    async with client_of(emulator) as client:
        for fault, error in (
            (Fault("drop_after", match=match), OutcomeUnknown),
            (Fault("garbage", match=match), OutcomeUnknown),
            (Fault("truncate", match=match), OutcomeUnknown),
            (Fault("status", match=match, status=422), ValidationFailed),
            (Fault("status", match=match, status=500, times=2), ServerError),
        ):
            emulator.faults.add(fault)
            with pytest.raises(error) as caught:
                await client.coupons.create(code=f"C{fault.kind}{fault.status}")
            if fault.kind == "truncate":
                assert caught.value.applied is True  # type: ignore[union-attr]


async def test_after_a_retry_after_nothing_passes_until_it_is_over_then_one_then_the_rest(emulator: Emulator) -> None:
    """For the calls and the queue of one client, as the server sees them."""
    async with client_of(emulator) as client, client.event_queue() as queue:
        for n in range(5):
            await queue.track("page.viewed", session=f"warm{n}")
        emulator.faults.add(Fault("status", status=429, retry_after=1))
        before = len(emulator.requests)
        receipts = [queue.track("page.viewed", session=f"s{n}") for n in range(40)]
        await asyncio.sleep(0.2)
        with pytest.raises(RateLimited):
            await client.with_options(wait=0).profiles.list()
        assert {(await receipt).verdict for receipt in receipts} == {"delivered"}
        at = [seen.at for seen in list(emulator.requests)[before:]]
        throttled = next(seen.at for seen in list(emulator.requests)[before:] if seen.status == 429)
        after = sorted(moment for moment in at if moment > throttled + 0.15)
        assert after[0] >= throttled + 1


async def test_a_hook_receives_every_throttle_and_its_errors_change_nothing(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """on_throttle receives the rate as it is from then on; what it raises is logged by type."""
    reported: list[RateState] = []

    def hook(state: RateState) -> None:
        reported.append(state)
        raise ValueError("secret")

    async with Hellotext(emulator.token, base_url=emulator.url, on_throttle=hook) as client:
        emulator.faults.add(Fault("status", match="*", status=429, retry_after=1))
        emulator.faults.add(Fault("status", match="*", status=500))
        with caplog.at_level(logging.DEBUG):
            await client.lists.list(limit=1)
        (state,) = reported
        assert state.gate > 0.5
        assert state.rate is not None
        assert state.wasted == 1
    assert "on_throttle raised ValueError" in caplog.text
    assert "secret" not in caplog.text
    with pytest.raises(ConfigurationError, match="on_throttle"):
        Hellotext("t", on_throttle=5)  # type: ignore[arg-type]
