"""`profiles import` and `profiles export`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hellotext_async.emulator import Emulator, Fault
from tests.cli.command import ended, environment, run, started, until
from tests.cli.test_ingest import row
from tests.harness.canary import EMAIL, PHONE, TOKEN, hits_in_text

CSV = """\
Name,surname,email,phone,groups,size,note
Will E,Coyote,will.e@acme.com,+59898000001,Greens; Seconds,L,x
Ana,Lima,ana@acme.com,,,,
"""
MAP = (
    "--map",
    "Name=first_name",
    "--map",
    "surname=last_name",
    "--map",
    "groups=lists",
    "--map",
    "size=properties.Size",
)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(token=TOKEN) as one:
        one.store.new(one.store.properties, kind="text", name="Size", position=1, profile=None, unique=False)
        yield one


async def test_a_csv_is_imported_and_can_be_imported_again(emulator: Emulator) -> None:
    """Columns are mapped, lists are split; the second time, the same profiles are updated."""
    for name in ("Ana", "Anita"):
        text = CSV.replace("Ana,", f"{name},").encode()
        done = await run(
            "profiles", "import", "-", "--format", "csv", *MAP, "--map", "note=", emulator=emulator, stdin=text
        )
        assert (done.code, row(done, "imported"), row(done, "lines")) == (0, 2, 2), done
        assert len(emulator.store.profiles) == 2
    shown = {each["first_name"]: each for each in map(emulator.store.profiles.show, emulator.store.profiles)}
    assert set(shown) == {"Will E", "Anita"}
    assert [each["name"] for each in shown["Will E"]["lists"]] == ["Greens", "Seconds"]
    assert {"kind": "text", "value": "L"}.items() <= shown["Will E"]["properties"][-1].items()


async def test_rows_that_cannot_be_imported_are_counted_by_reason(emulator: Emulator) -> None:
    """The rest is imported; no customer's data is shown; exit 1."""
    text = f"email,phone\n{EMAIL},\n,\nno-mail,\n,{PHONE}x\nx@y.z,+598\n".encode()
    done = await run("profiles", "import", "-", "--format", "csv", "--json", emulator=emulator, stdin=text)
    report = json.loads(done.out)
    assert done.code == 1, done
    assert report["lines"] == 5 == sum(report["outcomes"].values())
    assert report["outcomes"]["imported"] >= 1
    assert report["reasons"]["phone: a row needs a phone or an email"] == 1
    assert not hits_in_text(done.out + done.err)


async def test_an_import_goes_on_from_its_checkpoint(emulator: Emulator, tmp_path: Path) -> None:
    """Failed rows are not read again; imported ones are not sent again."""
    file = tmp_path / "people.csv"
    file.write_text("first_name,email\n" + "".join(f"P{n},p{n}@acme.com\n" for n in range(50)))
    argv = ("profiles", "import", file, "--checkpoint", tmp_path / "checkpoint", "--json")
    assert json.loads((await run(*argv, emulator=emulator)).out)["outcomes"] == {"imported": 50}
    sent = len(emulator.requests)
    assert json.loads((await run(*argv, emulator=emulator)).out)["outcomes"] == {"skipped": 50}
    assert len(emulator.requests) == sent


async def test_a_refused_token_ends_the_import(emulator: Emulator) -> None:
    """After the first answers, with the reason and the account of what was read."""
    text = ("email\n" + "".join(f"p{n}@acme.com\n" for n in range(500))).encode()
    done = await run("profiles", "import", "-", "--format", "csv", emulator=emulator, token="wrong", stdin=text)
    assert done.code == 1
    assert "401" in done.err
    assert row(done, "lines") == row(done, "failed") < 100, done
    assert "by a signal" not in done.out
    assert len(emulator.requests) < 100


