"""What became of every line of an input: the events in them, and the account of their ends."""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import datetime
from typing import Any

import msgspec

from .._events.event import Event
from .._events.fields import EVENT_FIELDS
from ..errors import InvalidParameter
from ..queue.outcome import Report
from .lines import LONGEST
from .table import table

__all__ = ["Tally", "event_of"]


class Tally:
    """What became of every line."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.fates: Counter[str] = Counter()
        self.bad = 0
        self.found = 0
        self.doubled = 0
        self.stopped = False
        self.unreadable: str | None = None
        self.report: Report | None = None

    def read(self, number: int, line: bytes | None) -> Event | None:
        """The event in a line; a line that holds none is reported and counted, and an empty one is nothing."""
        try:
            if line is None:
                raise InvalidParameter("line", f"longer than {LONGEST} bytes")
            return event_of(line) if line.strip() else None
        except InvalidParameter as error:
            self.bad += 1
            print(f"line {number}: {_reason(error)}", file=sys.stderr)
            return None

    def words(self) -> str:
        """Where it stands."""
        ended = self.fates.total() - self.fates["delivered"]
        speed = self.fates["delivered"] / max(time.monotonic() - self.began, 1e-9)
        return f"{self.fates['delivered']:,} delivered, {ended:,} not, {self.bad:,} bad lines, {speed:,.0f}/s"

    @property
    def all_delivered(self) -> bool:
        """Whether nothing is left to worry about, what an earlier run left in the spool included."""
        report = self.report
        if report is None or self.bad or self.stopped or self.unreadable or report.kept or report.queued:
            return False
        earlier = all(number == 0 for verdict, number in report.outcomes.items() if verdict != "delivered")
        return earlier and self.fates.total() == self.fates["delivered"]

    def show(self) -> None:
        """The report."""
        rows: list[tuple[str, object]] = [(fate, number) for fate, number in sorted(self.fates.items())]
        rows += [("bad lines", self.bad)] if self.bad else []
        rows += [("maybe duplicated", self.doubled)] if self.doubled else []
        rows += [("found in the spool", self.found)] if self.found else []
        rows += [("left in the spool", self.report.kept)] if self.report and self.report.kept else []
        print(table([*rows, ("time", f"{time.monotonic() - self.began:.1f} s")]))
        if self.unreadable:
            print(f"the input could not be read to its end ({self.unreadable})")
        if self.report is not None and self.report.suspended:
            print(f"stopped: {self.report.error}")
        elif self.stopped:
            print("stopped by a signal: what follows in the input was not read")


def event_of(line: bytes) -> Event:
    """The event in one line of JSON, or InvalidParameter."""
    try:
        fields: Any = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidParameter("line", "not JSON") from None
    if not isinstance(fields, dict):
        raise InvalidParameter("line", "not a JSON object")
    at: Any = fields.get("tracked_at")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(at, str):
        fields["tracked_at"] = _moment(at)
    return Event(fields.pop("action", ""), **fields)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidParameter("tracked_at", "expected Unix seconds or ISO 8601") from None


def _reason(error: InvalidParameter) -> str:
    """Why, without a word of the line: a name that is not ours may be somebody's data."""
    if error.parameter == "line":
        return error.problem
    name = error.parameter.partition(".")[0].partition("[")[0]
    return (
        f"{name}: {error.problem}"
        if name in EVENT_FIELDS or name in ("action", "event")
        else "a field that no event has"
    )
