"""What the rate controller does over time, as pictures: one for each of its rules, for a light and for a dark page.

`python -m benchmarks.rate_pictures` draws ``docs/img/rate-*.png`` (with matplotlib); `--only` chooses some.
Virtual time and fixed seeds: the pictures are the same on every machine.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Final

from hellotext_async._policy.pacer import Pacer
from hellotext_async.engine import Engine
from hellotext_async.queue.queue import EventQueue
from tests.harness.clock import run_virtual
from tests.simulation.baselines import Adaptive
from tests.simulation.figures import CUT, Made, between, run, stepped
from tests.simulation.limits import Limiter, bucket, window
from tests.simulation.own import BESIDE, Closed, Failing, Later, Stray, calls, kind_of, served, two_routes
from tests.simulation.server import Server
from tests.simulation.simulator import Record, never, whole

IMAGES: Final = Path(__file__).parents[1] / "docs" / "img"


@dataclass(frozen=True)
class Theme:
    """The suffix of a picture's file, and its colours."""

    end: str
    ours: str
    refused: str
    lines: str
    others: str


THEMES: Final = (
    Theme("", "#2f6f4f", "#b5403a", "#333333", "#4a5fa5"),
    Theme("-dark", "#7fc9a4", "#e58b84", "#cccccc", "#9db0ee"),
)


@dataclass(frozen=True)
class Picture:
    """Records of one run, the span of it that is shown, and what was allowed: times and rates.

    `others` are the times of requests that are shown apart, under a name of theirs.
    """

    title: str
    records: list[Record]
    span: tuple[float, float]
    allowed: tuple[Sequence[float], Sequence[float]] | None = None
    highest: float | None = None
    bar: float = 1.0
    others: tuple[str, Sequence[float]] = ("", ())


def _level(rate: float, span: tuple[float, float]) -> tuple[Sequence[float], Sequence[float]]:
    return span, (rate, rate)


def _changed(before: float, after: float, at: float = CUT) -> tuple[Sequence[float], Sequence[float]]:
    return [0, at, at, 300], [before, before, after, after]


def _begin() -> Picture:
    made = run(Pacer, bucket(50), 1, 20)
    return Picture("Not paced until the first throttle", made, (0, 20), _level(50, (0, 20)), 200, 0.5)


def _gate() -> Picture:
    span = (60, 80)
    made = run(Pacer, window(50, 1), 1, 80, hint=whole)
    return Picture("A Retry-After of a second closes the gate", made, span, _level(50, span), 100, 0.25)


def _curve() -> Picture:
    span = (60, 120)
    made = run(Pacer, bucket(50), 1, 120)
    return Picture("The curve at 50/s: a dip, flat near the limit, then beyond it", made, span, _level(50, span), 100)


def _stray() -> Picture:
    title = "One stray throttle where there is no limit"
    return Picture(title, run(Pacer, Stray(1), 1, 20), (0, 20), None, 800, 0.5)


def _idle() -> Picture:
    span = (40.0, 180.0)
    made = run(Pacer, bucket(100), 1, 180, demands=[((0, inf), (70, 5), (130, inf))])
    return Picture(
        "All but idle for a minute at 100/s: it neither runs away nor forgets", made, span, _level(100, span)
    )


def _events_of(server: Server) -> Record:
    """The accepted events, and all refused requests."""
    record = Record()
    record.taken.extend(server.taken["event"])
    record.refused.extend(sorted(server.refused["event"] + server.refused["call"]))
    return record


def _own() -> Picture:
    begins, rate = 15.0, 50
    closed, later = Closed(), Later(begins, bucket(rate))

    def limit_of(request: Any) -> Limiter:
        return closed if kind_of(request) == "call" else later

    server = run_virtual(served(limit_of, calls, 1, never, until=50))
    record = _events_of(server)
    title = "One route always refused, then a limit of 50/s for all the others"
    return Picture(title, [record], (0, 50), ([begins, 50], [rate, rate]), 300)


async def _calls_for_a_while(base: Engine, opened: EventQueue) -> None:
    await asyncio.sleep(BESIDE[0])
    async with asyncio.timeout(BESIDE[1] - BESIDE[0]):
        await two_routes(base, opened)


def _priorities() -> Picture:
    limit, span = bucket(50), (0.0, 60.0)
    server = run_virtual(served(lambda _: limit, _calls_for_a_while, 1, never, until=span[1]))
    record = _events_of(server)
    title = "20 calls a second for 20 s beside a full queue, under 50/s"
    return Picture(title, [record], span, _level(50, span), 100, others=("calls delivered", server.taken["call"]))


