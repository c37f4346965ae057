"""Rows of an input: the fields in each line of JSON, or in each record of a CSV.

Rules. A row that cannot be read is reported by its line and a reason that shows nothing of it, and the
rows after it go on. Memory is bounded by the longest record allowed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ..errors import ConfigurationError
from .lines import LONGEST

__all__ = ["CsvRows", "JsonRows", "Row", "rows_of"]

_DELIMITERS: Final = (",", ";", "\t", "|")
_TOO_LONG: Final = f"longer than {LONGEST} bytes"


@dataclass(slots=True)
class Row:
    """One row: its number from 1, the line on which it begins, and its fields or what is wrong with it.

    A blank line has neither. `size` is in bytes of the (decompressed) input. `whole` is False for the last one
    of an input whose last line has no end: more of it may come.
    """

    number: int
    line: int
    size: int
    fields: Mapping[str, Any] | None = None
    problem: str | None = None
    whole: bool = True


def rows_of(format: str) -> JsonRows | CsvRows:
    """Rows of "json" or "csv"."""
    return JsonRows() if format == "json" else CsvRows()


class JsonRows:
    """One JSON object a line."""

    def take(self, line: int, text: bytes | None) -> Iterator[Row]:
        """One row, always."""
        row = Row(line, line, 1 if text is None else len(text) + 1)
        if text is None:
            row.problem = _TOO_LONG
        elif text.strip():
            self._read(row, text)
        yield row

    def _read(self, row: Row, text: bytes) -> None:
        try:
            found: Any = msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            row.problem = "not JSON"
        else:
            if isinstance(found, dict):
                row.fields = found  # pyright: ignore[reportUnknownMemberType]
            else:
                row.problem = "not a JSON object"

    def end(self) -> Iterator[Row]:
        """Nothing: every line is a row."""
        return iter(())


class CsvRows:
    """Records after RFC 4180: a header, and values that may hold line breaks within quotes.

    The delimiter is the one that the header has most of. `header` is None until it was read; ConfigurationError
    if it cannot be.
    """

    def __init__(self) -> None:
        self.header: Sequence[str] | None = None
        self._delimiter = ","
        self._number = 0
        self._begin = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._quoted = False

    def take(self, line: int, text: bytes | None) -> Iterator[Row]:
        """A row once its quotes are closed."""
        if not self._parts:
            self._begin = line
        self._size += 1 if text is None else len(text) + 1
        if text is None or self._size > LONGEST:
            yield self._problem(_TOO_LONG)
            return
        self._parts.append(text)
        self._quoted ^= text.count(b'"') % 2 == 1
        if not self._quoted:
            yield from self._record()

    def end(self) -> Iterator[Row]:
        """A record whose quotes were never closed."""
        if self._parts:
            yield self._problem("a quote is not closed")

    def _problem(self, problem: str) -> Row:
        """A row that cannot be read; of a header, nothing that follows can be."""
        if self.header is None:
            raise ConfigurationError(f"the header of the CSV cannot be read: {problem}")
        return self._next(problem)

    def _next(self, problem: str | None = None, fields: Mapping[str, Any] | None = None) -> Row:
        self._number += 1
        row = Row(self._number, self._begin, self._size, fields, problem)
        self._reset()
        return row

    def _reset(self) -> None:
        self._parts, self._size, self._quoted = [], 0, False

    def _record(self) -> Iterator[Row]:
        raw = b"\n".join(self._parts).removesuffix(b"\r")
        try:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode()
        except UnicodeDecodeError:
            yield self._problem("not UTF-8")
            return
        if self.header is None:
            if text.strip():
                self._read_header(text)
            self._reset()
        elif not text.strip():
            yield self._next()
        else:
            yield self._read(text)

    def _read_header(self, text: str) -> None:
        self._delimiter = max(_DELIMITERS, key=text.count)
        try:
            self.header = [name.strip() for name in self._split(text)]
        except csv.Error:
            self._problem("not a CSV record")

    def _read(self, text: str) -> Row:
        header = self.header or ()
        try:
            values = self._split(text)
        except csv.Error:
            return self._next("not a CSV record")
        if len(values) != len(header):
            return self._next(f"{len(values)} values for {len(header)} columns")
        return self._next(fields=dict(zip(header, values, strict=True)))

    def _split(self, text: str) -> list[str]:
        csv.field_size_limit(LONGEST)
        nothing: list[str] = []
        return next(csv.reader([text], delimiter=self._delimiter, strict=True), nothing)
