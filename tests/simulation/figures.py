"""The scenarios, and the figures computed from their records.

Rules. A scenario is run once for all its readers: a record is not changed.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import inf
from typing import Final, Protocol

from hellotext_async._policy.backoff import Uniform
from hellotext_async._policy.pacer import Pacer
from hellotext_async._policy.shared_pacer import SharedPacer

from .limits import Limiter, Steps, bucket, sliding, window
from .simulator import Client, Demand, Hint, Link, Policy, Record, exact, never, simulate, whole

__all__ = [
    "ROWS", "SEEDS", "Made", "Row", "between", "fleet", "found", "jain", "run", "shared", "spaced", "steady", "stepped",
]  # fmt: skip

SEEDS: Final = range(1, 6)
CUT: Final = 90.3


class Made(Protocol):
    """How a policy is made."""

    def __call__(self, *, uniform: Uniform) -> Policy: ...


@dataclass(frozen=True)
class Row:
    """A limit, its form of Retry-After, its rate a second, and what is to be reached against it."""

    name: str
    limit: Callable[[], Limiter]
    allowed: float
    goodput: float
    wasted: float
    hint: Hint = never
    start: float = 60.0
    until: float = 240.0
    places: int = 50
    jitter: float | None = None


ROWS: Final = (
    Row("bucket 50/s", partial(bucket, 50), 50, 0.95, 0.01),
    Row("bucket 50/s, whole seconds", partial(bucket, 50), 50, 0.95, 0.01, whole),
    Row("bucket 50/s, exact", partial(bucket, 50), 50, 0.95, 0.01, exact),
    Row("bucket 10/s", partial(bucket, 10), 10, 0.95, 0.02),
    Row("bucket 10/s, whole seconds", partial(bucket, 10), 10, 0.95, 0.02, whole),
    Row("bucket 2/s of 5", partial(bucket, 2, 5), 2, 0.95, 0.02, until=300),
    Row("bucket 500/s", partial(bucket, 500), 500, 0.95, 0.01, until=90, places=100),
    Row("bucket 2,000/s", partial(bucket, 2000), 2000, 0.95, 0.01, until=66, places=400),
    Row("600 in 60 s", partial(window, 600, 60), 10, 0.95, 0.02, until=420),
    Row("600 in 60 s, exact", partial(window, 600, 60), 10, 0.95, 0.02, exact, until=420),
    Row("600 in 60 s, whole seconds", partial(window, 600, 60), 10, 0.95, 0.02, whole, until=420),
    Row("50 in 1 s", partial(window, 50, 1), 50, 0.90, 0.01),
    Row("50 in 1 s, exact", partial(window, 50, 1), 50, 0.90, 0.01, exact),
    Row("50 in 1 s, whole seconds", partial(window, 50, 1), 50, 0.80, 0.01, whole),
    Row("50/s, no burst, jitter 1 ms", partial(bucket, 50, 1), 50, 0.88, 0.04, jitter=0.001),
    Row("50/s, no burst, jitter 5 ms", partial(bucket, 50, 1), 50, 0.70, 0.05, jitter=0.005),
    Row("200/s, no burst, jitter 1 ms", partial(bucket, 200, 1), 200, 0.75, 0.05, jitter=0.001),
    Row("50/s, no burst, whole seconds", partial(bucket, 50, 1), 50, 0.87, 0.01, whole, jitter=0.001),
    Row("200/s, no burst, whole seconds", partial(bucket, 200, 1), 200, 0.75, 0.01, whole, jitter=0.001),
    Row("50/s of 5", partial(bucket, 50, 5), 50, 0.93, 0.02, jitter=0.001),
    Row("50/s of 10", partial(bucket, 50, 10), 50, 0.93, 0.02, jitter=0.001),
    Row("10/s of 20", partial(bucket, 10, 20), 10, 0.95, 0.02, jitter=0.001),
    Row("100 in any 10 s", partial(sliding, 100, 10), 10, 0.95, 0.02),
    Row("100 in any 10 s, exact", partial(sliding, 100, 10), 10, 0.95, 0.02, exact),
    Row("100 in any 10 s, whole seconds", partial(sliding, 100, 10), 10, 0.95, 0.02, whole),
)


def run(
    made: Made,
    limit: Limiter,
    seed: int,
    until: float,
    *,
    hint: Hint = never,
    places: int = 50,
    demands: Sequence[Demand] = (((0.0, inf),),),
    jitter: float | None = None,
) -> list[Record]:
    """One client for each demand, each with its own policy and random numbers, against one limit."""
    clients = [
        Client(made(uniform=random.Random(seed * 100 + n).uniform), places=places, demand=demand)
        for n, demand in enumerate(demands)
    ]
    return simulate(clients, limit, hint=hint, seed=seed, until=until, jitter=jitter)


@cache
def steady(made: Made, row: Row, seed: int) -> Record:
    """A saturated client against a constant limit."""
    return run(made, row.limit(), seed, row.until, hint=row.hint, places=row.places, jitter=row.jitter)[0]


@cache
def stepped(made: Made, before: float, after: float, seed: int, *, hint: Hint = never, until: float = 180) -> Record:
    """A saturated client against a bucket whose rate changes at `CUT`."""
    limit = Steps((0.0, partial(bucket, before)), (CUT, partial(bucket, after)))
    return run(made, limit, seed, until, hint=hint, places=100)[0]


def spaced(made: Made, before: float, after: float, seed: int, *, hint: Hint = never) -> Record:
    """The same where the limit has no burst and answers take up to 1 ms longer at random."""
    limit = Steps((0.0, partial(bucket, before, 1)), (CUT, partial(bucket, after, 1)))
    return run(made, limit, seed, 240, hint=hint, jitter=0.001)[0]


def shared(
    made: Made,
    allowed: float,
    seed: int,
    *,
    hint: Hint = never,
    burst: float | None = None,
    count: int = 4,
    until: float = 300,
) -> list[Record]:
    """Saturated clients without a shared rate at one bucket, for five minutes by default."""
    return run(made, bucket(allowed, burst), seed, until, hint=hint, demands=[((0.0, inf),)] * count)


def fleet(
    count: int,
    limit: Limiter,
    seed: int,
    until: float,
    *,
    hint: Hint = never,
    link: Link | None = None,
    demands: Sequence[Demand] = (),
    jitter: float | None = None,
) -> list[Record]:
    """So many workers that share one rate, saturated by default, against one limit."""
    clients = [
        Client(
            SharedPacer(Pacer(uniform=random.Random(seed * 100 + n).uniform)),
            demand=demands[n] if demands else ((0.0, inf),),
        )
        for n in range(count)
    ]
    return simulate(clients, limit, hint=hint, seed=seed, until=until, link=link, jitter=jitter)


def between(record: Record, start: float, end: float) -> tuple[int, int]:
    """How many requests the server accepted and refused in an interval."""
    taken = bisect_left(record.taken, end) - bisect_left(record.taken, start)
    refused = bisect_left(record.refused, end) - bisect_left(record.refused, start)
    return taken, refused


def found(record: Record, changed: float, allowed: float, span: float = 3.0) -> float:
    """Seconds until, for the first time since then, a whole interval used 85 % of the limit with at most 10 % waste."""
    end = changed + span
    while end < changed + 90:
        taken, refused = between(record, end - span, end)
        if taken >= 0.85 * allowed * span and refused <= 0.1 * (taken + refused):
            return end - changed
        end += 0.25
    return inf


def jain(shares: Sequence[float]) -> float:
    """Jain's index of fairness: 1 when all are equal, 1/n when one has everything."""
    return float(sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares)))
