"""The accounts of a queue: what was accepted, what each event ended in, and which ids it has seen.

Rules. An event is counted as accepted once and as ended once, and its room is given back then.
Ids that callers gave are remembered while their event is queued and for the last 10,000 that
ended, so that the same event handed in again gets the first one's receipt.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from .outcome import VERDICTS, Outcome, Verdict

if TYPE_CHECKING:
    from .receipt import Receipt
    from .room import Room

__all__ = ["REMEMBERED", "Ledger"]

REMEMBERED: Final = 10_000

_log = logging.getLogger("hellotext_async")


class Ledger:
    """Counts, and tells those who asked to be told."""

    def __init__(self, room: Room, on_outcome: Callable[[Outcome], Any] | None) -> None:
        self.room = room
        self.accepted = 0
        self.pending = 0
        self.outcomes: dict[Verdict, int] = dict.fromkeys(VERDICTS, 0)
        self._on_outcome = on_outcome
        self._current: dict[str, Receipt] = {}
        self._ended: OrderedDict[str, Receipt] = OrderedDict()

    def known(self, event_id: str) -> Receipt | None:
        """The receipt that this id got before, if it is remembered."""
        return self._current.get(event_id) or self._ended.get(event_id)

    def remember(self, receipt: Receipt) -> None:
        """An event with an id of the caller's was taken."""
        self._current[receipt.event_id] = receipt

    def forget(self, receipt: Receipt) -> None:
        """The event was refused after all: its id is free again."""
        if receipt._given and self._current.get(receipt.event_id) is receipt:
            del self._current[receipt.event_id]

    def forgive(self, event_id: str) -> None:
        """An event that ended badly may be handed in again under its id."""
        first = self._ended.get(event_id)
        if first is not None and first.outcome is not None and not first.outcome.delivered:
            del self._ended[event_id]

    def delivered(self, receipt: Receipt, size: int, waited: float) -> None:
        """An accepted event was delivered at the first attempt: the usual way, made short."""
        self.outcomes["delivered"] += 1
        self.room.give(size)
        if self._current and receipt._given:
            self._remember_end(receipt)
        receipt._delivered(waited)
        if self._on_outcome is not None and receipt.outcome is not None:
            self._tell(receipt.outcome)

    def _remember_end(self, receipt: Receipt) -> None:
        if self._current.pop(receipt.event_id, None) is not None:
            self._ended[receipt.event_id] = receipt
            if len(self._ended) > REMEMBERED:
                self._ended.popitem(last=False)

    def ended(self, receipt: Receipt, size: int, outcome: Outcome) -> None:
        """An accepted event has its outcome."""
        self.outcomes[outcome.verdict] += 1
        self.room.give(size)
        if receipt._given:
            self._remember_end(receipt)
        receipt._finish(outcome)
        if self._on_outcome is not None:
            self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        try:
            if self._on_outcome is not None:
                self._on_outcome(outcome)
        except Exception as error:
            # A hook's error is the program's, not the delivery's; its text may hold a customer's data.
            _log.error("on_outcome raised %s for event %s", type(error).__name__, outcome.event_id)
