"""`ingest`: CSV, gzip, mapping, dry runs, JSON reports, and invalid inputs."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hellotext_async.emulator import Emulator
from tests.cli.command import code_of, run
from tests.cli.test_ingest import lines, row, view
from tests.harness.canary import EMAIL, PHONE, TOKEN, hits_in_text


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(token=TOKEN) as one:
        one.store.seed_document()
        yield one


async def test_a_csv_is_mapped_to_fields(emulator: Emulator, tmp_path: Path) -> None:
    """By name, by --map, by --set; nested fields, numbers, times, JSON, quoted line breaks, empty values."""
    file = tmp_path / "orders.csv"
    file.write_text(
        "\ufeffid,customer,amount,currency,tracked_at,note,metadata,extra\r\n"
        '"A;1",MzYwlE50,9.90,USD,1767323045,"two\r\nlines, and ""quotes""",{"n": 1},x\r\n'
        "\r\n"
        "A2,MzYwlE50,,,2026-01-02T03:04:05Z,,,\r\n"
    )
    done = await run(
        "ingest", file, "--set", "action=order.placed", "--map", "id=order_parameters.reference", "--map", "customer=profile",
        "--map", "note=order_parameters.note", "--map", "extra=", emulator=emulator,
    )  # fmt: skip
    assert (done.code, row(done, "delivered"), row(done, "skipped"), row(done, "lines")) == (0, 2, 1, 3), done
    first = emulator.assert_tracked("order.placed", order_parameters={"reference": "A;1"})
    assert (first["amount"], first["tracked_at"], first["metadata"]) == (9.9, 1767323045, {"n": 1})
    assert first["order_parameters"]["note"].split() == ["two", "lines,", "and", '"quotes"']
    emulator.assert_tracked("order.placed", order_parameters={"reference": "A2"}, amount=None, tracked_at=1767323045)


