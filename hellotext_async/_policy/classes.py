"""When an attempt is repeated: by how often a call may be applied, and by what the attempt proved.

`careful` never doubles what the server has not answered. `at_least_once` repeats an unanswered
duplicable too. `at_most_once` repeats nothing of which a byte left, unless it was throttled.
"""

from __future__ import annotations

from typing import Final, Literal

from .._wire.call import Repeat
from .evidence import Evidence

__all__ = ["Delivery", "repeats"]

Delivery = Literal["careful", "at_least_once", "at_most_once"]

_ALWAYS: Final[frozenset[Evidence]] = frozenset(("not_sent", "throttled"))
_ANSWERED: Final[frozenset[Evidence]] = frozenset((*_ALWAYS, "server_error"))
_ANY: Final[frozenset[Evidence]] = frozenset((*_ANSWERED, "uncertain"))

_REPEATED: Final[dict[Delivery, dict[Repeat, frozenset[Evidence]]]] = {
    "careful":       {"safe": _ANY, "repeatable": _ANY,    "duplicable": _ANSWERED, "once": _ALWAYS},
    "at_least_once": {"safe": _ANY, "repeatable": _ANY,    "duplicable": _ANY,      "once": _ALWAYS},
    "at_most_once":  {"safe": _ANY, "repeatable": _ALWAYS, "duplicable": _ALWAYS,   "once": _ALWAYS},
}  # fmt: skip


def repeats(evidence: Evidence, repeat: Repeat, delivery: Delivery = "careful") -> bool:
    """Whether a request of this kind is sent again after this evidence."""
    return evidence in _REPEATED[delivery][repeat]
