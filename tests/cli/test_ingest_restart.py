"""`ingest`: interrupted by signals and kill -9, and continued."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.emulator import Emulator, Fault, RateLimit
from tests.cli.command import code_of, ended, run, started, until
from tests.cli.test_ingest import lines, row, view

EVENTS = 3000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Events, some rejected, some lines bad, some blank; none has its own id."""
    path = tmp_path / "events.jsonl"
    every: list[Any] = [view(n) for n in range(EVENTS)]
    every[100::500] = [{"action": "page.viewed", "profile": "nobody"}] * 6
    every[200::500] = [b"not json\n"] * 6
    every[300::500] = [b"\n"] * 6
    path.write_bytes(lines(*every))
    return path


def report(out: str) -> tuple[int, Counter[str]]:
    found = json.loads(out)
    return found["lines"], Counter(found["outcomes"])


async def test_a_checkpoint_skips_what_has_ended(emulator: Emulator, file: Path, tmp_path: Path) -> None:
    """A whole run, then another: nothing is sent again, and the numbers add up."""
    argv = ("ingest", file, "--checkpoint", tmp_path / "checkpoint", "--json")
    total, first = report((await run(*argv, emulator=emulator)).out)
    assert (total, first) == (EVENTS, {"delivered": EVENTS - 18, "rejected": 6, "bad": 6, "skipped": 6})
    done = await run(*argv, emulator=emulator)
    assert (done.code, report(done.out)) == (0, (EVENTS, {"skipped": EVENTS})), done
    assert len(emulator.events) == EVENTS - 18


async def test_lines_that_were_added_are_read(emulator: Emulator, tmp_path: Path) -> None:
    """A file that grows keeps its checkpoint, even if it was short at first."""
    path, argv = tmp_path / "log", ("ingest", tmp_path / "log", "--checkpoint", tmp_path / "checkpoint", "--json")
    path.write_bytes(lines(view(0)))
    await run(*argv, emulator=emulator)
    path.write_bytes(lines(*(view(n) for n in range(200))))
    assert report((await run(*argv, emulator=emulator)).out) == (200, {"skipped": 1, "delivered": 199})
    assert len(emulator.events) == 200


@pytest.mark.parametrize("seed", range(2))
async def test_after_a_kill_the_totals_reconcile(emulator: Emulator, file: Path, tmp_path: Path, seed: int) -> None:
    """kill -9 at random moments with --checkpoint and --spool: every event arrives once, every line is counted once."""
    chance = random.Random(seed)
    emulator.rate_limit = RateLimit(1500, 100)
    argv = ("ingest", file, "--checkpoint", tmp_path / "checkpoint", "--spool", tmp_path / "spool.db", "--json")
    for _ in range(3):
        async with started(*argv, emulator=emulator) as process:
            before = len(emulator.events)
            wanted = min(before + chance.randrange(1, 800), EVENTS - 100)
            await until(lambda wanted=wanted: len(emulator.events) >= wanted)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
            await process.wait()
    emulator.rate_limit = None
    done = await run(*argv, emulator=emulator)
    total, outcomes = report(done.out)
    assert total == EVENTS == outcomes.total(), done
    assert set(outcomes) <= {"delivered", "rejected", "unknown", "bad", "skipped"}, done
    sent = Counter(event["session"] for event in emulator.events)
    assert max(sent.values()) == 1
    counted = json.loads((tmp_path / "checkpoint").read_text())["outcomes"]
    assert sum(counted.values()) == EVENTS
    assert counted.get("delivered", 0) <= len(sent) <= counted.get("delivered", 0) + counted.get("unknown", 0)
    again = await run(*argv, emulator=emulator)
    assert report(again.out) == (EVENTS, {"skipped": EVENTS}), again


