"""The results that programs got, parsed from their lines: by call, and by event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Call", "End", "Event", "History", "read_history", "read_lines"]

Line = dict[str, Any]


@dataclass(slots=True)
class End:
    """An outcome that a program got: `by` a receipt, a stream or the hook."""

    program: str
    verdict: str
    marked: bool
    by: str


@dataclass(slots=True)
class Call:
    """One call that put an event, and its results."""

    program: str
    key: str
    how: str
    offered_at: float
    taken_at: float | None = None
    accepted: bool = False
    refused: bool = False
    cancelled: bool = False
    kept: bool = False
    end: End | None = None

    @property
    def over(self) -> bool:
        """Whether the caller has nothing more to wait for."""
        return self.refused or self.cancelled or self.kept or self.end is not None


@dataclass(slots=True)
class Event:
    """All that is known of one event."""

    key: str
    subject: str
    given: bool = False
    idempotent: bool = False
    calls: list[Call] = field(default_factory=list[Call])
    ends: list[End] = field(default_factory=list[End])
    letters: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class History:
    """The calls, events and results of one round."""

    events: dict[str, Event] = field(default_factory=dict[str, Event])
    lines: dict[str, list[Line]] = field(default_factory=dict[str, list[Line]])
    settled_at: float | None = None
    strange: list[str] = field(default_factory=list[str])

    def of(self, kind: str) -> Iterator[tuple[str, Line]]:
        """Every line of this kind, with its program."""
        for program, lines in self.lines.items():
            yield from ((program, line) for line in lines if line["kind"] == kind)


def read_lines(path: Path) -> list[Line]:
    """The lines of a file; one truncated by a kill is left out."""
    if not path.exists():
        return []
    text = path.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def read_history(folder: Path, programs: list[str]) -> History:
    """What these programs wrote, in their order, and the dead letters."""
    history = History()
    ids: dict[str, str] = {}
    for program in programs:
        lines = history.lines[program] = read_lines(folder / f"{program}.results")
        _calls(history, program, lines, ids)
    for place in (folder / "letters.jsonl", folder / "events.db.dead-letters.jsonl"):
        for letter in read_lines(place):
            key = letter["payload"]["metadata"]["key"]
            history.events[key].letters.append(letter["verdict"])
    return history


def _calls(history: History, program: str, lines: list[Line], ids: dict[str, str]) -> None:
    calls: dict[int, Call] = {}
    for line in lines:
        kind = line["kind"]
        if kind == "offered":
            call = calls[line["call"]] = Call(program, line["key"], line["how"], line["t"])
            history.events.setdefault(line["key"], Event(line["key"], line["subject"])).calls.append(call)
        elif kind == "settled":
            history.settled_at = line["t"]
        elif kind in ("hook", "bulk"):
            _by_id(history, program, line, ids)
        elif kind == "bulk over" and not line["error"]:
            _whole_bulk(history, program, [calls[number] for number in line["calls"]])
        elif "call" in line and line["call"] in calls:
            _of_call(history, calls[line["call"]], line, ids)


def _of_call(history: History, call: Call, line: Line, ids: dict[str, str]) -> None:
    kind = line["kind"]
    if kind == "taken":
        call.taken_at = line["t"]
        ids[line["id"]] = call.key
    elif kind == "accepted":
        call.accepted = True
    elif kind in ("refused", "nowhere"):
        call.refused = True
    elif kind == "cancelled":
        call.cancelled = True
    elif kind == "kept":
        call.kept = True
    elif kind == "outcome":
        call.end = End(call.program, line["verdict"], line["marked"], "receipt")
        history.events[call.key].ends.append(call.end)


def _by_id(history: History, program: str, line: Line, ids: dict[str, str]) -> None:
    key = line["key"] or ids.get(line["id"]) or line["id"].removeprefix("id-")
    if key in history.events:
        history.events[key].ends.append(End(program, line["verdict"], line["marked"], line["kind"]))
    # else: its program was killed before it had the id that was made


def _whole_bulk(history: History, program: str, calls: list[Call]) -> None:
    """A stream that ended without an error has yielded an outcome for every event."""
    for call in calls:
        ends = [end for end in history.events[call.key].ends if (end.program, end.by) == (program, "bulk")]
        if ends:
            call.end = ends[-1]
        else:
            history.strange.append(f"deliver ended without an outcome of event {call.key}")
