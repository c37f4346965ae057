"""The figures as pictures for the docs, where matplotlib is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .ground import present
from .row import Row

__all__ = ["draw"]

_OURS: Final = "#2f6f4f"
_OTHERS: Final = "#9aa5a0"
_SWEEPS: Final = ("in flight", "subjects", "waiting")


def draw(rows: list[Row], into: Path) -> None:
    """``bench-events.png`` and ``bench-sweeps.png``; nothing without matplotlib."""
    if not present("matplotlib"):
        return
    import matplotlib as mpl

    mpl.use("agg")
    into.mkdir(parents=True, exist_ok=True)
    bars = [row for row in rows if row.group == "events" and row.unit == "x T"]
    sweeps = [[row for row in rows if row.group == group and row.unit == "x T"] for group in _SWEEPS]
    if bars:
        _picture(into / "bench-events.png", (8, 0.34 * len(bars) + 1), 1, lambda axes: _bars(axes[0], bars))
    if all(sweeps):
        _picture(into / "bench-sweeps.png", (10, 3), len(sweeps), lambda axes: _sweeps(axes, sweeps))


def _picture(path: Path, size: tuple[float, float], columns: int, paint: Callable[[Any], None]) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, columns, figsize=size, layout="constrained", squeeze=False)
    paint(axes[0])
    figure.savefig(path, dpi=110, pil_kwargs={"optimize": True})
    pyplot.close(figure)


def _bars(axes: Any, rows: list[Row]) -> None:
    rows = rows[::-1]
    medians = [row.figure.median for row in rows]
    spread = [
        [row.figure.median - row.figure.low for row in rows],
        [row.figure.high - row.figure.median for row in rows],
    ]
    colours = [_OURS if row.name.startswith(("queue", "calls")) else _OTHERS for row in rows]
    axes.barh([row.name for row in rows], medians, xerr=spread, color=colours, error_kw={"lw": 1})
    axes.axvline(1, color="black", lw=0.8)
    axes.set_xlabel("events per CPU second, in times of T (a tuned raw aiohttp loop)")
    axes.spines[["top", "right"]].set_visible(False)


def _sweeps(axes: Any, sweeps: list[list[Row]]) -> None:
    for place, title, rows in zip(axes, _SWEEPS, sweeps, strict=True):
        medians = [row.figure.median for row in rows]
        spread = [
            [r.figure.median - r.figure.low for r in rows],
            [r.figure.high - r.figure.median for r in rows],
        ]
        names = [row.name.removesuffix(f" {title}").replace(", ", ",\n") for row in rows]
        place.errorbar(range(len(rows)), medians, yerr=spread, color=_OURS, marker="o", lw=1)
        place.set_xticks(range(len(rows)), names, fontsize=7)
        place.set_ylim(bottom=0)
        place.set_title(title, fontsize=9)
        place.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("x T")
