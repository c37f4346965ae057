"""Reads an input as rows: bytes in the background, decompressed, split, and stopped by a signal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from .lines import Chunks, Splitter
from .rows import CsvRows, JsonRows, Row
from .source import Gunzip

__all__ = ["format_of", "rows_until"]


def format_of(name: str, given: str | None) -> str:
    """The format of an input: as given, else by its name."""
    plain = name.lower().removesuffix(".gz")
    return given or ("csv" if plain.endswith((".csv", ".tsv")) else "json")


async def rows_until(stop: asyncio.Event, chunks: Chunks, rows: JsonRows | CsvRows) -> AsyncIterator[Row]:
    """Every row until the end or until `stop` is set. Raises OSError if the input is damaged or cut off."""
    splitter, gunzip = Splitter(), Gunzip()
    async for chunk in chunks.until(stop):
        for piece in gunzip.feed(chunk):
            for row in _rows(splitter.feed(piece), rows):
                if stop.is_set():
                    return
                yield row
            await asyncio.sleep(0)
    if stop.is_set():
        return
    failure: OSError | None = None
    left: list[bytes] = []
    try:
        left = list(gunzip.end())
    except OSError as error:
        failure = error
    for piece in left:
        for row in _rows(splitter.feed(piece), rows):
            yield row
    if failure is not None:
        raise failure  # the last line may be cut off too
    for row in (*_rows(splitter.end(), rows), *rows.end()):
        row.whole = False
        yield row


def _rows(lines: Iterator[tuple[int, bytes | None]], rows: JsonRows | CsvRows) -> Iterator[Row]:
    for number, line in lines:
        yield from rows.take(number, line)
