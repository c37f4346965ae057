"""The parts of the commands that need no process: lines, progress, the table."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hellotext_async.cli import progress
from hellotext_async.cli.lines import Splitter
from hellotext_async.cli.table import table


@given(some.lists(some.text(alphabet="ab\n", max_size=8).map(str.encode)))
def test_lines_do_not_depend_on_how_they_come(chunks: list[bytes]) -> None:
    """Cut anywhere, the lines and their numbers are those of the whole."""
    splitter = Splitter()
    got = [line for chunk in chunks for line in splitter.feed(chunk)] + list(splitter.end())
    whole = b"".join(chunks).split(b"\n")
    assert got == list(enumerate(whole if whole[-1] else whole[:-1], 1))


@given(some.lists(some.binary(min_size=1, max_size=4).map(lambda b: b.replace(b"\r", b"x")), min_size=1))
def test_a_long_line_is_one_line_and_holds_no_memory(chunks: list[bytes]) -> None:
    """However it is cut, a line beyond the limit comes out once, as None, and is not kept while it grows."""
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
    """With its label, how far it is and the status, drawn to the end."""
    with redirect_stderr(Terminal()) as out, progress.showing("reading", 200) as shown:
        shown(50, "so far")
    assert "reading" in out.getvalue()
    assert " 25%" in out.getvalue()
    assert "so far" in out.getvalue()


def test_a_table_has_its_numbers_on_the_right() -> None:
    """Names left, values right, thousands apart."""
    assert table([("a", 1234567), ("long name", "x")]) == "  a          1,234,567\n  long name          x"
