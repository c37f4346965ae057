"""The plan of a round: the server's behaviour, and programs one after the other or side by side."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Act", "Behaviour", "Ending", "Life", "Offer", "Producer", "Round", "Step", "Task"]

Buffer = Literal["memory", "spool", "folder"]
How = Literal["track", "put", "cancelled put", "deliver", "thread"]
Deed = Literal["set_token", "flush", "stats", "fork and leave", "fork and exit", "fork and track", "fork and deliver",
               "fork and open"]  # fmt: skip
Way = Literal["close", "cancelled close", "client", "leave", "kill", "drain"]


class Offer(msgspec.Struct, frozen=True):
    """One event. `key` is its name on the wire; `given`: the key is its event_id too."""

    key: str
    subject: str
    idempotent: bool
    given: bool
    size: int = 0


class Producer(msgspec.Struct, frozen=True):
    """Puts its offers in order, from `start` on, with a pause before each (seconds)."""

    how: How
    offers: list[Offer]
    start: float = 0.0
    pauses: list[float] = []


class Act(msgspec.Struct, frozen=True):
    """Another action of the program at a time (seconds after opening)."""

    at: float
    action: Deed


class Ending(msgspec.Struct, frozen=True):
    """How a program ends, and when at the latest.

    ``kill`` comes at the time, or at a `moment` of the request of this number. ``drain`` waits for everything.
    """

    way: Way
    at: float = 0.0
    timeout: float = 0.0
    request: int = 0
    moment: Literal["arrived", "applied", "answered", ""] = ""


class Life(msgspec.Struct, frozen=True):
    """One program."""

    name: str
    loop: Literal["asyncio", "uvloop"]
    producers: list[Producer]
    acts: list[Act]
    ending: Ending
    hook: bool = True
    sampled: bool = False
    tokens: list[str] = []


class Behaviour(msgspec.Struct, frozen=True):
    """How the server answers during a step: the share of `kinds` among the answers, and when it refuses connections."""

    share: float = 0.0
    kinds: tuple[str, ...] = ("received",)
    down: list[tuple[float, float]] = []
    revoked_from: int = 0


class Step(msgspec.Struct, frozen=True):
    """Programs side by side, with one behaviour of the server."""

    lives: list[Life]
    behaviour: Behaviour = Behaviour()


class Round(msgspec.Struct, frozen=True):
    """The queue's settings, and the steps one after the other."""

    name: str
    buffer: Buffer
    durability: Literal["full", "normal"]
    ordering: Literal["subject"] | None
    strict_order: bool
    delivery: Literal["careful", "at_least_once", "at_most_once"]
    delivery_timeout: float
    capacity: int
    max_bytes: int
    concurrency: int
    pool: bool
    total: float
    steps: list[Step]


class Task(msgspec.Struct, frozen=True):
    """The arguments of one process: its round, its place in it, the server's URL and the output's path."""

    round: Round
    step: int
    life: int
    url: str
    folder: str
    again: list[Offer] = []

    @property
    def program(self) -> Life:
        """The program to run."""
        return self.round.steps[self.step].lives[self.life]

    @property
    def results(self) -> str:
        """The file of the results that it gets."""
        return f"{self.folder}/{self.program.name}.results"
