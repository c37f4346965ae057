"""Every decision about an event: what follows from an attempt, from too late a time, from a crash and a close. Pure.

Rules. An attempt that may be repeated is repeated without end until the delivery time is over. A
throttle, or a failure while the breaker is open, is not known to be the event's own: it lets others
find out first whether the server takes requests. What follows one event or subject around is its
own, as is a failure while the server answers others: the event backs off alone. A 401 of the current
token suspends the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from .._policy.backoff import Uniform, delay
from .._policy.evidence import Attempt
from .._policy.retry_policy import Delivery, should_retry
from .._wire.reply import error_of
from ..errors import HellotextError, NotSent, OutcomeUnknown
from .entry import AttemptHistory, id_of
from .outcome import Outcome

if TYPE_CHECKING:
    from .entry import Entry
    from .outcome import Verdict

__all__ = ["CLOSED", "Again", "End", "Later", "Rules", "Suspend", "note", "outcome_of"]

BASE: Final = 0.5
CAP: Final = 30.0
INTERRUPTED: Final = Attempt("uncertain", reason="the process ended while it was being sent")
CLOSED: Final = Attempt("uncertain", reason="the queue was closed")


class End(msgspec.Struct, frozen=True):
    """The event has ended."""

    verdict: Verdict
    error: HellotextError | None = None


class Again(msgspec.Struct, frozen=True):
    """The event is sent again: next, or after others have found out whether the server takes requests."""

    front: bool = True


class Later(msgspec.Struct, frozen=True):
    """The event is sent again in `pause` seconds."""

    pause: float


class Suspend(msgspec.Struct, frozen=True):
    """The token was refused: the event waits, and nothing is sent."""

    error: HellotextError


class Rules(msgspec.Struct, frozen=True):
    """How one queue decides."""

    delivery: Delivery
    timeout: float
    uniform: Uniform

    def decide(
        self, entry: Entry, attempt: Attempt, clock: float, *, breaker_open: bool
    ) -> End | Again | Later | Suspend:
        """What follows from an attempt that did not deliver; `breaker_open` says that an outage goes on."""
        if attempt.reply is not None and attempt.reply.status == 401:
            return Again() if attempt.stale_token else Suspend(error_of(attempt.reply))
        history = note(entry, attempt)
        if not should_retry(attempt.evidence, entry.idempotency, self.delivery):
            # A definite no to a retry says nothing of the attempt before it that may have been applied.
            certain = attempt.evidence == "rejected" and history.last_uncertain is None
            return End("rejected" if certain else "unknown", _error(attempt, history.attempts))
        if self.late(entry, clock):
            return self.expired(entry)
        if not attempt.isolated and (attempt.evidence == "throttled" or breaker_open):
            return Again(front=False)
        return Later(delay(history.attempts, base=BASE, cap=CAP, uniform=self.uniform, at_least=attempt.retry_after))

    def late(self, entry: Entry, clock: float) -> bool:
        """Whether the event's time is over."""
        return clock - entry.at >= self.timeout

    def expired(self, entry: Entry) -> End:
        """The event's time is over: it expired if it certainly was not applied, else its outcome is unknown."""
        history = entry.history or AttemptHistory()
        last = history.last_uncertain or history.last
        error = NotSent("expired", attempts=0) if last is None else _error(last, history.attempts)
        return End("expired" if history.last_uncertain is None else "unknown", error)

    def interrupted(self, entry: Entry, by: Attempt = INTERRUPTED, *, kept: bool = True) -> End | None:
        """The end of an event that may have been sent when a process or a queue ended; None: it may be sent again,
        if it is kept.
        """
        if by is CLOSED:
            note(entry, by)
        if kept and should_retry("uncertain", entry.idempotency, self.delivery):
            return None
        attempts = 1 if entry.history is None else entry.history.attempts
        return End("unknown", OutcomeUnknown(by.reason, attempts=attempts))

    def abandoned(self, entry: Entry, error: HellotextError) -> End:
        """The end of an event that cannot be delivered any more: the queue closes with it, or it cannot be read."""
        history = entry.history
        if history is None or history.last_uncertain is None:
            return End("abandoned", error)
        return End("unknown", _error(history.last_uncertain, history.attempts))


def note(entry: Entry, attempt: Attempt) -> AttemptHistory:
    """Note an attempt that did not deliver."""
    history = entry.history
    if history is None:
        history = entry.history = AttemptHistory()
    history.attempts += 1
    history.last = attempt
    if not attempt.definite:
        history.last_uncertain = attempt
        history.uncertain_count += 1
    return history


def _error(attempt: Attempt, attempts: int) -> HellotextError:
    if attempt.reply is not None:
        return error_of(attempt.reply, attempts=attempts, wait=attempt.retry_after)
    if attempt.evidence == "not_sent":
        return NotSent(attempt.reason, attempts=attempts, detail=str(attempt.cause or ""))
    return OutcomeUnknown(attempt.reason, attempts=attempts)


def outcome_of(entry: Entry, end: End, clock: float) -> Outcome:
    """The outcome of an event that ends so."""
    history = entry.history
    failed, uncertain_count = (0, 0) if history is None else (history.attempts, history.uncertain_count)
    applied = end.verdict == "delivered"
    return Outcome(
        verdict=end.verdict,
        event_id=id_of(entry),
        action=entry.action,
        attempts=failed + applied,
        error=end.error,
        maybe_duplicated=uncertain_count + applied > 1 and entry.idempotency != "idempotent",
        waited=clock - entry.at,
        context=entry.context,
    )
