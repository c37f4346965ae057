"""Draws rounds: the same seed and number give the same plan."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Any, Final

from .plan import Act, Behaviour, Ending, Life, Offer, Producer, Round, Step

__all__ = ["KINDS", "draw"]

KINDS: Final = (
    "429", "429 wait", "503 wait", "500", "500 applied", "422", "408", "reset before", "reset after", "close before",
    "close after", "answer and close", "slow", "silent", "late", "garbage", "torn", "drip", "unread",
)  # fmt: skip
"""What the server does besides answering ``200`` at once; see `server.Server`."""

QUIET: Final = ("slow", "drip", "answer and close")
HOWS: Final = ("track", "put", "put", "cancelled put", "deliver", "thread")
WAYS: Final = ("close", "close", "close", "cancelled close", "client", "leave", "drain")
FORKS: Final = (
    "fork and leave",
    "fork and exit",
    "fork and exit",
    "fork and track",
    "fork and deliver",
    "fork and open",
)


class _Draw:
    """The random numbers of one round."""

    def __init__(self, name: str, only: str | None) -> None:
        self.name = name
        self.rng = Random(name)
        self.keys: Iterator[int] = count(1)
        kinds = {"memory": 4, "spool": 5, "folder": 1, "fight": 1}
        self.kind = only or self.rng.choices(list(kinds), list(kinds.values()))[0]
        self.given: list[Offer] = []

    def round(self) -> Round:
        rng, kind = self.rng, self.kind
        total = rng.choice([0.3, 0.8, 5.0])
        return Round(
            name=self.name,
            buffer="spool" if kind == "fight" else kind,  # type: ignore[arg-type]
            durability=rng.choice(["full", "normal"]),
            ordering=rng.choice(["subject", "subject", None]),
            strict_order=rng.random() < 0.2,
            delivery=rng.choice(["careful", "careful", "at_least_once", "at_most_once"]),
            delivery_timeout=rng.choice([0.4, 60.0, 60.0, 60.0])
            if kind == "memory"
            else rng.choice([1.0, 600.0, 600.0]),
            capacity=rng.choice([2, 5, 20, 1000]),
            max_bytes=rng.choice([3000, 1 << 25, 1 << 25]),
            concurrency=rng.choice([1, 3, 16, 64]),
            pool=rng.random() < 0.2,
            total=total,
            steps=self.steps(),
        )

    def steps(self) -> list[Step]:
        if self.kind == "memory":
            return [Step([self.life("1", killed=self.rng.random() < 0.1)], self.behaviour())]
        steps = []
        for number in range(1, self.rng.randint(2, 4)):
            pair = self.kind in ("folder", "fight")
            killed = 0.9 if self.kind == "fight" else 0.5
            names = [f"{number}a", f"{number}b"] if pair else [str(number)]
            lives = [self.life(name, killed=self.rng.random() < killed) for name in names]
            steps.append(Step(lives, self.behaviour()))
        return [*steps, Step([self.last()])]

    def behaviour(self) -> Behaviour:
        rng = self.rng
        if rng.random() < 0.15 or self.kind == "fight":
            return Behaviour(0.5, QUIET)
        kinds = tuple(rng.sample(KINDS, rng.randint(1, 3)))
        down = [(at, at + rng.uniform(0.01, 0.3)) for at in self._times(0.1)]
        return Behaviour(
            rng.choice([0.1, 0.3, 0.7, 1.0]), kinds, down, rng.randint(1, 20) if rng.random() < 0.15 else 0
        )

    def _times(self, share: float) -> list[float]:
        return [self.rng.uniform(0, 0.5)] if self.rng.random() < share else []

    def life(self, name: str, *, killed: bool) -> Life:
        rng = self.rng
        if self.kind == "folder":
            self.given.clear()  # each program has a file of its own, and knows the ids in that
        producers = [self.producer(rng.choice(HOWS)) for _ in range(rng.randint(1, 4))]
        acts = [Act(at, rng.choice(FORKS)) for at in self._times(0.15)]  # type: ignore[arg-type]
        acts += [Act(at, "flush") for at in self._times(0.15)]
        acts += [Act(rng.uniform(0.2, 0.8), "set_token")]
        return Life(
            name=name,
            loop=rng.choice(["asyncio", "uvloop"]),
            producers=producers,
            acts=acts,
            ending=self.kill() if killed else self.ending(),
            hook=rng.random() < 0.7,
            sampled=rng.random() < 0.3,
            tokens=[f"{name}-old", f"{name}-new"],
        )

    def kill(self) -> Ending:
        rng = self.rng
        if rng.random() < 0.5:
            moment: Any = rng.choice(["arrived", "applied", "answered"])
            return Ending("kill", at=1.5, request=rng.randint(1, 20), moment=moment)
        return Ending("kill", at=rng.choice([0.0, rng.uniform(0, 0.05), rng.uniform(0, 0.8)]))

    def ending(self) -> Ending:
        rng = self.rng
        at = rng.choice([0.0, rng.uniform(0, 0.05), rng.uniform(0, 0.8)])
        way: Any = rng.choice(WAYS)
        return Ending(way, at=at, timeout=rng.choice([0.0, rng.uniform(0, 0.1), rng.uniform(0, 1.5)]))

    def producer(self, how: Any) -> Producer:
        rng = self.rng
        subjects = [f"{'p' if rng.random() < 0.7 else 's'}{rng.randint(1, 6)}" for _ in range(rng.choice([1, 3, 30]))]
        offers = [self.offer(rng.choice(subjects)) for _ in range(rng.randint(1, 15))]
        pause = rng.choice([0.0, 0.0, 0.01, 0.1])
        pauses = [rng.uniform(0, pause) if pause else 0.0 for _ in offers]
        return Producer(how, offers, start=rng.choice([0.0, rng.uniform(0, 0.5)]), pauses=pauses)

    def offer(self, subject: str) -> Offer:
        rng = self.rng
        if self.given and rng.random() < 0.08:
            return rng.choice(self.given)
        idempotent = subject.startswith("p") and rng.random() < 0.5
        made = Offer(str(next(self.keys)), subject, idempotent, rng.random() < 0.6, rng.choice([0, 0, 0, 200, 900]))
        if made.given:
            self.given.append(made)
        return made

    def last(self) -> Life:
        return Life("last", self.rng.choice(["asyncio", "uvloop"]), [], [], Ending("drain"), tokens=["last"])


def draw(name: str, only: str | None = None) -> Round:
    """The round of this name; `only`: of this kind."""
    return _Draw(name, only).round()
