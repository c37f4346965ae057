"""When an attempt is repeated: by how often a call may be applied, and by what the attempt proved.

`careful` never doubles what the server has not answered. `at_least_once` repeats an unanswered
duplicable too. `at_most_once` repeats nothing of which a byte left, unless it was throttled.
"""

from __future__ import annotations

from typing import Final, Literal

from .._wire.call import Idempotency
from .evidence import Evidence

__all__ = ["Delivery", "should_retry"]

Delivery = Literal["careful", "at_least_once", "at_most_once"]

_ALWAYS: Final[frozenset[Evidence]] = frozenset(("not_sent", "throttled"))
_ANSWERED: Final[frozenset[Evidence]] = frozenset((*_ALWAYS, "server_error"))
_ANY: Final[frozenset[Evidence]] = frozenset((*_ANSWERED, "uncertain"))

_RETRIED: Final[dict[Delivery, dict[Idempotency, frozenset[Evidence]]]] = {
    "careful":       {"safe": _ANY, "idempotent": _ANY,    "non_idempotent": _ANSWERED, "at_most_once": _ALWAYS},
    "at_least_once": {"safe": _ANY, "idempotent": _ANY,    "non_idempotent": _ANY,      "at_most_once": _ALWAYS},
    "at_most_once":  {"safe": _ANY, "idempotent": _ALWAYS, "non_idempotent": _ALWAYS,   "at_most_once": _ALWAYS},
}  # fmt: skip


def should_retry(evidence: Evidence, idempotency: Idempotency, delivery: Delivery = "careful") -> bool:
    """Whether a request of this kind is sent again after this evidence."""
    return evidence in _RETRIED[delivery][idempotency]
