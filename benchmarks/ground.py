"""The set-up of one run: the responders, T, and a race on request."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .contender import Entry, Place
from .paired import PAIRS, Pair, Ratio, Worker, heat, summed
from .responder import Responder

__all__ = ["Ground", "T", "present"]

T: Final = Entry("benchmarks.raw:Tuned")

HEATS: Final = 5
"""Over so many visits the pairs of a race are spread."""


def present(*modules: str) -> bool:
    """Whether all of these can be imported."""
    return all(importlib.util.find_spec(module) for module in modules)


class Ground:
    """Starts what is needed at its first use; T is kept for the whole run."""

    def __init__(self, pairs: int = PAIRS) -> None:
        self.pairs = pairs
        self._stack = ExitStack()
        self._into = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self._responders: dict[bool, Responder] = {}
        self._yardstick: Worker | None = None

    def responder(self, *, secure: bool = False) -> Responder:
        """The responder, plain or with TLS."""
        found = self._responders.get(secure)
        if found is None:
            found = self._stack.enter_context(Responder(self._into, secure=secure))
            self._responders[secure] = found
        return found

    def worker(self, entry: Entry) -> Worker:
        """A process for this contender; the caller closes it."""
        responder = self.responder(secure=entry.secure)
        authority = None if responder.authority is None else str(responder.authority)
        return Worker(entry, Place(responder.url, authority))

    def yardstick(self) -> Worker:
        """T."""
        if self._yardstick is None:
            self._yardstick = self._stack.enter_context(self.worker(T))
        return self._yardstick

    def race(self, entry: Entry, against: Entry | None = None) -> Ratio:
        """`entry` against another contender, or T."""
        return self.races([(entry, against)])[0]

    def races(self, all_: Sequence[tuple[Entry, Entry | None]], *, counted: bool = False) -> list[Ratio]:
        """Several races in turns; `counted` if each unit of all is to be exactly one request."""
        return [summed(found) for found in self.pairs_of(all_, counted=counted)]

    def pairs_of(self, all_: Sequence[tuple[Entry, Entry | None]], *, counted: bool = False) -> list[list[Pair]]:
        """`races` with each pair, for callers that need more than the ratio."""
        with ExitStack() as stack:
            seen, before = self._seen(), self._yardstick.sent if self._yardstick else 0
            sides = [self._sides(stack, entry, against) for entry, against in all_]
            pairs: list[list[Pair]] = [[] for _ in sides]
            for _ in range(HEATS):
                for found, side in zip(pairs, sides, strict=True):
                    found += heat(*side, -(-self.pairs // HEATS))
            workers = {worker for side in sides for worker in side}
            sent = sum(worker.sent for worker in workers) - (before if self._yardstick in workers else 0)
            seen = self._seen() - seen
        if counted and sent != seen:
            raise RuntimeError(f"{sent} requests were to be sent, but the responders saw {seen}")
        return pairs

    def _sides(self, stack: ExitStack, entry: Entry, against: Entry | None) -> tuple[Worker, Worker]:
        one = stack.enter_context(self.worker(entry))
        return one, self.yardstick() if against is None else stack.enter_context(self.worker(against))

    def _seen(self) -> int:
        return sum(responder.count() for responder in self._responders.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
