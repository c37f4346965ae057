"""The figures for readers: a table on the terminal, and for the docs JSON, Markdown and pictures."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .row import Row

if TYPE_CHECKING:
    from .where import Share

__all__ = ["line", "profile_lines", "write"]

_LIBRARIES: Final = ("aiohttp", "msgspec", "httptools", "uvloop", "httpx")
_SHOWN: Final = 20


def _number(value: float, unit: str) -> str:
    return f"{value:,.0f}" if unit in ("B", "/s") else f"{value:.2f}"


def _goal(row: Row) -> tuple[str, str, str]:
    if row.goal is None:
        return "", "", ""
    sign = "≤" if row.goal.less else "≥"
    aim = "" if row.goal.aim is None else f"{sign} {row.goal.aim:g}"
    return f"{sign} {row.goal.floor:g}", aim, row.judged


def _cells(row: Row) -> list[str]:
    figure, unit = row.figure, row.unit
    quartiles = f"{_number(figure.low, unit)} … {_number(figure.high, unit)}"
    each = f"{figure.each:,.1f}" if figure.each else ""
    rate = f"{figure.per_second:,.0f}" if figure.per_second else ""
    return [row.name, f"{_number(figure.median, unit)} {unit}", quartiles, *_goal(row), each, rate]


def line(row: Row) -> str:
    """A row on the terminal."""
    name, figure, quartiles, floor, aim, judged, each, rate = _cells(row)
    goal = f"floor {floor} aim {aim or '-'}: {judged}" if floor else ""
    return f"{name:43} {figure:>22}  [{quartiles:>15}]  {each:>11} µs  {rate:>9}/s  {goal}".rstrip()


def profile_lines(shares: Iterable[Share]) -> list[str]:
    """The most expensive places on the terminal."""
    found = list(shares)
    total = sum(share.microseconds for share in found)
    return [
        f"{share.microseconds:7.2f} µs {100 * share.microseconds / total:5.1f} %  {share.place}  {share.function}"
        for share in found[:_SHOWN]
    ]


def _machine() -> dict[str, Any]:
    found = {}
    for name in (*_LIBRARIES, "hellotext-async"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    system = f"{platform.system()} {platform.machine()}, {platform.python_implementation()} {platform.python_version()}"
    return {"date": datetime.now(UTC).date().isoformat(), "system": system, "versions": found}


def _markdown(rows: list[Row], shares: list[Share], machine: dict[str, Any], intro: str) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    parts = [intro, f"Measured on {machine['date']}: {machine['system']}; {versions}."]
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    for group, members in groups.items():
        parts += [f"## {group.capitalize()}", "\n".join(_table(members))]
    if shares:
        parts += ["## Where the microseconds go", "\n".join(_profile(shares))]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[Row]) -> list[str]:
    head = ["", "figure", "quartiles", "floor", "aim", "reached", "CPU µs", "a second"]
    rules = ["---", *["---:"] * 2, *["---"] * 3, *["---:"] * 2]
    return [f"| {' | '.join(cells)} |" for cells in (head, rules, *(_cells(row) for row in rows))]


def _profile(shares: list[Share]) -> list[str]:
    total = sum(share.microseconds for share in shares)
    rows = [
        f"| {s.microseconds:.2f} | {100 * s.microseconds / total:.0f} % | `{s.place}` | `{s.function}` |"
        for s in shares[:_SHOWN]
    ]
    return ["| µs an event | | where | function |", "| ---: | ---: | --- | --- |", *rows]


def write(rows: list[Row], shares: list[Share], into: Path, *, name: str, intro: str) -> None:
    """``NAME.json`` and ``NAME.md``."""
    machine = _machine()
    into.mkdir(parents=True, exist_ok=True)
    kept = {
        **machine,
        "rows": [
            {"group": row.group, "name": row.name, "unit": row.unit, "reached": row.judged,
             "goal": row.goal and row.goal._asdict(), **row.figure._asdict()}
            for row in rows
        ],
        "profile": [share._asdict() for share in shares[:_SHOWN]],
    }  # fmt: skip
    (into / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")
    (into / f"{name}.md").write_text(_markdown(rows, shares, machine, intro))
