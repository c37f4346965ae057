"""Commands whose stdout or stderr cannot be written, and those whose input cannot be what it is said to be."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from hellotext_async.emulator import Emulator, Fault
from tests.cli.command import LIMIT, Done, environment
from tests.cli.test_ingest import lines, row, view
from tests.harness.canary import EMAIL, hits_in_text
from tests.queue.test_full_disk import small_disk as small_disk

FULL = Path("/dev/full")
UNMEASURED = "unset COVERAGE_PROCESS_CONFIG;"  # a limit of files would hold for the file of the measurement too
on_linux = pytest.mark.skipif(not FULL.is_char_device(), reason="Linux has a device that is always full")


async def run_to(
    emulator: Emulator, *argv: object, out: str | None = None, err: str | None = None, before: str = ""
) -> Done:
    """Run a command whose stdout or stderr goes to the file of that name; "-" closes its stdin."""
    ends = {"out": f">{out}" if out else "", "err": f"2>{err}" if err else ""}
    command = f'unset PYTHONUNBUFFERED; {before} exec "$@" {ends["out"]} {ends["err"]}{" <&-" if "-" in argv else ""}'
    words = (sys.executable, "-m", "hellotext_async", *map(str, argv))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command, "sh", *words, stdout=pipe, stderr=pipe, env=environment(emulator)
    )
    shown, complaints = await asyncio.wait_for(process.communicate(), LIMIT)
    return Done(process.returncode, shown.decode(), complaints.decode())


@on_linux
@pytest.mark.parametrize("more", [(), ("--json",)])
async def test_a_report_that_stdout_cannot_take_is_on_stderr(
    emulator: Emulator, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """The account of what was done is not lost, and the exit code is 1."""
    (tmp_path / "events").write_bytes(lines(*(view(n) for n in range(5))))
    done = await run_to(emulator, "ingest", tmp_path / "events", *more, out=str(FULL))
    assert (done.code, "stdout cannot be written (No space left" in done.err, len(emulator.events)) == (1, True, 5)
    assert "Traceback" not in done.err
    assert '"delivered":5' in done.err if more else "delivered  " in done.err


@on_linux
@pytest.mark.parametrize("argv", [("check",), ("dead-letters", "list"), ("profiles", "export"), ("--help",)])
async def test_what_cannot_be_written_is_one_line(emulator: Emulator, tmp_path: Path, argv: tuple[str, ...]) -> None:
    """Whatever the command writes."""
    emulator.store.profiles.add(id="one", first_name="Will E")
    letter = {"event_id": "e", "action": "page.viewed", "verdict": "expired", "payload": {}}
    (tmp_path / "dead.jsonl").write_text(json.dumps(letter))
    file = (tmp_path / "dead.jsonl",) if "list" in argv else ()
    done = await run_to(emulator, *argv, *file, out=str(FULL))
    assert (done.code, "stdout cannot be written" in done.err, "Traceback" in done.err) == (1, True, False), done


@pytest.mark.skipif(sys.platform == "win32", reason="ulimit")
async def test_an_export_that_does_not_fit_says_that_its_file_is_not_whole(emulator: Emulator, tmp_path: Path) -> None:
    """One line, and nothing of a customer."""
    for n in range(200):
        emulator.store.profiles.add(id=f"p{n}", first_name=EMAIL * 10)
    done = await run_to(
        emulator, "profiles", "export", "--output", tmp_path / "all", before=f"{UNMEASURED} ulimit -f 8;"
    )
    assert (done.code, "all cannot be written (File too large): it is not whole" in done.err) == (1, True), done
    assert "Traceback" not in done.err
    assert not hits_in_text(done.out + done.err)


async def test_events_that_a_full_spool_does_not_accept_have_a_reason(
    emulator: Emulator, tmp_path: Path, small_disk: Path
) -> None:
    """They are counted by it, and were not sent."""
    (tmp_path / "events").write_bytes(lines(*(view(n, metadata={"text": "x" * 20_000}) for n in range(300))))
    emulator.faults.add(Fault("delay", delay=1, times=None))  # the file is read faster, on a busy machine too
    done = await run_to(emulator, "ingest", tmp_path / "events", "--spool", small_disk / "spool.db")
    refused = row(done, "not accepted")
    assert (done.code, row(done, "lines"), refused + row(done, "delivered")) == (1, 300, 300), done
    assert f"{refused:,} x not accepted: " in done.out
    assert done.err.count(": not accepted: ") == 5
    assert len(emulator.events) == row(done, "delivered")


@on_linux
async def test_complaints_that_stderr_cannot_take_stop_nothing(emulator: Emulator, tmp_path: Path) -> None:
    """A bad line is complained of there; the lines after it are read, and the report counts them all."""
    (tmp_path / "events").write_bytes(lines(*(view(n) for n in range(5)), b"not JSON\n", view(6)))
    done = await run_to(emulator, "ingest", tmp_path / "events", err=str(FULL))
    assert (done.code, row(done, "lines"), row(done, "delivered"), row(done, "bad lines")) == (1, 7, 6, 1), done
    assert "could not be read" not in done.out


@pytest.mark.skipif(sys.platform == "win32", reason="sh")
@pytest.mark.parametrize("command", ["ingest", "profiles import"])
async def test_a_closed_stdin_is_said_to_be_closed(emulator: Emulator, command: str) -> None:
    """Its number belongs to another file by then, which must not be read."""
    done = await run_to(emulator, *command.split(), "-")
    assert (done.code, done.err) == (2, "hellotext-async: - cannot be read (stdin is closed)\n"), done


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("latin.csv", f"action,caf\xe9\npage.viewed,{EMAIL}\n".encode("latin1"), "not UTF-8"),
        ("quoted.csv", f'"action"x,session\npage.viewed,{EMAIL}\n'.encode(), "not a CSV record"),
        ("open.csv", f'"action,session\npage.viewed,{EMAIL}\n'.encode(), "a quote is not closed"),
        ("long.csv", b"a" * 5_000_000 + f"\npage.viewed,{EMAIL}\n".encode(), "longer than"),
    ],
)
async def test_a_header_that_cannot_be_read_ends_it(
    emulator: Emulator, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """The next record would be taken for the header, and every one after it for a bad line."""
    (tmp_path / name).write_bytes(content)
    done = await run_to(emulator, "ingest", tmp_path / name)
    assert (done.code, f"the header of the CSV cannot be read: {message}" in done.err) == (2, True), done
    assert not hits_in_text(done.out + done.err)


async def test_blank_lines_before_a_header_are_left_out(emulator: Emulator, tmp_path: Path) -> None:
    """As some exports have them."""
    (tmp_path / "events.csv").write_text("\n\r\naction,session\npage.viewed,s1\n")
    done = await run_to(emulator, "ingest", tmp_path / "events.csv")
    assert (done.code, row(done, "delivered")) == (0, 1), done


@pytest.mark.parametrize("magic", [b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"PK\x03\x04"], ids=["zstd", "xz", "zip"])
async def test_another_compression_is_named(
    emulator: Emulator, tmp_path: Path, magic: bytes, request: pytest.FixtureRequest
) -> None:
    """Its bytes are no bad lines."""
    (tmp_path / "events").write_bytes(magic + os.urandom(100))
    done = await run_to(emulator, "ingest", tmp_path / "events")
    assert (done.code, row(done, "lines")) == (1, 0), done
    assert f"it is {request.node.callspec.id}: only gzip is decompressed" in done.out


@pytest.mark.parametrize(
    "options", [("--dead-letters", "events"), ("--checkpoint", "c", "--dead-letters", "./c"), ("--spool", "events")]
)
async def test_one_file_is_not_two_things(emulator: Emulator, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Dead letters in the input would be read as lines, and those in a checkpoint overwritten."""
    (tmp_path / "events").write_bytes(lines({"action": "page.viewed", "profile": "nobody"}))
    before = (tmp_path / "events").read_bytes()
    words = [word if word.startswith("--") else tmp_path / word for word in options]
    done = await run_to(emulator, "ingest", tmp_path / "events", *words)
    assert (done.code, "each another" in done.err, len(emulator.requests)) == (2, True, 0), done
    assert [path.name for path in tmp_path.iterdir()] == ["events"]
    assert (tmp_path / "events").read_bytes() == before
