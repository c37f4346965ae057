"""Another program has the spool's file locked, as a backup does: nothing is lost, and the queue goes on afterwards."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hellotext_async import QueueClosed, SpoolError, SqliteSpool
from tests.harness.transport import Script, received
from tests.rig import event, put, queue


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """A write transaction of another connection."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    try:
        yield
    finally:
        other.close()


async def reported(log: pytest.LogCaptureFixture) -> None:
    """Return when the lock was reported."""
    while not any("locked" in record.message for record in log.records):
        await asyncio.sleep(0.01)


async def test_a_queue_goes_on_when_the_lock_is_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Meanwhile an event is neither accepted nor refused; what waited is reported once."""
    path, script = tmp_path / "s.db", Script(default=received())
    async with queue(script, buffer=SqliteSpool(path)) as opened:
        with locked(path), caplog.at_level(logging.WARNING):
            putting = asyncio.create_task(put(opened, event(1)))
            await reported(caplog)
            assert not putting.done()
            assert opened.stats().accepted == 0
        assert (await (await putting)).verdict == "delivered"
        assert len([record for record in caplog.records if "locked" in record.message]) == 1


async def test_a_queue_that_closes_while_it_is_locked_refuses_what_it_could_not_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller has the reason, and the next queue what was accepted before."""
    path, script = tmp_path / "s.db", Script(default=received())
    async with queue(script, buffer=SqliteSpool(path)) as opened:
        with locked(path):
            putting = asyncio.create_task(put(opened, event(1)))
            await reported(caplog)
            await opened.aclose(0)
            with pytest.raises((SpoolError, QueueClosed)) as caught:
                await putting
            assert "locked" in str(caught.value)
    assert script.asked == 0
