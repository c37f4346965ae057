"""`ingest`: every line is counted in the report, whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from hellotext_async.emulator import Emulator, Fault, RateLimit
from tests.cli.command import LIMIT, Done, code_of, ended, environment, run, started, until
from tests.harness.canary import EMAIL, PHONE, TOKEN, hits_in_text


def lines(*events: Any) -> bytes:
    return b"".join(event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n" for event in events)


def view(number: int, **more: Any) -> dict[str, Any]:
    return {"action": "page.viewed", "session": f"s{number}", **more}


def row(done: Done, name: str) -> int:
    found = [line for line in done.out.splitlines() if line.strip().startswith(name + "  ")]
    assert found, (name, done)
    return int(found[0].split()[-1].replace(",", ""))


async def test_a_file_of_good_lines_is_delivered(emulator: Emulator, tmp_path: Path) -> None:
    """Exit 0; the emulator has every event, with its time as the line gives it."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(
        b"\xef\xbb\xbf" + lines(view(0, tracked_at="2026-01-02T03:04:05+00:00"), b"\n", view(1, tracked_at=9))[:-1]
    )
    done = await run("ingest", file, emulator=emulator)
    assert (done.code, row(done, "delivered")) == (0, 2), done
    assert {event["tracked_at"] for event in emulator.events} == {1767323045, 9}


async def test_bad_lines_are_reported_by_number_and_reason_and_the_rest_is_delivered(emulator: Emulator) -> None:
    """Exit 1; every bad line has one message, and none of them shows the line's content."""
    bad = [
        b"{not json " + EMAIL.encode() + b"\n",
        b'["page.viewed"]\n',
        {"session": "s"},
        {"action": "page.viewed", "phone": PHONE},
        {"action": "page.viewed", "session": "s", PHONE: 1},
        {"action": "page.viewed", "session": "s", "amount": EMAIL},
        {"action": "page.viewed", "session": "s", "tracked_at": EMAIL},
        {"action": "page.viewed", "session": "s", "tracked_at": "2026-01-02T03:04:05"},
        {"action": "order.placed", "session": "s"},
        {"action": 7, "session": "s"},
        b'{"action": "page.viewed", "session": "s", "amount": NaN}\n',
        b"\xff\xfe\n",
    ]
    done = await run("ingest", "-", emulator=emulator, stdin=lines(view(0), *bad, view(1)))
    complaints = done.err.splitlines()
    assert done.code == 1
    assert [line.split(":")[0] for line in complaints] == [f"line {n}" for n in range(2, 2 + len(bad))], complaints
    assert (row(done, "delivered"), row(done, "bad lines")) == (2, len(bad))
    assert not hits_in_text(done.out + done.err)


async def test_a_line_that_is_too_long_is_reported(emulator: Emulator) -> None:
    """It is not buffered as a whole, and the lines around it are delivered."""
    long = b'{"action": "' + b"x" * 5_000_000 + b'"}\n'
    done = await run("ingest", "-", emulator=emulator, stdin=lines(view(0), long, view(1)))
    assert (done.code, row(done, "delivered"), row(done, "bad lines")) == (1, 2, 1)
    assert done.err.startswith("line 2: longer than")


async def test_rejected_events_are_counted_and_become_dead_letters(emulator: Emulator, tmp_path: Path) -> None:
    """Exit 1; the report and the file of dead letters have the same count."""
    letters = tmp_path / "dead.jsonl"
    some = lines(view(0), {"action": "page.viewed", "profile": "nobody"}, view(1))
    done = await run("ingest", "-", "--dead-letters", letters, emulator=emulator, stdin=some)
    assert (done.code, row(done, "delivered"), row(done, "rejected")) == (1, 2, 1), done
    assert len(letters.read_text().splitlines()) == 1


async def test_the_same_event_id_twice_is_sent_once(emulator: Emulator) -> None:
    """Both lines end as delivered; the emulator has one event."""
    done = await run("ingest", "-", emulator=emulator, stdin=lines(view(0, event_id="a"), view(0, event_id="a")))
    assert (done.code, row(done, "delivered"), len(emulator.events)) == (0, 2, 1), done


async def test_a_spool_delivers_and_is_empty_afterwards(emulator: Emulator, tmp_path: Path) -> None:
    """Exit 0, and a second run finds nothing left and remembers the ids of the first."""
    spool, some = tmp_path / "spool.db", lines(*(view(n, event_id=f"id-{n}") for n in range(300)))
    for _ in range(2):
        done = await run("ingest", "-", "--spool", spool, emulator=emulator, stdin=some)
        assert (done.code, row(done, "delivered")) == (0, 300), done
    assert len(emulator.events) == 300


