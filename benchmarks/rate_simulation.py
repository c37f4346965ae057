"""Rate control in simulation: ours beside what others do, as a table, and what ours does over time, as pictures.

`python -m benchmarks.rate_simulation` prints the table (some minutes) and draws ``docs/img/rate-*.png``
where matplotlib is installed; `--only table` or `--only pictures` does one of them. Virtual time and
fixed seeds: the figures are the same on every machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Final

from hellotext_async._policy.pacer import Pacer
from tests.simulation.baselines import Adaptive, Aimd, Obedient, Retries
from tests.simulation.figures import (
    CUT,
    ROWS,
    SEEDS,
    Made,
    Row,
    between,
    found,
    jain,
    run,
    shared,
    steady,
    stepped,
)
from tests.simulation.limits import bucket, window
from tests.simulation.simulator import Record

from .ground import present

IMAGES: Final = Path(__file__).parents[1] / "docs" / "img"
POLICIES: Final[dict[str, Made]] = {
    "ours": Pacer,
    "retries alone": Retries,
    "Retry-After obeyed": Obedient,
    "adaptive": Adaptive,
    "AIMD": Aimd,
}
STEPS: Final = ((200, 50), (40, 10), (50, 200), (10, 40))
MOST_FOR_OTHERS: Final = 50
"""Requests a second up to which the others are simulated: most of theirs are refused, which takes long."""
OURS, ALLOWED, REFUSED = "#2f6f4f", "#333333", "#b5403a"


def table() -> None:
    """Goodput and waste by the worst of the seeds, then changes, then shares."""
    _line("limit", POLICIES)
    _line("---", ["---"] * len(POLICIES))
    for row in ROWS:
        _line(row.name, [_steady(made, row) if _shown(name, row.allowed) else "" for name, made in POLICIES.items()])
    for before, after in STEPS:
        _line(f"{before}/s to {after}/s", [_step(made, before, after) for made in POLICIES.values()])
    for allowed, burst in ((100, None), (40, None), (200, 20)):
        name = f"four processes, {allowed}/s" if burst is None else f"four processes, {allowed}/s of {burst}"
        cells = [_shares(made, allowed, burst) if _shown(who, allowed / 2) else "" for who, made in POLICIES.items()]
        _line(name, cells)


def _shown(name: str, allowed: float) -> bool:
    return name == "ours" or allowed <= MOST_FOR_OTHERS


def _line(first: str, cells: Sequence[str] | dict[str, Made]) -> None:
    print(f"| {' | '.join([first, *cells])} |", flush=True)


def _steady(made: Made, row: Row) -> str:
    spans = [between(steady(made, row, seed), row.start, row.until) for seed in SEEDS]
    goodput = min(taken for taken, _ in spans) / (row.allowed * (row.until - row.start))
    return f"{goodput:.3f}, {max(refused / (taken + refused) for taken, refused in spans):.2%}"


def _step(made: Made, before: float, after: float) -> str:
    records = [stepped(made, before, after, seed) for seed in SEEDS]
    seconds = max(found(record, CUT, after) for record in records)
    spans = [between(record, CUT, CUT + 10) for record in records]
    wasted = max(refused / max(1, taken + refused) for taken, refused in spans)
    return f"{f'{seconds:.1f} s' if seconds < inf else 'not in 90 s'}, {wasted:.1%}"


def _shares(made: Made, allowed: float, burst: float | None) -> str:
    runs = [[between(record, 60, 300) for record in shared(made, allowed, seed, burst=burst)] for seed in SEEDS]
    shares = [[taken for taken, _ in spans] for spans in runs]
    refused = max(sum(lost for _, lost in spans) / sum(map(sum, spans)) for spans in runs)
    smallest = min(min(of_one) / sum(of_one) for of_one in shares)
    return f"Jain {min(map(jain, shares)):.3f}, smallest {smallest:.3f}, {refused:.1%}"


def pictures() -> None:
    """Rate over time against what is allowed."""
    import matplotlib as mpl

    mpl.use("agg")
    IMAGES.mkdir(parents=True, exist_ok=True)
    down = partial(stepped, Pacer, 200, 50, 1, until=130)
    up = partial(stepped, Pacer, 50, 200, 1, until=150)
    _picture("rate-step-down", "A limit cut from 200/s to 50/s", [down()], (80, 130), _changed(200, 50))
    _picture("rate-step-up", "A limit raised from 50/s to 200/s", [up()], (80, 150), _changed(50, 200))
    wall = run(Pacer, window(600, 60), 1, 300)
    _picture("rate-window", "600 in each minute, no Retry-After", wall, (0, 300), ([0, 300], [10, 10]), highest=40)
    for made, file, who in ((Pacer, "rate-no-burst", "this client"), (Adaptive, "rate-no-burst-adaptive", "adaptive")):
        spaced = run(made, bucket(50, 1), 1, 120, jitter=0.001)
        _picture(file, f"50/s without burst: {who}", spaced, (0, 120), ([0, 120], [50, 50]), highest=100)
    four = run(Pacer, bucket(100), 1, 240, demands=[((20.0 * n, inf),) for n in range(4)])
    _picture(
        "rate-four-processes", "Four processes at 100/s, each begun 20 s later", four, (0, 240), ([0, 240], [100, 100])
    )


def _changed(before: float, after: float) -> tuple[list[float], list[float]]:
    return [0, CUT, CUT, 200], [before, before, after, after]


def _picture(
    name: str,
    title: str,
    records: list[Record],
    span: tuple[float, float],
    allowed: tuple[Sequence[float], Sequence[float]],
    *,
    highest: float | None = None,
) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 3), layout="constrained")
    _paint(axes, records, span)
    axes.plot(*allowed, color=ALLOWED, lw=1, ls="--", label="allowed")
    axes.set(xlim=span, ylim=(0, highest or 1.35 * max(allowed[1])), title=title, xlabel="seconds", ylabel="per second")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", ncols=4, frameon=False, fontsize="small")
    figure.savefig(IMAGES / f"{name}.png", dpi=90, pil_kwargs={"optimize": True})
    pyplot.close(figure)


def _paint(axes: Any, records: list[Record], span: tuple[float, float]) -> None:
    seconds = range(int(span[0]), int(span[1]))
    taken, refused = (
        [sum(between(record, at, at + 1)[which] for record in records) for at in seconds] for which in (0, 1)
    )
    axes.bar(seconds, taken, width=1, align="edge", color=OURS, alpha=0.2, label="delivered")
    axes.bar(seconds, refused, width=1, align="edge", bottom=taken, color=REFUSED, label="refused")
    for number, record in enumerate(records):
        times, rates = zip(*record.rates, strict=True)
        axes.plot(times, rates, color=OURS, lw=1.2, label=None if number else "rate learned")


def main() -> None:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["table", "pictures"])
    only = parser.parse_args().only
    works: dict[str, Callable[[], None]] = {"table": table, "pictures": pictures}
    if not present("matplotlib"):
        del works["pictures"]
    for name, work in works.items():
        if only in (None, name):
            work()


if __name__ == "__main__":
    main()
