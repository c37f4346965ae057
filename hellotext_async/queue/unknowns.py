"""What is known of a request whose outcome is unknown, from whatever its caller holds of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import msgspec

from .._wire.call import EVENTS_PATH
from ..errors import Asked, HellotextError, InvalidParameter, OutcomeUnknown
from .letters import Letter
from .outcome import Outcome

__all__ = ["Unknown", "asked_by", "flat"]

Unknown: TypeAlias = HellotextError | Outcome | Letter
_KINDS: Final = (HellotextError, Outcome, Letter)

_LONGEST: Final = 86_400.0
"""Seconds for which an event is tried at most, unless its queue has another limit."""


def flat(unknowns: Iterable[Unknown | Iterable[Unknown]]) -> Iterator[Unknown]:
    """One by one, out of the lists that they stand in; InvalidParameter for anything else."""
    for one in unknowns:
        for each in one if isinstance(one, Iterable) else (one,):
            if not isinstance(each, _KINDS):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidParameter("unknowns", "expected errors, outcomes or dead letters")
            yield each


def asked_by(unknown: Unknown) -> Asked | str | bool:
    """What was asked; else why that is not at hand, or True: it was applied."""
    if isinstance(unknown, Letter):
        if unknown.verdict != "unknown":
            return f"it is known: {unknown.verdict}"
        return Asked("POST", EVENTS_PATH, bytes(unknown.payload), _sent_since(unknown))
    if isinstance(unknown, Outcome):
        if unknown.verdict != "unknown":
            return unknown.delivered or f"it is known: {unknown.verdict}"
        return "what was sent is not at hand" if unknown.error is None else asked_by(unknown.error)
    if isinstance(unknown, OutcomeUnknown) and unknown.applied:
        return True
    return unknown.asked or "what was sent is not at hand"


def _sent_since(letter: Letter) -> float:
    """When it was accepted: its `tracked_at`, unless the caller gave that; else as long ago as it may be."""
    try:
        at = float(msgspec.json.decode(letter.payload, type=dict[str, Any]).get("tracked_at", 0))
    except (msgspec.MsgspecError, TypeError, ValueError):
        at = 0.0
    return at if 0 <= letter.at - at <= _LONGEST else letter.at - _LONGEST
