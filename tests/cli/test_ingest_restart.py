"""`ingest`: interrupted by signals and kill -9, and continued."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.emulator import Emulator, Fault, RateLimit
from tests.cli.command import ended, run, started, until
from tests.cli.test_ingest import lines, row, view
from tests.harness.canary import TOKEN

EVENTS = 3000


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(token=TOKEN) as one:
        yield one


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