async def test_a_signal_ends_the_reading_and_what_was_read_is_delivered(emulator: Emulator) -> None:
    """SIGTERM while stdin is open: nothing more is read, what was read is delivered, exit 1."""
    async with started("ingest", "-", emulator=emulator) as process:
        assert process.stdin is not None
        process.stdin.write(lines(*(view(n) for n in range(50))))
        await until(lambda: len(emulator.events) == 50)
        process.send_signal(signal.SIGTERM)
        out, err = await asyncio.wait_for(asyncio.gather(process.stdout.read(), process.stderr.read()), 30)  # type: ignore[union-attr]
        done = Done(await process.wait(), out.decode(), err.decode())
    assert (done.code, row(done, "delivered")) == (1, 50), done
    assert "stopped by a signal" in done.out


async def test_a_signal_drains_the_events_in_flight(emulator: Emulator) -> None:
    """SIGINT while a limit holds most of the input back: what was read is delivered or counted."""
    emulator.rate_limit = RateLimit(200, 50)
    async with started("ingest", "-", emulator=emulator) as process:
        assert process.stdin is not None
        process.stdin.write(lines(*(view(n) for n in range(150))))
        await until(lambda: len(emulator.events) >= 20)
        process.send_signal(signal.SIGINT)
        done = await ended(process)
    assert done.code == 1
    assert row(done, "delivered") == len(emulator.events)
    assert row(done, "delivered") + (row(done, "abandoned") if "abandoned" in done.out else 0) == 150, done


async def test_a_refused_token_ends_it_and_a_spool_keeps_the_events(emulator: Emulator, tmp_path: Path) -> None:
    """401: it does not wait for a new token; the events wait in the spool for the next run."""
    spool, some = tmp_path / "spool.db", lines(*(view(n) for n in range(40)))
    done = await run("ingest", "-", "--spool", spool, emulator=emulator, token="wrong", stdin=some)
    assert done.code == 1
    assert (row(done, "kept"), row(done, "left in the spool")) == (40, 40), done
    assert "401" in done.out
    again = await run("ingest", "-", "--spool", spool, emulator=emulator)
    assert (again.code, row(again, "found in the spool"), len(emulator.events)) == (0, 40, 40), again


async def test_what_an_earlier_run_left_counts_too(emulator: Emulator, tmp_path: Path) -> None:
    """All lines of this run are delivered, but an event found in the spool is rejected: exit 1."""
    spool, refused = tmp_path / "spool.db", lines({"action": "page.viewed", "profile": "nobody"})
    await run("ingest", "-", "--spool", spool, emulator=emulator, token="wrong", stdin=refused)
    done = await run("ingest", "-", "--spool", spool, emulator=emulator, stdin=lines(view(0)))
    assert (done.code, row(done, "delivered"), row(done, "found in the spool")) == (1, 1, 1), done


async def test_unknown_outcomes_are_reported(emulator: Emulator) -> None:
    """An event whose answer was lost is counted as unknown, and the exit code is 1."""
    emulator.faults.add(Fault("drop_after"))
    done = await run("ingest", "-", emulator=emulator, stdin=lines(view(0)))
    assert (done.code, row(done, "unknown")) == (1, 1), done


@pytest.mark.parametrize(
    "argv", [("ingest",), ("ingest", "-", "--rate", "0"), ("ingest", "/no/such/file"), ("ingest", "/")]
)
def test_wrong_usage_is_exit_2(argv: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, a missing file, a directory, a rate of zero."""
    monkeypatch.setenv("HELLOTEXT_API_TOKEN", TOKEN)
    assert code_of(*argv) == 2


async def test_without_a_token_it_is_exit_2() -> None:
    """The variable is named."""
    done = await run("ingest", "-")
    assert done.code == 2
    assert "HELLOTEXT_API_TOKEN" in done.err


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the streams")
async def test_it_works_without_the_streams_that_its_starter_closed(emulator: Emulator, tmp_path: Path) -> None:
    """As a supervisor may: everything is delivered, and the exit code says so."""
    path = tmp_path / "events.jsonl"
    path.write_text('{"action": "page.viewed", "session": "s"}\n')
    command = f"{sys.executable} -m hellotext_async ingest {path} <&- >&- 2>&-"
    process = await asyncio.create_subprocess_shell(command, env=environment(emulator))
    assert await asyncio.wait_for(process.wait(), LIMIT) == 0
    assert [event["session"] for event in emulator.events] == ["s"]