def _failures() -> Picture:
    limit, span = bucket(50), (0.0, 60.0)
    rates: list[tuple[float, float]] = []

    async def watch(base: Engine, _: EventQueue) -> None:
        while True:
            rate = base.limiter.pacer.shown_rate
            if rate is not None:
                rates.append((asyncio.get_running_loop().time(), rate))
            await asyncio.sleep(0.1)

    server = run_virtual(served(lambda _: limit, watch, 1, never, until=span[1], made=Failing))
    record = _events_of(server)
    record.rates.extend(rates)
    title = "Every third request fails for 20 s: 5xx change no rate"
    return Picture(title, [record], span, _level(50, span), 100, others=("failed (500)", server.taken["failed"]))


def _step(before: float, after: float, until: float) -> Picture:
    verb = "cut" if after < before else "raised"
    made = stepped(Pacer, before, after, 1, until=until)
    return Picture(f"A limit {verb} from {before}/s to {after}/s", [made], (80, until), _changed(before, after))


def _window() -> Picture:
    span = (0, 300)
    made = run(Pacer, window(600, 60), 1, 300)
    return Picture("600 in each minute, no Retry-After", made, span, _level(10, span), 40)


def _no_burst(made: Made, policy: str) -> Picture:
    records = run(made, bucket(50, 1), 1, 120, jitter=0.001)
    return Picture(f"50/s without burst: {policy}", records, (0, 120), _level(50, (0, 120)), 100)


def _four() -> Picture:
    made = run(Pacer, bucket(100), 1, 240, demands=[((20.0 * n, inf),) for n in range(4)])
    return Picture("Four processes at 100/s, each begun 20 s later", made, (0, 240), _level(100, (0, 240)))


PICTURES: Final[dict[str, Callable[[], Picture]]] = {
    "rate-begin": _begin,
    "rate-gate": _gate,
    "rate-curve": _curve,
    "rate-stray": _stray,
    "rate-idle": _idle,
    "rate-own": _own,
    "rate-priorities": _priorities,
    "rate-failures": _failures,
    "rate-step-down": partial(_step, 200, 50, 130),
    "rate-step-up": partial(_step, 50, 200, 150),
    "rate-window": _window,
    "rate-no-burst": partial(_no_burst, Pacer, "this client"),
    "rate-no-burst-adaptive": partial(_no_burst, Adaptive, "adaptive"),
    "rate-four-processes": _four,
}


@contextmanager
def _themed(theme: Theme) -> Iterator[Any]:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    names: tuple[Any, ...] = (
        "text.color",
        "axes.edgecolor",
        "axes.labelcolor",
        "axes.titlecolor",
        "xtick.color",
        "ytick.color",
    )
    with pyplot.rc_context(dict.fromkeys(names, theme.lines)):
        yield pyplot


def draw(name: str, picture: Picture) -> None:
    """The picture in each theme, on a background that is the page's."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        with _themed(theme) as pyplot:
            figure, axes = pyplot.subplots(figsize=(8, 3), layout="constrained")
            _paint(axes, picture, theme)
            if picture.allowed is not None:
                axes.plot(*picture.allowed, color=theme.lines, lw=1, ls="--", label="allowed")
            highest = picture.highest or 1.35 * max(picture.allowed[1] if picture.allowed else (0,))
            axes.set(xlim=picture.span, ylim=(0, highest), title=picture.title, xlabel="seconds", ylabel="per second")
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(loc="upper right", ncols=4, frameon=False, fontsize="small")
            figure.savefig(IMAGES / f"{name}{theme.end}.png", dpi=90, transparent=True, pil_kwargs={"optimize": True})
            pyplot.close(figure)


def _paint(axes: Any, picture: Picture, theme: Theme) -> None:
    bar = picture.bar
    starts = [picture.span[0] + bar * n for n in range(int((picture.span[1] - picture.span[0]) / bar))]
    taken, refused = (
        [sum(between(record, at, at + bar)[which] for record in picture.records) / bar for at in starts]
        for which in (0, 1)
    )
    axes.bar(starts, taken, width=bar, align="edge", color=theme.ours, alpha=0.25, label="delivered")
    name, times = picture.others
    others = [sum(at <= time < at + bar for time in times) / bar for at in starts]
    if name:
        axes.bar(starts, others, width=bar, align="edge", bottom=taken, color=theme.others, alpha=0.5, label=name)
    below = [one + more for one, more in zip(taken, others, strict=True)]
    axes.bar(starts, refused, width=bar, align="edge", bottom=below, color=theme.refused, label="refused")
    for number, record in enumerate(picture.records):
        if record.rates:
            times, rates = zip(*record.rates, strict=True)
            axes.plot(times, rates, color=theme.ours, lw=1.2, label=None if number else "rate learned")


def main() -> None:
    """Draw the chosen pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="TEXT", default="", help="pictures whose names contain it")
    only = parser.parse_args().only
    for name, make in PICTURES.items():
        if only in name:
            draw(name, make())


if __name__ == "__main__":
    main()