@pytest.mark.parametrize("spool", [False, True])
async def test_what_a_run_that_died_may_have_doubled_is_said(
    emulator: Emulator, file: Path, tmp_path: Path, spool: bool
) -> None:
    """Without a spool what was under way is sent again: the next run says so, and no run after it."""
    emulator.faults.add(Fault("delay", delay=0.1, times=None))
    argv: list[Any] = ["ingest", file, "--checkpoint", tmp_path / "checkpoint"]
    argv += ["--spool", tmp_path / "spool.db"] if spool else []
    async with started(*argv, emulator=emulator) as process:
        await until(lambda: len(emulator.events) > 200)
        process.kill()
        await process.wait()
    emulator.faults.clear()
    died = "the run before this one died: what it had under way was sent again, and may be doubled"
    assert (died in (await run(*argv, emulator=emulator)).out) is not spool
    assert (max(Counter(event["session"] for event in emulator.events).values()) > 1) is not spool
    assert json.loads((await run(*argv, "--json", emulator=emulator)).out)["earlier_run_died"] is False


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"my notes\n", "it is no checkpoint"),
        (b'{"format": "other", "job": "", "head": "", "head_bytes": 0, "rows": 0, "ahead": [], "outcomes": {}}', "another version"),
    ],
)  # fmt: skip
async def test_what_is_no_checkpoint_is_left_alone(
    emulator: Emulator, file: Path, content: bytes, message: str
) -> None:
    """Exit 2 and the reason."""
    other = file.with_name("notes")
    other.write_bytes(content)
    done = await run("ingest", file, "--checkpoint", other, emulator=emulator)
    assert (done.code, message in done.err, other.read_bytes(), emulator.events) == (2, True, content, []), done


async def test_another_files_checkpoint_is_refused(emulator: Emulator, file: Path, tmp_path: Path) -> None:
    """It is recognised by the file's first bytes; stdin has none to compare."""
    await run("ingest", file, "--checkpoint", tmp_path / "checkpoint", emulator=emulator)
    other = tmp_path / "other"
    other.write_bytes(lines(view(1)))
    done = await run("ingest", other, "--checkpoint", tmp_path / "checkpoint", emulator=emulator)
    assert (done.code, "belongs to another file" in done.err) == (2, True), done
    done = await run("ingest", "-", "--checkpoint", tmp_path / "checkpoint", emulator=emulator)
    assert (done.code, "needs a file" in done.err) == (2, True), done


async def test_files_that_began_alike_have_events_of_their_own(emulator: Emulator, tmp_path: Path) -> None:
    """Each had only its header when its checkpoint began: one spool does not take the events of one for another's."""
    for name in "ab":
        file = tmp_path / f"{name}.csv"
        argv = ("ingest", file, "--checkpoint", tmp_path / name, "--spool", tmp_path / "spool.db", "--json")
        file.write_text("action,session\n")
        await run(*argv, emulator=emulator)
        file.write_text("action,session\n" + "".join(f"page.viewed,{name}{n}\n" for n in range(5)))
        assert report((await run(*argv, emulator=emulator)).out) == (5, {"delivered": 5})
    assert len({event["session"] for event in emulator.events}) == 10


FIRST = lines(*(view(n) for n in range(200)))


