"""The parts of the commands that need no process: lines, progress, the table."""

from __future__ import annotations

import argparse
import asyncio
import gzip
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hellotext_async import ConfigurationError, InvalidParameter
from hellotext_async._events.known_keys import UnknownParameterWarning
from hellotext_async.cli import progress
from hellotext_async.cli.checkpoint import Checkpoint
from hellotext_async.cli.events import event_of
from hellotext_async.cli.lines import Chunks, Splitter
from hellotext_async.cli.mapping import FieldMap, pair
from hellotext_async.cli.numbers import count, port, rate
from hellotext_async.cli.rows import LONGEST, CsvRows, Row
from hellotext_async.cli.signals import stopping
from hellotext_async.cli.source import Gunzip
from hellotext_async.cli.table import table
from hellotext_async.cli.tally import Tally
from hellotext_async.cli.warned import warnings_in_words


@given(some.lists(some.text(alphabet="ab\n", max_size=8).map(str.encode)))
def test_lines_do_not_depend_on_how_they_come(chunks: list[bytes]) -> None:
    """Split at any points, the lines and their numbers are those of the whole."""
    splitter = Splitter()
    got = [line for chunk in chunks for line in splitter.feed(chunk)] + list(splitter.end())
    whole = b"".join(chunks).split(b"\n")
    assert got == list(enumerate(whole if whole[-1] else whole[:-1], 1))


@given(some.lists(some.binary(min_size=1, max_size=4).map(lambda b: b.replace(b"\r", b"x")), min_size=1))
def test_a_long_line_is_one_line_and_holds_no_memory(chunks: list[bytes]) -> None:
    """However it is split, a line beyond the limit is returned once, as None, and is not buffered while it grows."""
    splitter = Splitter(longest=5)
    got: list[bytes | None] = []
    for chunk in chunks:
        got += [line for _, line in splitter.feed(chunk)]
        assert splitter.pending <= 5
    got += [line for _, line in splitter.end()]
    whole = b"".join(chunks).split(b"\n")
    assert got == [line if len(line) <= 5 else None for line in (whole if whole[-1] else whole[:-1])]


def test_progress_off_a_terminal_is_quiet_or_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """A short command writes nothing; a longer one a line every 5 s, without control characters."""
    with progress.showing("reading", 10) as shown:
        shown(1)
    assert capsys.readouterr().err == ""
    out, now = io.StringIO(), 0.0
    lines = progress.Lines("reading", 8, out, clock=lambda: now)
    for second in range(12):
        now = second
        lines(second, f"{second} delivered")
    assert out.getvalue() == "reading:  62%  5 delivered\nreading: 100%  10 delivered\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_is_a_bar() -> None:
    """With its label, its progress and the status, drawn to the end."""
    with redirect_stderr(Terminal()) as out, progress.showing("reading", 200) as shown:
        shown(50, "so far")
    assert "reading" in out.getvalue()
    assert " 25%" in out.getvalue()
    assert "so far" in out.getvalue()


def test_a_table_has_its_numbers_on_the_right() -> None:
    """Names on the left, values on the right, with thousands separators."""
    assert table([("a", 1234567), ("long name", "x")]) == "  a          1,234,567\n  long name          x"


@pytest.mark.parametrize(
    ("number", "good", "bad"),
    [
        (count, {"1": 1, "64": 64}, ["0", "-1", "1.5", "x", "", "²"]),
        (port, {"0": 0, "65535": 65535}, ["65536", "-1", "http"]),
        (rate, {"0.5": 0.5, "1e3": 1000.0}, ["0", "-1", "inf", "nan", "fast"]),
    ],
)
def test_a_number_of_the_command_line_is_checked_there(
    number: Callable[[str], float], good: dict[str, float], bad: list[str]
) -> None:
    """A wrong one is a usage error."""
    assert {text: number(text) for text in good} == good
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match="expected a"):
            number(text)


def test_columns_become_fields_and_keys_of_objects() -> None:
    """JSON where a value begins like it, numbers for amounts, nothing for empty values."""
    columns = FieldMap([("Ref", "order_parameters.reference"), ("Notes", "")], [("currency", "USD")],
                       {"order_parameters", "amount", "currency", "products", "metadata"}, csv=True)  # fmt: skip
    row = {"Ref": "A-1", "Notes": "x", "amount": "8.5", "products": '[{"product": "p"}]', "metadata": ""}
    assert columns.apply(row) == {
        "order_parameters": {"reference": "A-1"}, "amount": 8.5, "currency": "USD", "products": [{"product": "p"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"metadata": "x", "metadata.a": "y"}, "metadata: both a value and an object"),
        ({"metadata": "{a"}, "metadata: not JSON"),
        ({"amount": "much"}, "amount: expected a number"),
    ],
)
def test_a_row_that_cannot_be_mapped_names_the_field(row: dict[str, str], problem: str) -> None:
    """And not its value."""
    with pytest.raises(InvalidParameter, match=problem):
        FieldMap([], [], {"metadata", "amount"}, csv=True).apply(row)


def test_a_pair_has_a_name_and_an_equals_sign() -> None:
    """Spaces around both are stripped; the value may be empty."""
    assert (pair(" a = b=c "), pair("a=")) == (("a", "b=c"), ("a", ""))
    for text in ("a", "=b", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="name=value"):
            pair(text)


def records(text: bytes) -> list[Row]:
    rows = CsvRows()
    return [row for number, line in enumerate(text.split(b"\n"), 1) for row in rows.take(number, line)] + list(
        rows.end()
    )


