"""Rate control in simulation: this package's beside other policies, as a table.

`python -m benchmarks.rate_simulation` prints the table (some minutes); `--rows` chooses from it. Virtual
time and fixed seeds: the figures are the same on every machine. `benchmarks.rate_pictures` draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Final

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
    shared,
    steady,
    stepped,
)

IMAGES: Final = Path(__file__).parents[1] / "docs" / "img"
POLICIES: Final[dict[str, Made]] = {
    "ours": Pacer,
    "retries alone": Retries,
    "Retry-After obeyed": Obedient,
    "adaptive": Adaptive,
    "AIMD": Aimd,
}
STEPS: Final = ((200, 50), (40, 10), (50, 200), (10, 40))
MOST_FOR_OTHERS: Final = 200
"""Requests a second up to which the others are simulated: most of theirs are refused, which takes long."""


def table(only: str = "") -> None:
    """Goodput and waste by the worst of the seeds, then changes, then shares; rows whose names contain `only`."""
    _line("limit", POLICIES)
    _line("---", ["---"] * len(POLICIES))
    for row in (row for row in ROWS if only in row.name):
        _line(row.name, [_steady(made, row) if _shown(name, row.allowed) else "" for name, made in POLICIES.items()])
    for before, after in STEPS:
        if only in (name := f"{before}/s to {after}/s"):
            _line(name, [_step(made, before, after) for made in POLICIES.values()])
    for allowed, burst in ((100, None), (40, None), (200, 20)):
        name = f"four processes, {allowed}/s" if burst is None else f"four processes, {allowed}/s of {burst}"
        if only in name:
            _line(name, [_shares(made, allowed, burst) for made in POLICIES.values()])


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


def main() -> None:
    """Print the chosen rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", metavar="TEXT", default="", help="rows of the table whose names contain it")
    table(parser.parse_args().rows)


if __name__ == "__main__":
    main()
