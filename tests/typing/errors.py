"""Every error and its attributes; hooks."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import assert_type

from hellotext_async import (
    APIError,
    BadRequest,
    ClientClosed,
    ConfigurationError,
    ErrorDetail,
    Event,
    Forbidden,
    Forked,
    Hellotext,
    HellotextError,
    Hooks,
    HttpAttempt,
    NoAnswer,
    NotAccepted,
    NotFound,
    NotSent,
    Outage,
    Outcome,
    QueueClosed,
    QueueFull,
    RateLimited,
    RateState,
    ServerError,
    SessionConflict,
    SpoolBusy,
    SpoolError,
    TimedOut,
    Unauthorized,
    UnexpectedResponse,
    ValidationFailed,
    WrongLoop,
)

API: Sequence[type[APIError]] = (
    BadRequest, Unauthorized, Forbidden, NotFound, ValidationFailed, RateLimited, ServerError, UnexpectedResponse,
)  # fmt: skip
OURS: Sequence[type[HellotextError]] = (
    APIError, ConfigurationError, NotSent, NoAnswer, TimedOut, QueueFull, QueueClosed, SessionConflict, SpoolError, SpoolBusy, NotAccepted,
    ClientClosed, WrongLoop, Forked,
)  # fmt: skip
BUILT_IN: tuple[type[ValueError], type[RuntimeError], type[RuntimeError]] = (ConfigurationError, WrongLoop, Forked)
SPOOL: type[SpoolError] = SpoolBusy
NO_API_ERROR: type[APIError] = NotSent  # type: ignore[assignment]


def raised(
    error: APIError, detail: ErrorDetail, conflict: SessionConflict, closed: QueueClosed, refused: NotAccepted
) -> None:
    assert_type(error.status, int)
    assert_type(error.request_id, str | None)
    assert_type(error.attempts, int)
    assert_type((detail.type, detail.message, detail.parameter), tuple[str, str, str | None])
    assert_type((conflict.session, conflict.profile, conflict.owner), tuple[str, str, str | None])
    assert_type(closed.kept, bool)
    assert_type(refused.may_be_accepted, bool)
    error.code  # type: ignore[attr-defined]


class Alarm(Hooks):
    """A hook class of an application."""

    def on_attempt(self, attempt: HttpAttempt) -> None:
        assert_type(attempt, HttpAttempt)

    def on_outcome(self, outcome: Outcome) -> None:
        assert_type(outcome.delivered, bool)

    def on_throttle(self, state: RateState) -> None:
        assert_type(state.gate, float)

    async def on_outage(self, outage: Outage) -> None:
        assert_type((outage.began, outage.ended), tuple[datetime, datetime | None])

    def before_send(self, event: Event) -> Event | None:
        return event


class Wrong(Hooks):
    """A hook with a wrong argument type."""

    def on_outcome(self, outcome: str) -> None: ...  # type: ignore[override]


def installed() -> None:
    Hellotext(hooks=Alarm())
    Hellotext(hooks=[Alarm(), Hooks(on_outcome=print)])
    Hellotext(hooks=print)  # type: ignore[arg-type]
    Hooks(on_outcom=print)  # type: ignore[call-arg]
