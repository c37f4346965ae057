"""Wrong arguments of queues and spools raise at the call and are named."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hellotext_async import ConfigurationError, Event, Hooks, InvalidParameter, RedisStream, WrongLoop
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from hellotext_async.spool.sqlite_spool import SqliteSpool
from tests.harness.transport import Script
from tests.rig import engine, event, queue


@pytest.mark.parametrize("wrong", [{"priority": "urgent"}, {"buffer": "events.db"}, {"dead_letters": 5}], ids=str)
def test_a_setting_that_is_wrong_is_named(wrong: dict[str, Any]) -> None:
    """ConfigurationError, when the queue is made."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(wrong))}: expected"):
        Settings(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"durability": "some"}, {"max_bytes": 0}, {"max_bytes": True}, {"window": -1}, {"window": float("nan")}],
    ids=str,
)  # fmt: skip
def test_an_option_of_a_spool_that_is_wrong_is_named(wrong: dict[str, Any]) -> None:
    """ConfigurationError, and no file is made."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(wrong))}: expected"):
        SqliteSpool("never.db", **wrong)
    assert not Path("never.db").exists()


def test_what_a_spool_or_a_stream_shows_of_itself() -> None:
    """Its path or URL; a password in a URL is not shown."""
    assert repr(SqliteSpool("a.db", window=timedelta(days=1))) == "SqliteSpool('a.db')"
    assert "secret" not in repr(RedisStream("redis://user:secret@localhost", "shop"))


async def test_an_event_has_its_fields_already() -> None:
    """So `track` and `put` accept no fields beside it, only a context."""
    given = Event("page.viewed", session="s")
    async with queue(Script()) as opened:
        with pytest.raises(InvalidParameter, match="url: an Event has its fields already"):
            opened.track(given, url="https://shop.example")  # type: ignore[call-overload]
        with pytest.raises(InvalidParameter, match="url: an Event has its fields already"):
            await opened.put(given, url="https://shop.example")  # type: ignore[call-overload]
        assert (await opened.track(given, context=1)).context == 1


async def test_a_queue_that_was_not_opened_has_figures_and_closes() -> None:
    """All figures are zero; resuming it does nothing."""
    made = engine(Script())
    unused = EventQueue(lambda: made, Settings())
    assert (unused.stats().accepted, unused.stats().queued, unused.stats().suspended) == (0, 0, False)
    unused.resume()
    report = await unused.aclose()
    assert sum(report.outcomes.values()) == 0


async def test_a_dropped_event_is_an_outcome_without_a_request() -> None:
    """`track` and `put` return a receipt that has ended."""
    script = Script()

    class Nothing(Hooks):
        def before_send(self, event: Event) -> None:
            return None

    hook = Nothing().before_send
    async with queue(script, before_send=hook) as opened:
        fields = {key: value for key, value in event().items() if key != "action"}
        outcomes = [await opened.track("page.viewed", **fields), await (await opened.put("page.viewed", **fields))]
        assert [outcome.verdict for outcome in outcomes] == ["abandoned", "abandoned"]
        assert opened.stats().outcomes["delivered"] == 0
    assert len(script.history) == 0


async def test_a_receipt_is_waited_for_where_that_stops_nothing() -> None:
    """`wait` is for threads: in the queue's own loop it would block the loop that it waits for."""
    async with queue(Script()) as opened:
        receipt = opened.track("page.viewed", session="s")
        with pytest.raises(WrongLoop, match="await the receipt"):
            receipt.wait(1)
        assert (await asyncio.to_thread(receipt.wait, 10)).verdict == "delivered"
        assert (await asyncio.to_thread(receipt.wait)).verdict == "delivered"
