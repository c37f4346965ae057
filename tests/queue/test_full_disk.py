"""A full disk: new events are refused, accepted ones are delivered, and nothing is lost."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hellotext_async import DeadLetters, EventQueue, Letter, Receipt, SpoolError, SqliteSpool
from hellotext_async.queue.letters import append
from hellotext_async.spool.reserve import SIZE
from tests.harness.transport import Script, received, unsent
from tests.rig import queue

MEBIBYTE = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four MiB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "disk"
    folder.mkdir()
    if mount is None or umount is None or subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], check=False, capture_output=True
    ).returncode:  # fmt: skip
        pytest.skip("a file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True)


def fill(folder: Path, *, leave: int = 0) -> Path:
    """Fill a disk except for `leave` bytes."""
    ballast = folder / "ballast"
    free = shutil.disk_usage(folder).free - leave
    ballast.write_bytes(bytes(max(0, free)))
    return ballast


async def put(opened: EventQueue, number: int, *, size: int = 1) -> Receipt:
    return await opened.put("page.viewed", session=f"s{number}", metadata={"text": "x" * size})


async def tried(opened: EventQueue) -> Receipt | None:
    try:
        return await put(opened, 1000)
    except SpoolError:
        return None


async def test_a_full_disk_refuses_new_events_and_delivers_the_old(small_disk: Path) -> None:
    """The reserved space is used for their outcomes; with free space again, new events are accepted."""
    script = Script(default=unsent(takes=0.01))
    spool = SqliteSpool(small_disk / "s.db")
    async with queue(script, buffer=spool, delivery_timeout=3600) as opened:
        kept = [await put(opened, number) for number in range(50)]
        ballast = fill(small_disk)
        refused = 0
        while not refused:
            try:
                kept.append(await put(opened, len(kept), size=50_000))
            except SpoolError as error:
                refused += 1
                assert "full" in str(error)
        script.default = received()
        assert {(await receipt).verdict for receipt in kept} == {"delivered"}
        ballast.unlink()
        async with asyncio.timeout(30):
            while (last := await tried(opened)) is None:  # free space is checked once a second
                await asyncio.sleep(0.1)
        assert (await last).verdict == "delivered"


async def until_refused(opened: EventQueue) -> list[Receipt]:
    """Events that are accepted until there is no room."""
    kept: list[Receipt] = []
    while True:
        try:
            kept.append(await put(opened, len(kept), size=4000))
        except SpoolError:
            return kept


async def test_a_disk_that_the_spool_itself_fills_takes_events_again(small_disk: Path) -> None:
    """Also when its room is in the file and in the log, and none of it is free on the disk."""
    script = Script()
    async with queue(script, buffer=SqliteSpool(small_disk / "s.db"), delivery_timeout=3600) as opened:
        for _ in range(3):
            script.default = unsent(takes=0.01)
            kept = await until_refused(opened)
            script.default = received()
            async with asyncio.timeout(60):
                assert {(await receipt).verdict for receipt in kept} == {"delivered"}
                while (last := await tried(opened)) is None:  # free space is checked once a second
                    await asyncio.sleep(0.1)
            assert (await last).verdict == "delivered"


async def test_what_is_only_in_the_log_when_the_disk_fills_is_delivered(small_disk: Path) -> None:
    """The ends need room in the log, and what is in the log needs room in the file."""
    script = Script(default=unsent(takes=0.01))
    async with queue(script, buffer=SqliteSpool(small_disk / "s.db"), delivery_timeout=3600) as opened:
        kept = [await put(opened, number, size=4000) for number in range(200)]
        fill(small_disk)
        script.default = received()
        async with asyncio.timeout(60):
            assert {(await receipt).verdict for receipt in kept} == {"delivered"}


async def test_one_large_group_is_not_left_in_the_log_alone(tmp_path: Path) -> None:
    """When the disk fills later, no more may have to go from the log into the file than the reserve has room for."""
    path = tmp_path / "s.db"
    async with queue(Script(default=unsent(takes=0.01)), buffer=SqliteSpool(path), delivery_timeout=3600) as opened:
        await asyncio.gather(*(put(opened, number, size=2000) for number in range(900)))
        with closing(sqlite3.connect(path)) as link:
            (pages,), (size,) = (link.execute(f"pragma {name}").fetchone() for name in ("page_count", "page_size"))
        assert pages * size > 3 * SIZE
        assert pages * size - path.stat().st_size <= SIZE


async def test_a_disk_that_is_full_from_the_beginning_is_a_spool_error(small_disk: Path) -> None:
    """When the queue opens, or at the first event; the file is not damaged."""
    fill(small_disk)
    with pytest.raises(SpoolError):
        async with queue(Script(), buffer=SqliteSpool(small_disk / "s.db"), delivery_timeout=3600) as opened:
            await put(opened, 0)
    (small_disk / "ballast").unlink()
    async with queue(Script(), buffer=SqliteSpool(small_disk / "s.db"), delivery_timeout=3600) as opened:
        assert (await (await put(opened, 0))).verdict == "delivered"


async def test_a_spool_that_is_deleted_while_it_is_used_ends_its_queue_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its events are reported neither as delivered nor as stored."""
    path = tmp_path / "s.db"
    async with queue(Script(), buffer=SqliteSpool(path), delivery_timeout=3600) as opened:
        await (await put(opened, 0))
        path.unlink()
        with pytest.raises(SpoolError, match="was deleted or replaced while it was in use"):
            await (await put(opened, 1)).accepted()
    assert f"event queue died (the spool {path} was deleted or replaced while it was in use)" in caplog.text


def test_letters_that_have_no_room_leave_the_file_unchanged(small_disk: Path) -> None:
    """A partial write is undone; with free space again the letters are written whole."""
    path = small_disk / "dead.jsonl"
    letters = [Letter(event_id=f"e{n}", action="page.viewed", verdict="rejected", reason="x" * 1000) for n in range(64)]
    append(path, letters[:1])
    before = path.read_bytes()
    ballast = fill(small_disk, leave=16 * 1024)
    with pytest.raises(OSError, match="No space"):
        append(path, letters[1:])
    assert path.read_bytes() == before
    ballast.unlink()
    append(path, letters[1:])
    assert [one.event_id for one in DeadLetters(path)] == [f"e{n}" for n in range(64)]