async def test_a_dry_run_sends_nothing(emulator: Emulator) -> None:
    """It needs no token and checks the columns."""
    done = await run(
        "profiles", "import", "-", "--format", "csv", "--dry-run", *MAP, "--map", "note=", stdin=CSV.encode()
    )
    assert (done.code, row(done, "valid")) == (0, 2), done
    done = await run("profiles", "import", "-", "--format", "csv", "--dry-run", stdin=CSV.encode())
    assert (done.code, "'Name' is not the name of a field" in done.err) == (2, True), done


async def test_every_profile_is_exported(emulator: Emulator, tmp_path: Path) -> None:
    """As JSON lines and as a CSV that can be imported; the file has mode 0600 and is never overwritten."""
    for number in range(230):
        emulator.store.profiles.create({"first_name": f"P{number}", "email": f"p{number}@acme.com", "lists": "Greens"})
    done = await run("profiles", "export", emulator=emulator)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, len({each["id"] for each in found}), found[0]["emails"]) == (0, 230, ["p229@acme.com"]), done.err
    file = tmp_path / "people.csv"
    assert (await run("profiles", "export", "--output", file, emulator=emulator)).code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert (len(rows), rows[-1]["first_name"], rows[-1]["lists"]) == (230, "P0", "Greens")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = await run("profiles", "export", "--output", file, emulator=emulator)
    assert (again.code, "exists" in again.err) == (2, True), again
    drop = [option for name in ("id", "state", "created_at", "emails", "phones") for option in ("--map", f"{name}=")]
    done = await run("profiles", "import", file, *drop, emulator=emulator)
    assert (done.code, row(done, "imported"), len(emulator.store.profiles)) == (0, 230, 230), done


async def test_a_second_signal_ends_an_import_with_its_report(emulator: Emulator, tmp_path: Path) -> None:
    """The API does not answer: what was begun is cut off, accounted for, and read again by the next run."""
    people, checkpoint = tmp_path / "people.csv", tmp_path / "checkpoint"
    people.write_text("email\n" + "".join(f"p{n}@acme.com\n" for n in range(100)))
    emulator.faults.add(Fault("delay", match="*", delay=3600, times=None))
    argv = ("profiles", "import", people, "--checkpoint", checkpoint, "--json")
    async with started(*argv, emulator=emulator) as process:
        assert process.stderr is not None
        await until(lambda: bool(emulator.requests))
        process.send_signal(signal.SIGTERM)
        while b"reading no further" not in await asyncio.wait_for(process.stderr.readline(), 30):
            pass
        process.send_signal(signal.SIGTERM)
        done = await ended(process)
    report = json.loads(done.out)
    assert (done.code, "ending now" in done.err) == (1, True), done
    assert report["outcomes"] == {"abandoned": report["lines"]}
    assert 16 <= report["lines"] < 100
    emulator.faults.clear()
    again = json.loads((await run(*argv, emulator=emulator)).out)
    assert again["outcomes"] == {"imported": 100}


async def test_a_signal_ends_an_export_that_waits_for_the_api(emulator: Emulator) -> None:
    """A page is only read: nothing is lost, and the exit code says that it is not all."""
    emulator.faults.add(Fault("delay", match="*", delay=3600, times=None))
    async with started("profiles", "export", emulator=emulator) as process:
        await until(lambda: bool(emulator.requests))
        process.send_signal(signal.SIGTERM)
        done = await ended(process)
    assert (done.code, "0 profiles (stopped by a signal)" in done.err) == (1, True), done


async def test_an_export_that_fails_is_one_line(emulator: Emulator) -> None:
    """Exit 1 and one line."""
    emulator.faults.add(Fault("status", status=403, match="GET *", times=None))
    done = await run("profiles", "export", emulator=emulator)
    assert (done.code, "403" in done.err, "Traceback" in done.err) == (1, True, False), done


async def test_a_reader_that_ends_before_the_export_is_no_traceback(emulator: Emulator) -> None:
    """As in `profiles export | head -1`: exit 1, and nothing on stderr."""
    emulator.store.profiles.create({"first_name": "Ana"})
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hellotext_async", "profiles", "export"),
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
        env=environment(emulator),
    )
    os.close(writing)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (1, b"")
