"""The quick look at an event: enough for nearly all of them, at a third of the cost.

Rules. An event of plain values passes as it is; None means that it needs the closer look, which
decides and names the parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from .fields import IDS, MAPPINGS, MILLISECONDS, TEXTS

__all__ = ["usual"]

_SCALARS: Final = frozenset({str, int, float, bool})
_TEXT_ONLY: Final = frozenset({str})
LONGEST: Final = 64


def usual(action: Any, fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body of an event whose every value is plainly right; None if a closer look is needed."""
    for name, value in fields.items():
        kind = type(value)  # pyright: ignore[reportUnknownVariableType]
        if kind is str:
            if name in IDS:
                if not value.isalnum() or len(value) > LONGEST or not value.isascii():
                    return None
            elif name not in TEXTS or not value:
                return None
        elif kind is dict:
            if name not in MAPPINGS or not _flat(value):
                return None
        elif name == "amount":
            if kind is not int and not (kind is float and isfinite(value)):
                return None
        elif not (name == "tracked_at" and kind is int and value < MILLISECONDS):
            return None
    if type(action) is not str or not action or ("profile" not in fields and "session" not in fields):
        return None
    if "currency" in fields and "amount" not in fields:
        return None
    return {"action": action, **fields}


def _flat(value: dict[Any, Any]) -> bool:
    """Whether a mapping holds nothing but texts, finite numbers and bools under texts."""
    kinds = set(map(type, value.values()))
    if not kinds <= _SCALARS or not _TEXT_ONLY.issuperset(map(type, value)):
        return False
    return float not in kinds or all(isfinite(number) for number in value.values() if type(number) is float)
