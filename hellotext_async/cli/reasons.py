"""Why rows were not delivered: counted by kind, and shown a few times each.

Rules. A reason names what went wrong and the parameter, never a value: an unknown name may be a customer's
data, so only the names of fields are shown.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection
from typing import Final

from .._events.fields import EVENT_FIELDS
from ..errors import APIError, HellotextError, InvalidParameter

__all__ = ["Reasons", "reason_of"]

SHOWN: Final = 5
"""Complaints of one kind that are written out."""


class Reasons:
    """Counts reasons and writes the first of each kind to stderr."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, line: int, reason: str) -> None:
        """Something is wrong with the row on this line."""
        self.counts[reason] += 1
        if self.counts[reason] <= SHOWN:
            print(f"line {line}: {reason}", file=sys.stderr)
        elif self.counts[reason] == SHOWN + 1:
            print("further lines of this kind are counted only", file=sys.stderr)


def reason_of(error: HellotextError | None, known: Collection[str] = EVENT_FIELDS) -> str:
    """An error in words, without a value of the row."""
    if isinstance(error, InvalidParameter):
        name = error.parameter.partition(".")[0].partition("[")[0]
        return (
            f"{name}: {error.problem}" if name in known or name in ("action", "event") else "a field that no event has"
        )
    if isinstance(error, APIError):
        details = [f"{_known(each.parameter, known)} ({each.type})" for each in error.errors[:3]]
        return ", ".join([f"HTTP {error.status}", *details])
    return "no reason given" if error is None else str(error)


def _known(name: str | None, known: Collection[str]) -> str:
    return name if name is not None and name.partition("[")[0] in known else "request"
