"""Several processes in one folder of spools: each has its own file, and events of dead processes are delivered."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from pathlib import Path

import pytest

from hellotext_async.errors import SpoolBusy, SpoolError
from hellotext_async.queue.dead_letters import DeadLetters
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from hellotext_async.spool.sqlite_spool import SqliteSpool
from tests.harness.transport import Script
from tests.rig import engine

LEAVES = """
import asyncio, os, sys
from hellotext_async import Hellotext, SqliteSpool

async def main():
    client = Hellotext("token", base_url="http://127.0.0.1:9")
    queue = await client.event_queue(buffer=SqliteSpool.in_folder(sys.argv[1])).open()
    for number in range(5):
        await queue.put("page.viewed", session="s", metadata={"ref": f"{sys.argv[2]}-{number}"})
    os._exit(9)

asyncio.run(main())
"""


def opened_in(folder: Path, script: Script) -> EventQueue:
    made = engine(script)
    return EventQueue(lambda: made, Settings(buffer=SqliteSpool.in_folder(folder), delivery_timeout=86400))


async def test_each_queue_has_a_file_of_its_own(tmp_path: Path) -> None:
    """A file that was released is used again."""
    folder = tmp_path / "spools"
    async with opened_in(folder, Script()) as first, opened_in(folder, Script()) as second:
        assert (await first.track("page.viewed", session="a")).delivered
        assert (await second.track("page.viewed", session="b")).delivered
    async with opened_in(folder, Script()):
        assert sorted(path.name for path in folder.glob("*.db")) == ["spool-1.db", "spool-2.db"]


async def test_events_of_dead_processes_are_delivered_by_the_next(tmp_path: Path) -> None:
    """Two that were killed, the second of which had taken over the first one's file; an empty file is skipped."""
    folder = tmp_path / "spools"
    async with opened_in(folder, Script()):  # the first file is taken, and stays empty
        for name in ("a", "b"):
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAVES, str(folder), name)
            assert await process.wait() == 9
    assert sorted(path.name for path in folder.glob("*.db")) == ["spool-1.db", "spool-2.db"]
    script = Script()
    async with opened_in(folder, script) as queue:
        await queue.flush(60)
    # An event that may have been sent when its process was killed is a dead letter, perhaps of the second process.
    letters = {letter.event().fields["metadata"]["ref"] for letter in DeadLetters(folder / "dead-letters.jsonl")}
    sent = {seen.json["metadata"]["ref"] for seen in script.history}
    assert sorted(letters | sent) == [f"{name}-{number}" for name in "ab" for number in range(5)]
    assert not letters & sent


async def test_a_folder_that_cannot_be_made_is_a_spool_error(tmp_path: Path) -> None:
    """A file is in its place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError):
        await opened_in(tmp_path / "file" / "spools", Script()).open()


@pytest.mark.skipif(os.name != "posix", reason="flock is of POSIX")
async def test_a_file_system_without_locks_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not taken for a folder in which every file is in use, whose end is looked for."""

    def without(_file: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", without)
    for buffer in (SqliteSpool.in_folder(tmp_path), SqliteSpool(tmp_path / "s.db")):
        own = engine(Script())
        with pytest.raises(SpoolError, match="cannot be locked") as caught:
            await EventQueue(lambda own=own: own, Settings(buffer=buffer)).open()
        assert not isinstance(caught.value, SpoolBusy)


async def test_its_options_are_those_of_a_spool(tmp_path: Path) -> None:
    """Dead letters go to one file in the folder by default."""
    assert SqliteSpool.in_folder(tmp_path).dead_letters == tmp_path / "dead-letters.jsonl"
    assert SqliteSpool.in_folder(tmp_path, dead_letters=tmp_path / "x").dead_letters == tmp_path / "x"
