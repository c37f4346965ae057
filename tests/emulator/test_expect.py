"""The assertions: what matches, how long they wait, and what a failure reports."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest

from hellotext_async import Hellotext, ValidationFailed
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.emulator.compare import same

PROFILE = "MzYwlE50"
AT = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (1, 1.0),
        (None, None),
        (Decimal("89.90"), 89.9),
        (AT, AT.timestamp()),
        (AT, "2026-11-26T13:00:00+01:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (UUID(int=5), str(UUID(int=5))),
        (Colour.RED, "red"),
        (ANY, "anything"),
        (pytest.approx(0.3), 0.1 + 0.2),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": None}, {"b": 2}),
        ([{"a": 1}, 2], [{"a": 1, "b": 1}, 2]),
        ((1,), [1]),
    ],
)
def test_values_match_as_they_are_sent(wanted: Any, found: Any) -> None:
    """A mapping may have more keys; everything else is equal."""
    assert same(wanted, found)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("a", "b"), (Decimal("1"), "x"), (AT, None), (AT, "noon"), ({"a": 1}, [1]), ({"a": 1}, {"a": 2}), ([1], [1, 2]),
        ([1], "1"), (UUID(int=5), "5"), ({}, None),
    ],
)  # fmt: skip
def test_other_values_do_not(wanted: Any, found: Any) -> None:
    """Neither longer lists nor other types."""
    assert not same(wanted, found)


@pytest.fixture
async def client(emulator: Emulator) -> Any:
    async with Hellotext(emulator.token, base_url=emulator.url) as client:
        yield client


async def failure(check: Any, *args: Any, **fields: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        check(*args, **fields)
    return str(caught.value)


async def test_an_event_is_found_by_any_of_its_fields(emulator: Emulator, client: Hellotext) -> None:
    """It is returned, for further checks."""
    await client.events.track("order.placed", profile=PROFILE, order="wx4Vn4no", amount=Decimal("89.9"),
                              currency="USD", tracked_at=AT, metadata={"channel": "web", "n": 1})  # fmt: skip
    event = emulator.assert_tracked(
        "order.placed", profile=PROFILE, order="wx4Vn4no", amount=Decimal("89.9"), tracked_at=AT, metadata={"n": 1}
    )
    assert event["metadata"] == {"channel": "web", "n": 1}
    emulator.assert_tracked("order.placed", times=1, session=None)
    emulator.assert_tracked("order.shipped", times=0)
    emulator.assert_not_tracked("order.placed", amount=1)
    emulator.assert_not_tracked("order.shipped")


async def test_the_newer_form_of_an_event_matches_the_documents_names(emulator: Emulator) -> None:
    """`order=` finds an ``object``."""
    async with Hellotext(emulator.token, base_url=emulator.url, event_format="object") as client:
        await client.events.track("order.placed", profile=PROFILE, order="wx4Vn4no")
        await client.events.track("refund.requested", profile=PROFILE, refund_parameters={"reference": "r"})
    emulator.assert_tracked("order.placed", order="wx4Vn4no")
    emulator.assert_tracked("refund.requested", refund_parameters={"reference": "r"})


async def test_a_failure_names_the_nearest_events(emulator: Emulator, client: Hellotext) -> None:
    """For events of this action the differences, the fewest first; for other actions those with the same fields."""
    await client.events.track("order.placed", profile=PROFILE, order="wx4Vn4no", amount=1, metadata={"n": 1})
    await client.events.track("order.placed", profile=PROFILE, order="wx4Vn4no")
    await client.events.track("product.viewed", profile=PROFILE, product="vxqQJ3Yg", amount=9)
    failed = await failure(emulator.assert_tracked, "order.placed", profile=PROFILE, amount=9, metadata={"n": 2})
    assert failed.splitlines() == [
        "order.placed with profile='MzYwlE50', amount=9, metadata={'n': 2} was not accepted",
        "nearest:",
        "  event 1 (order.placed): amount is 1, not 9, metadata.n is 1, not 2",
    ]
    failed = await failure(emulator.assert_tracked, "order.shipped", amount=9)
    assert failed.splitlines()[1:] == ["nearest:", "  event 2 (product.viewed): action is 'product.viewed'"]
    failed = await failure(emulator.assert_tracked, "order.shipped")
    assert failed.splitlines() == ["order.shipped was not accepted", "accepted: 1 order.placed, 1 product.viewed"]
    failed = await failure(emulator.assert_tracked, "order.placed", times=3)
    assert failed == "order.placed: accepted 1 times, not 3"
    failed = await failure(emulator.assert_not_tracked, "order.placed", amount=1)
    assert failed.startswith("order.placed with amount=1 was accepted:\n  {'action': 'order.placed'")
    assert (await failure(emulator.assert_not_tracked)).startswith("an event was accepted:")


async def test_a_failure_names_refused_events(emulator: Emulator, client: Hellotext) -> None:
    """With status, parameter and type; also unanswered requests, and a wrong token."""
    with pytest.raises(ValidationFailed):
        await client.events.track("order.placed", session="s", order="wx4Vn4no", currency="USDX", amount=1)
    emulator.faults.add(Fault("drop_before", times=None))
    async with client.event_queue() as queue:
        assert (await queue.track("order.placed", session="s", order="wx4Vn4no")).verdict == "unknown"
    failed = await failure(emulator.assert_tracked, "order.placed")
    assert failed.splitlines()[1:] == ["refused:", "  request 1: 422 currency (invalid)", "  request 2: not answered"]
    failed = await failure(emulator.assert_tracked, "order.shipped")
    assert "422" not in failed
    emulator.faults.clear()
    emulator.token = "other"
    async with client.event_queue() as queue:
        queue.track("page.viewed", session="s")
        await queue.aclose(0.2)
    assert "401 token (invalid)" in await failure(emulator.assert_tracked, "page.viewed")


async def test_a_failure_reports_that_nothing_arrived(emulator: Emulator) -> None:
    """The usual reason is a queue that was not flushed."""
    assert "was the queue flushed" in await failure(emulator.assert_tracked, "page.viewed")
    async with Emulator(keep_events=False) as forgetful:
        async with Hellotext(forgetful.token, base_url=forgetful.url) as client:
            await client.events.track("page.viewed", session="s")
        assert "keeps none" in await failure(forgetful.assert_tracked, "page.viewed")


def test_it_waits_for_another_thread() -> None:
    """Until the event has arrived, and no longer."""

    async def view() -> None:
        async with Hellotext(emulator.token, base_url=emulator.url) as client:
            for session in ("a", "b"):
                await client.events.track("page.viewed", session=session)

    with Emulator.in_thread() as emulator:
        thread = threading.Thread(target=lambda: asyncio.run(view()))
        thread.start()
        emulator.assert_tracked("page.viewed", times=2, within=60)
        emulator.assert_tracked("page.viewed", session="b", within=60)
        thread.join()
        with pytest.raises(AssertionError):
            emulator.assert_tracked("page.viewed", session="c", within=0.01)


async def test_waiting_in_its_own_loop_is_refused(emulator: Emulator) -> None:
    """It would block the server that it waits for."""
    with pytest.raises(RuntimeError, match=r"await queue\.flush"):
        emulator.assert_tracked("page.viewed", within=1)


async def test_a_failure_reports_that_everything_was_refused(emulator: Emulator, client: Hellotext) -> None:
    """Events of other actions arrived, and none was accepted."""
    with pytest.raises(ValidationFailed):
        await client.events.track("order.placed", session="s", order="wx4Vn4no", currency="USDX", amount=1)
    assert "no event was accepted" in await failure(emulator.assert_tracked, "page.viewed")
