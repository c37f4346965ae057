"""`dead-letters replay`: killed, stopped, twice at once, and over a file that cannot be written."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

import pytest

from hellotext_async import DeadLetters
from hellotext_async.emulator import Emulator, Fault
from tests.cli.command import ended, run, started, until
from tests.cli.test_ingest import row

LETTERS = 600


@pytest.fixture
def expired(tmp_path: Path) -> Path:
    """Dead letters of events that were certainly not applied."""
    file = tmp_path / "expired.jsonl"
    payloads = ({"action": "page.viewed", "session": f"s{n}"} for n in range(LETTERS))
    letters = ({"event_id": f"e{n}", "verdict": "expired", "payload": one, **one} for n, one in enumerate(payloads))
    file.write_text("".join(f"{json.dumps(letter)}\n" for letter in letters))
    file.chmod(0o600)
    return file


async def test_a_replay_that_is_killed_doubles_nothing(emulator: Emulator, expired: Path) -> None:
    """kill -9: what was under way is unknown now, and the rest is sent by the next replay."""
    emulator.faults.add(Fault("delay", delay=0.05, times=None))
    async with started("dead-letters", "replay", expired, emulator=emulator) as process:
        await until(lambda: len(emulator.events) > 150)
        process.kill()
        await process.wait()
    emulator.faults.clear()
    left = [letter.verdict for letter in DeadLetters(expired)]
    assert 0 < left.count("unknown") <= 192
    listed = await run("dead-letters", "list", expired, emulator=emulator)
    assert "the replay did not note what became of it" in listed.out
    done = await run("dead-letters", "replay", expired, emulator=emulator)
    assert done.code == 1, done
    assert row(done, "unknown, left out") == left.count("unknown")
    assert row(done, "delivered") == left.count("expired")
    sent = Counter(event["session"] for event in emulator.events)
    assert max(sent.values()) == 1
    assert LETTERS - left.count("unknown") <= len(sent) <= LETTERS


async def test_one_replay_of_a_file_at_a_time(emulator: Emulator, expired: Path) -> None:
    """A second one says so; a signal ends the first one, and what it did not send stays as it was."""
    emulator.faults.add(Fault("delay", delay=0.5, times=None))
    async with started("dead-letters", "replay", expired, emulator=emulator) as process:
        await until(lambda: bool(emulator.events))
        second = await run("dead-letters", "replay", expired, emulator=emulator)
        process.send_signal(signal.SIGTERM)
        first = await ended(process)
    assert (second.code, "is being replayed already" in second.err) == (2, True), second
    assert row(first, "left") == LETTERS - row(first, "delivered") > 0, first
    assert [letter.verdict for letter in DeadLetters(expired)] == ["expired"] * row(first, "left")
    assert not list(expired.parent.glob("*.lock"))


async def test_a_replay_that_cannot_note_what_it_does_sends_no_more(emulator: Emulator, expired: Path) -> None:
    """As on a full disk: it reports, and the next one doubles nothing."""
    emulator.faults.add(Fault("delay", delay=0.05, times=None))
    away = expired.with_name("away")
    async with started("dead-letters", "replay", expired, emulator=emulator) as process:
        await until(lambda: bool(emulator.events))
        expired.rename(away)
        expired.mkdir()
        first = await ended(process)
    emulator.faults.clear()
    expired.rmdir()
    away.rename(expired)
    assert first.code == 1, first
    assert "cannot be written" in first.err
    assert "Traceback" not in first.err
    assert row(first, "left") > 0
    await run("dead-letters", "replay", expired, emulator=emulator)
    assert max(Counter(event["session"] for event in emulator.events).values()) == 1
