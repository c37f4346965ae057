"""What a queue checks when it opens, and how it fails."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.errors import ConfigurationError, QueueClosed, SpoolBusy, SpoolError
from hellotext_async.queue.queue import EventQueue
from hellotext_async.queue.settings import Settings
from hellotext_async.spool.sqlite_spool import SqliteSpool
from tests.harness.transport import Script, answers
from tests.rig import engine


def made(**settings: Any) -> EventQueue:
    own = engine(Script(default=answers(422)))
    return EventQueue(lambda: own, Settings(**settings))


def unwritable(folder: Path, kind: str) -> Path:
    """A path at which no dead letter can be written."""
    path = folder / "letters.jsonl"
    if kind == "no folder":
        return folder / "missing" / "letters.jsonl"
    if kind == "a folder in its place":
        path.mkdir()
    elif kind == "a link":
        path.symlink_to(folder / "elsewhere")
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder that takes no files":
        return Path("/proc/letters.jsonl")  # root may write everywhere
    else:
        (folder / "file").write_text("")
        return folder / "file" / "letters.jsonl"
    return path


KINDS = ["no folder", "a folder in its place", "a link", "a pipe", "a file for its folder"]
if Path("/proc/self").exists():
    KINDS.append("a folder that takes no files")


@pytest.mark.parametrize("kind", KINDS)
async def test_letters_that_cannot_be_written_are_found_out_when_the_queue_opens(tmp_path: Path, kind: str) -> None:
    """The error names the path, for a queue in memory and over a spool, whose file is free afterwards."""
    path, spool = unwritable(tmp_path, kind), SqliteSpool(tmp_path / "s.db", dead_letters=tmp_path / "good.jsonl")
    for settings in ({}, {"buffer": spool}):
        with pytest.raises(ConfigurationError, match=r"^dead_letters: .*letters\.jsonl cannot be opened"):
            await made(dead_letters=path, **settings).open()
    with pytest.raises(ConfigurationError, match="dead_letters"):
        await made(buffer=SqliteSpool(tmp_path / "s.db", dead_letters=path)).open()
    async with made(buffer=spool) as opened:
        assert (await (await opened.put("page.viewed", session="s"))).verdict == "rejected"
    assert (tmp_path / "good.jsonl").exists()


async def test_letters_that_cannot_be_written_are_found_out_by_the_first_event(tmp_path: Path) -> None:
    """The first event opens the queue: in memory the call raises, over a spool the event is not accepted."""
    path = tmp_path / "missing" / "letters.jsonl"
    with pytest.raises(ConfigurationError, match="missing"):
        made(dead_letters=path).track("page.viewed", session="s")
    opened = made(buffer=SqliteSpool(tmp_path / "s.db", dead_letters=path))
    receipt = opened.track("page.viewed", session="s")
    with pytest.raises(ConfigurationError, match="missing"):
        await receipt.accepted()
    await opened.aclose()


async def test_a_file_of_letters_is_not_made_before_there_is_one(tmp_path: Path) -> None:
    """The check leaves no file behind."""
    async with made(dead_letters=tmp_path / "letters.jsonl"):
        assert os.listdir(tmp_path) == []


async def test_a_queue_that_cannot_be_opened_did_not_die(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets the error; nothing is logged about events."""
    async with made(buffer=SqliteSpool(tmp_path / "s.db")):
        for _ in range(2):
            with pytest.raises(SpoolBusy):
                await made(buffer=SqliteSpool(tmp_path / "s.db")).open()
    assert "died" not in caplog.text


async def test_a_queue_that_cannot_be_opened_refuses_what_it_was_given(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the reason, which is logged with the number of events."""
    async with made(buffer=SqliteSpool(tmp_path / "s.db")):
        second = made(buffer=SqliteSpool(tmp_path / "s.db"))
        receipts = [second.track("page.viewed", session="s") for _ in range(3)]
        for receipt in receipts:
            with pytest.raises(SpoolBusy):
                await receipt.accepted()
        await second.aclose()
    assert "not opened" in caplog.text
    assert "3 events" in caplog.text


@pytest.mark.skipif(os.name != "posix", reason="the rights of files are others here")
async def test_a_spool_that_others_could_read_is_its_owner_s_alone(tmp_path: Path) -> None:
    """It holds customers' data: its lock, its database and its letters get mode 0600, also if they exist."""
    path = tmp_path / "s.db"
    async with made(buffer=SqliteSpool(path)) as opened:
        await opened.track("page.viewed", session="s")
    files = sorted(each.name for each in tmp_path.iterdir())
    for name in files:
        (tmp_path / name).chmod(0o644)
    async with made(buffer=SqliteSpool(path)) as opened:
        await opened.track("page.viewed", session="s")
    assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in files} == dict.fromkeys(files, 0o600)


async def test_a_spool_of_a_later_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """Its rows may have another meaning."""
    path = tmp_path / "s.db"
    async with made(buffer=SqliteSpool(path)):
        pass
    with closing(sqlite3.connect(path)) as link:
        link.execute("pragma user_version = 99")
    before = path.read_bytes()
    with pytest.raises(SpoolError, match="format 99"):
        await made(buffer=SqliteSpool(path)).open()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("update owner set name = 'another'", "another process took the spool"),
        ("drop table events", "the spool failed (no such table: events)"),
    ],
)
async def test_a_spool_that_is_changed_under_a_queue_ends_it_with_the_reason(
    tmp_path: Path, damage: str, message: str
) -> None:
    """New events are refused, and waiters get the same error."""
    path = tmp_path / "s.db"
    opened = await made(buffer=SqliteSpool(path)).open()
    with closing(sqlite3.connect(path)) as link:
        link.execute(damage)
        link.commit()
    with pytest.raises(SpoolError) as caught:
        await opened.put("page.viewed", session="s")
    assert message in str(caught.value)
    with pytest.raises((SpoolError, QueueClosed)):  # at once, or after the queue died
        await opened.put("page.viewed", session="s")
    await opened.aclose()


@pytest.mark.parametrize(("kind", "why"), [("long", "too long"), ("link", "it is a symbolic link")])
async def test_a_path_that_is_no_spool_s_is_a_spool_error_that_says_why(tmp_path: Path, kind: str, why: str) -> None:
    """A name that is too long for the file system, and a link."""
    path = tmp_path / ("s" * (300 if kind == "long" else 3))
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolError, match=why):
        await made(buffer=SqliteSpool(path)).open()