@pytest.mark.parametrize(
    ("begun", "changed"),
    [
        (b"", lines(*(view(n) for n in range(500, 800)))),
        (FIRST, FIRST[: len(FIRST) // 2]),
        (FIRST, FIRST[:6000] + FIRST[6000:].partition(b"\n")[2] + lines(*(view(n) for n in range(500, 503)))),
    ],
    ids=["another one, and the first was empty", "cut", "a line taken out"],
)
async def test_a_file_that_changed_is_refused(emulator: Emulator, tmp_path: Path, begun: bytes, changed: bytes) -> None:
    """Its lines have other numbers now: to skip those that ended would skip some that never were sent."""
    file, argv = tmp_path / "log", ("ingest", tmp_path / "log", "--checkpoint", tmp_path / "checkpoint")
    for content in (begun, FIRST):
        file.write_bytes(content)
        await run(*argv, emulator=emulator)
    kept, sent = (tmp_path / "checkpoint").read_bytes(), len(emulator.events)
    file.write_bytes(changed)
    done = await run(*argv, emulator=emulator)
    assert (done.code, "belongs to another file" in done.err, len(emulator.events)) == (2, True, sent), done
    assert (tmp_path / "checkpoint").read_bytes() == kept


async def test_a_last_line_that_was_not_whole_is_read_again(emulator: Emulator, tmp_path: Path) -> None:
    """The file was still being written: the line is bad now, and an event when it is complete."""
    file, argv = tmp_path / "log", ("ingest", tmp_path / "log", "--checkpoint", tmp_path / "checkpoint", "--json")
    whole = lines(*(view(n) for n in range(3)))
    file.write_bytes(whole[:-8])
    assert report((await run(*argv, emulator=emulator)).out) == (3, {"delivered": 2, "bad": 1})
    file.write_bytes(whole)
    assert report((await run(*argv, emulator=emulator)).out) == (3, {"skipped": 2, "delivered": 1})
    assert {event["session"] for event in emulator.events} == {"s0", "s1", "s2"}


async def test_one_run_at_a_time_has_a_checkpoint(emulator: Emulator, file: Path, tmp_path: Path) -> None:
    """A second run would send everything twice; it says so, and the first one goes on."""
    emulator.faults.add(Fault("delay", delay=0.1, times=None))
    argv = ("ingest", file, "--checkpoint", tmp_path / "checkpoint", "--json")
    async with started(*argv, emulator=emulator) as first:
        await until(lambda: bool(emulator.events))
        done = await run(*argv, emulator=emulator)
        assert (done.code, "another run uses it" in done.err) == (2, True), done
        emulator.faults.clear()
        assert report((await ended(first)).out)[1]["delivered"] == EVENTS - 18
    assert not list(tmp_path.glob("checkpoint.*"))


@pytest.mark.parametrize("mended", [True, False])
async def test_a_checkpoint_that_fails_ends_the_run_with_its_report(
    emulator: Emulator, file: Path, tmp_path: Path, mended: bool
) -> None:
    """A full disk, say: what was read is delivered and accounted for, and the checkpoint is tried once more at the end."""
    emulator.faults.add(Fault("delay", delay=0.1, times=None))
    checkpoint, beside = tmp_path / "checkpoint", tmp_path / "checkpoint.new"
    async with started("ingest", file, "--checkpoint", checkpoint, "--json", emulator=emulator) as process:
        assert process.stderr is not None
        await until(lambda: bool(emulator.events))
        await until(lambda: _made(beside))
        while process.returncode is None and mended and beside.is_dir():
            line = await asyncio.wait_for(process.stderr.readline(), 30)
            if b"reading no further" in line:
                beside.rmdir()
        emulator.rate_limit = None
        done = await ended(process)
    found = json.loads(done.out)
    assert (done.code, found["checkpoint_behind"]) == (1, not mended), done
    assert found["lines"] == sum(found["outcomes"].values()) < EVENTS
    assert found["outcomes"]["delivered"] == len(emulator.events)
    assert "Is a directory" in done.err
    if mended:
        assert json.loads(checkpoint.read_text())["outcomes"]["delivered"] == len(emulator.events)


def _made(folder: Path) -> bool:
    """Whether it stands where the next checkpoint is to be written; the last one may be just being put in place."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


@pytest.mark.parametrize(
    ("file", "checkpoint", "message"),
    [(os.devnull, "checkpoint", "cannot be read again"), (__file__, os.devnull, "no plain file")],
)
def test_what_can_have_or_be_no_checkpoint_is_wrong_usage(
    tmp_path: Path, file: str, checkpoint: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe or a device: as the input, and as the checkpoint."""
    assert code_of("ingest", file, "--checkpoint", tmp_path / checkpoint) == 2
    assert message in capsys.readouterr().err


async def test_a_checkpoint_that_cannot_be_written_is_reported_first(emulator: Emulator, file: Path) -> None:
    """Exit 2 before anything is sent."""
    done = await run("ingest", file, "--checkpoint", file / "checkpoint", emulator=emulator)
    assert (done.code, "--checkpoint" in done.err, list(emulator.requests)) == (2, True, []), done


async def test_the_first_signal_drains_and_the_second_reports(emulator: Emulator, tmp_path: Path) -> None:
    """An answer that never comes: the drain is cut short, and the report counts the kept events."""
    emulator.faults.add(Fault("delay", delay=3600, times=None))
    async with started("ingest", "-", "--spool", tmp_path / "spool.db", emulator=emulator) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(lines(*(view(n) for n in range(20))))
        await until(lambda: bool(emulator.requests))
        process.send_signal(signal.SIGINT)
        output = b""
        while b"reading no further" not in output:
            output += await asyncio.wait_for(process.stderr.readline(), 30)
        process.send_signal(signal.SIGINT)
        done = await ended(process)
    assert done.code == 1, done
    assert "ending now" in done.err
    assert "Traceback" not in done.err
    assert row(done, "lines") == 20
    assert row(done, "kept") + (row(done, "unknown") if "unknown" in done.out else 0) == 20, done