def test_a_record_that_cannot_be_read_is_one_row_with_a_problem() -> None:
    """Later records are read."""
    long = b"x" * (LONGEST + 1)
    text = b"\n".join([b"a,b", b"1,2", long, b"3", b"3\r4,5", b"\xff,5", b"6,7", b'"8,9'])
    assert [row.problem for row in records(text)] == [
        None, "longer than 4194304 bytes", "1 values for 2 columns", "not a CSV record", "not UTF-8", None,
        "a quote is not closed",
    ]  # fmt: skip


def test_a_record_over_many_lines_is_bounded_too() -> None:
    """An open quote does not collect the rest of the file."""
    rows = CsvRows()
    found = [
        row for number, line in enumerate([b"a", b'"', *[b"z" * 1_000_000] * 5], 1) for row in rows.take(number, line)
    ]
    assert found[0].problem == "longer than 4194304 bytes"


@given(some.binary(max_size=200), some.integers(1, 7))
def test_gzip_is_decompressed_however_it_is_cut(content: bytes, size: int) -> None:
    """Two members and the zero padding of a tape; data that is not gzip is unchanged."""
    packed = gzip.compress(content) + gzip.compress(content) + bytes(16)
    assert unpacked(packed, size) == content * 2
    assert unpacked(b"{" + content, size) == b"{" + content


def unpacked(data: bytes, size: int) -> bytes:
    gunzip = Gunzip()
    pieces = [piece for at in range(0, len(data), size) for piece in gunzip.feed(data[at : at + size])]
    return b"".join([*pieces, *gunzip.end()])


def test_a_byte_that_could_begin_gzip_is_not_lost() -> None:
    """A file of that byte alone; damaged or truncated gzip data is an error."""
    assert unpacked(b"\x1f", 1) == b"\x1f"
    packed = gzip.compress(os.urandom(100))
    for data, problem in ((packed[:-4], "cut off"), (packed[:5] + b"\xff" * 50, "damaged")):
        with pytest.raises(OSError, match=problem):
            unpacked(data, 10)


@pytest.mark.parametrize("line", [b"", b"  ", b"[1]", b"{", b"\xff"])
def test_a_line_that_is_no_event_raises_the_reason(line: bytes) -> None:
    """As InvalidParameter, for programs that read lines themselves."""
    with pytest.raises(InvalidParameter, match="line: "):
        event_of(line)


def test_a_checkpoint_that_cannot_be_written_names_itself(tmp_path: Path) -> None:
    """Its folder was deleted meanwhile."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    (tmp_path / "events.jsonl").write_bytes(b"{}\n")
    with (tmp_path / "events.jsonl").open("rb") as file:
        checkpoint = Checkpoint.open(folder / "c", file.fileno())
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        checkpoint.begin(1)
        checkpoint.end(1, "delivered")
        with pytest.raises(ConfigurationError, match=r"--checkpoint .*c: No such file"):
            checkpoint.save()


def test_the_remaining_time_is_shown_once_something_is_delivered() -> None:
    """Before that, and while the API is down, it would be computed from the speed of refused lines."""
    tally = Tally()
    tally.began -= 10
    rows = [Row(number, number, 10, {}, None) for number in range(2)]
    for row in rows:
        tally.begin(row)
    tally.bad(rows[0], "not JSON")
    assert "left" not in tally.status_line(size=40, read=20)
    tally.end(rows[1], "delivered")
    assert tally.status_line(size=40, read=20).endswith("0:10 left")


async def test_what_cannot_be_read_is_an_error_in_the_loop(tmp_path: Path) -> None:
    """A thread reads, and its OSError is raised in the waiting coroutine."""
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(IsADirectoryError):
            [chunk async for chunk in Chunks(folder).until(asyncio.Event())]
    finally:
        os.close(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to itself ends a program there")
def test_the_third_interrupt_ends_the_command_as_usual(capsys: pytest.CaptureFixture[str]) -> None:
    """The first two end it in order, and print that; the previous handler is restored afterwards."""
    before = signal.getsignal(signal.SIGINT)

    async def run() -> None:
        with stopping("draining", "ending now") as stop:
            for event in (stop, stop.now):
                os.kill(os.getpid(), signal.SIGINT)
                await event.wait()
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(10)

    with asyncio.Runner() as runner, pytest.raises(KeyboardInterrupt):
        runner.run(run())
    assert signal.getsignal(signal.SIGINT) is before
    assert capsys.readouterr().err == "\nhellotext-async: draining\n\nhellotext-async: ending now\n"


def test_warnings_of_unknown_keys_are_one_line_and_others_are_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    """The line names no key: it may be a customer's data."""
    with pytest.warns(UserWarning, match="something else") as seen, warnings_in_words():
        for key in ("will.e", "other"):
            warnings.warn(UnknownParameterWarning(f"metadata[{key}]"), stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)
    assert len(seen) == 1
    assert capsys.readouterr().err.count("some parameters have keys") == 1


async def test_reading_stops_between_two_chunks(tmp_path: Path) -> None:
    """What was read is returned, and nothing more is read once the program is to stop."""
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    file, stop, read = os.open(tmp_path / "file", os.O_RDONLY), asyncio.Event(), 0
    try:
        async for chunk in Chunks(file).until(stop):
            read += len(chunk)
            stop.set()
    finally:
        os.close(file)
    assert 0 < read < 300_000
