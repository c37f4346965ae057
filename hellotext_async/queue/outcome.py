"""What became of events: one `Outcome` each, a `Report` at the end, `Stats` in between."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec

from ..errors import HellotextError

__all__ = ["VERDICTS", "Outcome", "Report", "Stats", "Verdict"]

Verdict = Literal["delivered", "rejected", "unknown", "expired", "abandoned"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one accepted event.

    `verdict`: ``delivered`` (a 2xx was read), ``rejected`` (a definite no), ``unknown`` (sent, and
    nothing proves whether it was applied), ``expired`` (not delivered in time, certainly not
    applied), ``abandoned`` (still in memory when the queue closed). `attempts` counts requests,
    `error` says what the last one ended in, `maybe_duplicated` that an earlier one may have been
    applied too, `waited` the seconds since acceptance (suspensions not counted). `context` is the
    caller's own object, as it was given with the event; it does not outlive the process.
    """

    verdict: Verdict
    event_id: str
    action: str
    attempts: int = 1
    error: HellotextError | None = None
    maybe_duplicated: bool = False
    waited: float = 0.0
    context: Any = None

    @property
    def delivered(self) -> bool:
        """Whether the API took it."""
        return self.verdict == "delivered"


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """A queue at one moment. ``accepted == sum(outcomes.values()) + queued + in_flight``, always.

    `pending` events are not accepted yet (a spool is writing them); `bytes` are the bodies held in
    memory; `dropped` ones were dropped by a `before_send` and never accepted; `oldest_age` is in
    seconds; `suspended` after a 401; `away_since` is when requests began to fail, so that the
    queue waits for the server (UTC), None while it answers. `lost` events, at least, had been
    acknowledged by a stream's server that does not have them any more; they are in none of the other
    figures.
    """

    accepted: int
    pending: int
    queued: int
    in_flight: int
    bytes: int
    outcomes: dict[Verdict, int]
    oldest_age: float
    suspended: bool
    away_since: datetime | None = None
    dropped: int = 0
    lost: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How a flush or a close ended: outcomes so far per verdict, and what is left.

    `queued` events still wait, `in_flight` ones are being sent, `kept` ones stay in a spool for
    the next opening. `suspended` says that a 401 stopped the queue, and `error` is that 401.
    """

    outcomes: dict[Verdict, int]
    kept: int = 0
    queued: int = 0
    in_flight: int = 0
    suspended: bool = False
    error: HellotextError | None = None