@pytest.mark.parametrize("delimiter", [";", "\t"])
async def test_other_delimiters_are_recognised(emulator: Emulator, delimiter: str) -> None:
    """From the header."""
    text = delimiter.join(("action", "session", "url")) + "\n" + delimiter.join(("page.viewed", "s", "https://x/?a,b"))
    done = await run("ingest", "-", "--format", "csv", emulator=emulator, stdin=text.encode())
    assert (done.code, emulator.events[0]["url"]) == (0, "https://x/?a,b"), done


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        ("action,session,Order No", (), "column 'Order No' is not the name of a field"),
        ("action,session", ("--map", "order=order"), "the CSV has no column 'order'"),
        ("action,session", ("--map", "session=visitor"), "there is no field 'visitor'"),
        ("action,session", ("--set", "nothing=1"), "there is no field 'nothing'"),
        ("action,session", ("--set", "nothing"), "expected name=value"),
        ("session,session", (), "two columns of one name"),
    ],
)
def test_wrong_columns_are_wrong_usage(
    tmp_path: Path,
    header: str,
    options: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 2, the column named, nothing sent: there is no server."""
    monkeypatch.setenv("HELLOTEXT_API_TOKEN", TOKEN)
    monkeypatch.setenv("HELLOTEXT_API_URL", "http://127.0.0.1:1")
    (tmp_path / "events").write_text(f"{header}\npage.viewed,s,1\n")
    assert code_of("ingest", tmp_path / "events", "--format", "csv", *options) == 2
    assert message in capsys.readouterr().err


async def test_bad_records_are_counted_by_kind_and_shown_a_few_times(emulator: Emulator) -> None:
    """Five lines of each kind; the report counts all; none of their content is shown."""
    bad = b"page.viewed,s\n" * 20 + b"page.viewed,s," + b"\xff\n" + b"page.viewed,s,'" + PHONE.encode() + b"'\n"
    text = b"action,session,amount\npage.viewed,s,\n" + bad + b'page.viewed,"s,1\n'
    done = await run("ingest", "-", "--format", "csv", emulator=emulator, stdin=text)
    assert (done.code, row(done, "delivered"), row(done, "bad lines"), row(done, "lines")) == (1, 1, 23, 24), done
    assert done.err.count("2 values for 3 columns") == 5
    assert "20 x 2 values for 3 columns" in done.out
    assert "line 23: not UTF-8" in done.err
    assert "line 24: amount: expected a number" in done.err
    assert "line 25: a quote is not closed" in done.err
    assert not hits_in_text(done.out + done.err)


async def test_rejections_are_counted_by_reason(emulator: Emulator) -> None:
    """Status, parameter and type."""
    some = [{"action": "page.viewed", "profile": "nobody", "metadata": {"email": EMAIL}}] * 7
    done = await run("ingest", "-", emulator=emulator, stdin=lines(*some, view(0)))
    assert (done.code, row(done, "rejected")) == (1, 7)
    assert "7 x rejected: HTTP 404, profile (not_found)" in done.out
    assert done.err.count("rejected: HTTP 404") == 5
    assert not hits_in_text(done.out + done.err)


async def test_gzip_is_recognised_whatever_its_name(emulator: Emulator, tmp_path: Path) -> None:
    """Also in several members, and from stdin."""
    file = tmp_path / "events.log"
    file.write_bytes(gzip.compress(lines(*(view(n) for n in range(500)))) + gzip.compress(lines(view(500))))
    for argv, stdin in (((file,), b""), (("-",), file.read_bytes())):
        done = await run("ingest", *argv, emulator=emulator, stdin=stdin)
        assert (done.code, row(done, "delivered")) == (0, 501), done


@pytest.mark.parametrize(("cut", "message"), [(True, "cut off"), (False, "damaged")])
async def test_damaged_gzip_is_reported_and_complete_lines_are_delivered(
    emulator: Emulator, cut: bool, message: str
) -> None:
    """Exit 1; the last line, which may be truncated, is not used."""
    packed = gzip.compress(lines(*(view(n) for n in range(2_500))))
    done = await run("ingest", "-", emulator=emulator, stdin=packed[:-20] if cut else packed + b"not gzip")
    assert (done.code, message in done.out, "bad lines" in done.out) == (1, True, False), done
    assert row(done, "delivered") == len(emulator.events) > 1000


async def test_a_dry_run_checks_everything_and_sends_nothing(emulator: Emulator, tmp_path: Path) -> None:
    """It needs no token; a bad line is exit 1."""
    done = await run("ingest", "-", "--dry-run", stdin=lines(view(0), view(1)))
    assert (done.code, row(done, "valid")) == (0, 2), done
    done = await run("ingest", "-", "--dry-run", emulator=emulator, stdin=lines(view(0), {"action": "order.placed"}))
    assert (done.code, row(done, "valid"), row(done, "bad lines")) == (1, 1, 1), done
    assert list(emulator.requests) == []
    done = await run("ingest", "-", "--dry-run", "--spool", tmp_path / "spool.db", stdin=b"")
    assert (done.code, (tmp_path / "spool.db").exists()) == (2, False)


async def test_the_report_as_json(emulator: Emulator) -> None:
    """One object, with the same numbers."""
    some = lines(view(0), b"\n", {"action": "page.viewed", "profile": "nobody"}, {"action": 1})
    done = await run("ingest", "-", "--json", emulator=emulator, stdin=some)
    report = json.loads(done.out)
    assert (done.code, report["lines"], report["all_delivered"]) == (1, 4, False)
    assert report["outcomes"] == {"delivered": 1, "skipped": 1, "rejected": 1, "bad": 1}
    assert sum(report["reasons"].values()) == 2


async def test_a_file_that_is_not_a_spool_is_left_alone(emulator: Emulator, tmp_path: Path) -> None:
    """The application id in its header is another program's, or missing."""
    other = tmp_path / "notes.txt"
    other.write_text("my notes\n" * 1000)
    done = await run("ingest", "-", "--spool", other, emulator=emulator, stdin=lines(view(0)))
    assert done.code in (1, 2), done
    assert str(other) in done.err
    assert "Traceback" not in done.err
    assert other.read_text() == "my notes\n" * 1000


async def test_a_host_that_cannot_be_reached_is_reported_at_once(emulator: Emulator) -> None:
    """Before the reading ends, and once."""
    from tests.cli.command import started

    await emulator.aclose()
    async with started("ingest", "-", emulator=emulator) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(lines(view(0), view(1)))
        first = (await process.stderr.readline()).decode()
    assert first.startswith(f"hellotext-async: {emulator.url} cannot be reached (")
