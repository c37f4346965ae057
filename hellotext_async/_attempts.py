"""What is reported of each attempt: a line in the log at DEBUG, and a `HttpAttempt` for hooks.

Rules. No query, body or header is shown, and of a path only what looks like the name of a resource or an id.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from ._callbacks import call_back
from ._log import logger
from ._policy.evidence import Evidence
from ._wire.codec import request_id_of

if TYPE_CHECKING:
    from ._policy.evidence import Attempt
    from ._wire.call import Request

__all__ = ["AboutEvent", "AttemptReports", "EventInFlight", "HttpAttempt", "shown_path"]

_log = logger("hellotext_async.http")

_SHOWN: Final = re.compile(r"(?!\+?\d{7,}$)[A-Za-z0-9_-]{1,64}")


class HttpAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request that was made, and what came of it.

    `client` is the client's name, `origin` its API (``https://host``), `path` the request's without
    its query; a segment that looks like a phone or an e-mail is ``…``. `number` counts the attempts at one
    call or event from 1. `status` is None if no status line was read; `reason` is a word for that then
    (``timeout``, ``connect``, ``cancelled`` …). `evidence` says what it proves. `retry_after` and `seconds`
    are in seconds, `began_at` is Unix time. `request_id` is the server's. `event_id` and `action` are set
    for an event of a queue, and `enqueued_in` is the context in which it was handed in (None after a restart).
    """

    client: str | None
    origin: str
    method: str
    path: str
    number: int
    status: int | None
    evidence: Evidence
    reason: str
    retry_after: float | None
    request_id: str | None
    began_at: float
    seconds: float
    event_id: str | None = None
    action: str | None = None
    enqueued_in: Context | None = None


class AboutEvent(msgspec.Struct, frozen=True):
    """What is known of an event of a queue at one attempt: the attempt's `number` counts from 1."""

    event_id: str
    action: str
    number: int
    enqueued_in: Context | None = None


class EventInFlight(Protocol):
    """An event that is being sent."""

    def described(self) -> AboutEvent:
        """What is reported of it; asked for only if it is reported."""
        ...


class AttemptReports:
    """Reports the attempts of one client."""

    def __init__(
        self,
        client: str | None,
        origin: str,
        hooks: Sequence[Callable[[HttpAttempt], object]],
        *,
        wall: Callable[[], float],
    ) -> None:
        self._client = client
        self._origin = origin
        self._hooks = tuple(hooks)
        self._wall = wall
        self.wanted: Callable[[], bool] = (
            partial(bool, self._hooks) if self._hooks else partial(_log.logger.isEnabledFor, logging.DEBUG)
        )
        """Whether anything would be done with a report."""

    def report(
        self, request: Request, attempt: Attempt, *, seconds: float, number: int, event: EventInFlight | None
    ) -> None:
        """One attempt is over."""
        reply, about = attempt.reply, None if event is None else event.described()
        request_id = None if reply is None else request_id_of(reply)
        made = HttpAttempt(
            client=self._client,
            origin=self._origin,
            method=request.method,
            path=shown_path(request.target),
            number=number if about is None else about.number,
            status=None if reply is None else reply.status,
            evidence=attempt.evidence,
            reason=attempt.reason,
            retry_after=attempt.retry_after,
            request_id=request_id if request_id and _SHOWN.fullmatch(request_id) else None,
            began_at=self._wall() - seconds,
            seconds=seconds,
            event_id=None if about is None else about.event_id,
            action=None if about is None else about.action,
            enqueued_in=None if about is None else about.enqueued_in,
        )
        _write(made)
        for hook in self._hooks:
            call_back("on_attempt", hook, made)


def _write(made: HttpAttempt) -> None:
    if not _log.isEnabledFor(logging.DEBUG):
        return
    milliseconds = round(made.seconds * 1000, 1)
    _log.debug(
        "%s%s %s: %s in %s ms (attempt %d)",
        "" if made.client is None else f"{made.client}: ",
        made.method,
        made.path,
        made.reason if made.status is None else made.status,
        milliseconds,
        made.number,
        extra={
            "hellotext_client": made.client,
            "hellotext_method": made.method,
            "hellotext_path": made.path,
            "hellotext_status": made.status,
            "hellotext_evidence": made.evidence,
            "hellotext_reason": made.reason,
            "hellotext_ms": milliseconds,
            "hellotext_attempt": made.number,
            "hellotext_event_id": made.event_id,
            "hellotext_action": made.action,
            "hellotext_request_id": made.request_id,
        },
    )


def shown_path(target: str) -> str:
    """The path of a target, without its query and without what may be a customer's data."""
    path = target.partition("?")[0]
    return "/".join(part if not part or _SHOWN.fullmatch(part) else "…" for part in path.split("/"))
