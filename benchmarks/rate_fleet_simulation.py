"""What workers reach that share one learned rate, in virtual time: the table of `docs/fleet.md`.

``python -m benchmarks.rate_fleet_simulation``; the worst of three seeds, beside the same workers without a common rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from hellotext_async._policy.pacer import Pacer
from tests.simulation.figures import between, fleet, jain, shared
from tests.simulation.limits import bucket
from tests.simulation.simulator import Hint, Link, Record, never, whole

START: Final = 60.0
SEEDS: Final = (1, 2, 3)
ROWS: Final[tuple[tuple[int, int, Hint, float], ...]] = (
    (4, 200, never, 180),
    (4, 200, whole, 180),
    (4, 100, never, 240),
    (4, 40, never, 240),
    (16, 50, never, 180),
    (64, 200, never, 120),
    (64, 2000, never, 90),
    (64, 10, never, 300),
)


class Figures(NamedTuple):
    """Shares of the limit that were used and of requests that were refused, Jain's index, the smallest share."""

    used: float
    refused: float
    jain: float
    smallest: float


def figures(records: Sequence[Record], allowed: float, until: float) -> Figures:
    """The figures of one run."""
    counts = [between(record, START, until) for record in records]
    shares, refused = [taken for taken, _ in counts], sum(refused for _, refused in counts)
    used = sum(shares)
    return Figures(used / allowed / (until - START), refused / (used + refused), jain(shares), min(shares) / used)


def worst(run: Callable[[int], Figures]) -> Figures:
    """The worst of each figure."""
    found = [run(seed) for seed in SEEDS]
    return Figures(
        min(one.used for one in found),
        max(one.refused for one in found),
        min(one.jain for one in found),
        min(one.smallest for one in found),
    )


def row(count: int, allowed: int, hint: Hint, until: float) -> str:
    """One line of the table."""
    links: list[Link] = []

    def together(seed: int) -> Figures:
        links.append(Link())
        return figures(fleet(count, bucket(allowed), seed, until, hint=hint, link=links[-1]), allowed, until)

    def apart(seed: int) -> Figures:
        return figures(shared(Pacer, allowed, seed, hint=hint, count=count, until=until), allowed, until)

    ours, theirs = worst(together), worst(apart)
    commands = max(link.place.commands for link in links) / until
    name = f"{count} at {allowed:,}/s" + (", Retry-After in whole seconds" if hint is whole else "")
    return (
        f"| {name} | {ours.used:.3f} | {ours.refused:.2%} | {ours.jain:.4f} | {ours.smallest:.4f} | {commands:.0f}/s "
        f"| {theirs.used:.3f} | {theirs.refused:.1%} | {theirs.jain:.3f} |"
    )


def main() -> None:
    """Print the table."""
    print("| workers and limit | used | refused | Jain | smallest share | commands | alone: used | refused | Jain |")
    print("|---|---|---|---|---|---|---|---|---|")
    for count, allowed, hint, until in ROWS:
        print(row(count, allowed, hint, until), flush=True)


if __name__ == "__main__":
    main()
