"""Every error that leaves this package.

    HellotextError
    ├── InvalidParameter     (ValueError)  an argument is wrong; nothing was sent
    ├── ConfigurationError   (ValueError)  the client or queue cannot be built like this
    ├── APIError                           the API answered, and the answer is not a success
    │   ├── BadRequest            400
    │   ├── Unauthorized          401
    │   ├── Forbidden             403
    │   ├── NotFound              404
    │   ├── ValidationFailed      422
    │   ├── RateLimited           429, or 503 with Retry-After; also when a wait was refused
    │   ├── ServerError           5xx, 408, 425
    │   └── UnexpectedResponse    an answer that the API does not document
    ├── SessionConflict                    the session belongs to another profile
    ├── NotSent                            no byte of the request left this machine
    ├── OutcomeUnknown                     sent, and nothing proves whether it was applied
    │   └── NoAnswer                       a call that only reads got no answer: nothing was changed
    │       └── TimedOut     (TimeoutError) in time
    ├── QueueFull                          no room for the event
    ├── QueueClosed                        the queue takes (or waits for) nothing any more
    ├── SpoolError                         the spool could not store an event
    │   ├── SpoolBusy                      another process or queue owns it
    │   └── NotAccepted                    a server did not acknowledge the event in time
    ├── ClientClosed         (RuntimeError) used after aclose()
    ├── WrongLoop            (RuntimeError) used from another event loop or thread
    └── Forked               (RuntimeError) used in a child made by fork

Rules. A message names statuses, error types, parameter names and our own ids: never a token, a
body, a phone or an e-mail. What the server wrote about a value stays in ``.errors[n].message``,
which neither ``str``, ``repr`` nor a pickle shows. No exception of another library is a parent,
a cause or a context of ours; the standard library's may say as a cause why there was no connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._details import Asked as Asked
from ._details import ErrorDetail, counted, shown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "APIError",
    "BadRequest",
    "ClientClosed",
    "ConfigurationError",
    "ErrorDetail",
    "Forbidden",
    "Forked",
    "HellotextError",
    "InvalidParameter",
    "NoAnswer",
    "NotAccepted",
    "NotFound",
    "NotSent",
    "OutcomeUnknown",
    "QueueClosed",
    "QueueFull",
    "RateLimited",
    "ServerError",
    "SessionConflict",
    "SpoolBusy",
    "SpoolError",
    "TimedOut",
    "Unauthorized",
    "UnexpectedResponse",
    "ValidationFailed",
    "WrongLoop",
]


class HellotextError(Exception):
    """The parent of every error of this package."""

    asked: Asked | None = None
    """What was asked, if its outcome is unknown, for `client.reconcile`: a customer's data, never shown nor pickled."""


class InvalidParameter(HellotextError, ValueError):
    """An argument is wrong; it is raised before anything is sent.

    `parameter` names the argument (``products[1].quantity`` for a nested one).
    """

    def __init__(self, parameter: str, problem: str) -> None:
        super().__init__(parameter, problem)
        self.parameter = parameter
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.parameter}: {self.problem}"


class ConfigurationError(HellotextError, ValueError):
    """The client or the queue cannot be built from these settings."""


class APIError(HellotextError):
    """The API answered with something other than success.

    `status` is the HTTP status, `errors` the entries of its body, `request_id` the server's id of the
    exchange when it gave one, `attempts` how many requests were made for the call.
    """

    def __init__(
        self,
        status: int,
        errors: Sequence[ErrorDetail] = (),
        *,
        request_id: str | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
        problem: str | None = None,
    ) -> None:
        super().__init__(status)
        self.status = status
        self.errors = tuple(errors)
        self.request_id = request_id
        self.attempts = attempts
        self.retry_after = retry_after
        self.problem = problem

    def __str__(self) -> str:
        parts = [f"HTTP {self.status}" if self.status else "not asked"]
        if self.problem:
            parts.append(self.problem)
        if self.errors:
            parts.append(", ".join(str(error) for error in self.errors[:5]))
        if self.retry_after is not None:
            parts.append(f"retry after {self.retry_after:g} s")
        if self.request_id:
            parts.append(f"request {shown_name(self.request_id)}")
        return ": ".join(parts[:1]) + "".join(f"; {part}" for part in parts[1:])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __reduce__(self) -> tuple[Any, ...]:
        shown = [
            ErrorDetail(type=shown_name(e.type), parameter=e.parameter and shown_name(e.parameter)) for e in self.errors
        ]
        state = {**self.__dict__, "errors": tuple(shown), "asked": None}
        return type(self), (self.status,), state


class BadRequest(APIError):
    """400: the body or a required parameter is missing or malformed."""


class Unauthorized(APIError):
    """401: the token is missing, wrong or revoked. ``client.set_token()`` puts in a new one."""


class Forbidden(APIError):
    """403: the plan or subscription does not allow this."""


class NotFound(APIError):
    """404: no such object, action or session in this business."""


class ValidationFailed(APIError):
    """422: the request is well formed and its content is refused; `errors` has the reasons."""


class RateLimited(APIError):
    """429 (or 503 with Retry-After), or a wait for the rate that the caller refused (`attempts` is 0).

    `retry_after` is in seconds; None when the server sent none.
    """


class ServerError(APIError):
    """5xx, 408 or 425: the server failed; the request may have been applied."""


class UnexpectedResponse(APIError):
    """An answer the documented API never gives: a redirect, an unknown status, a body that is not its JSON."""


class SessionConflict(HellotextError):
    """The session is another profile's: `profile` was asked for, `owner` is the one that the API named, if it did."""

    def __init__(self, session: str, profile: str, owner: str | None) -> None:
        super().__init__(session, profile, owner)
        self.session = session
        self.profile = profile
        self.owner = owner

    def __str__(self) -> str:
        owner = shown_name(self.owner) if self.owner else "another profile"
        return f"session {shown_name(self.session)} belongs to {owner}, not to {shown_name(self.profile)}"


class NotSent(HellotextError):
    """No byte of the request left, so it was certainly not applied.

    `reason` is one word: ``dns``, ``connect``, ``tls``, ``proxy``, ``deadline`` … `detail` says the same so that one
    can act on it, if more is known; `attempts` counts the tries.
    """

    def __init__(self, reason: str, *, attempts: int = 1, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.attempts = attempts
        self.detail = detail

    def __str__(self) -> str:
        why = f"{self.reason}: {self.detail}" if self.detail else self.reason
        return f"not sent ({why}) after {counted(self.attempts, 'attempt')}"


class OutcomeUnknown(HellotextError):
    """The request was sent, and nothing proves whether it was applied.

    `applied` is True when a 2xx status line was read and only the rest of the answer was lost,
    else None; `request_id` is the server's id of the exchange then. Look before repeating it: a
    repeat may double it. ``client.reconcile`` looks.
    """

    def __init__(
        self, reason: str, *, attempts: int = 1, applied: bool | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.attempts = attempts
        self.applied = applied
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason,), {**self.__dict__, "asked": None}

    def __str__(self) -> str:
        known = "applied, but its answer was lost" if self.applied else "sent, but whether it was applied is unknown"
        return f"{known} ({self.reason}) after {counted(self.attempts, 'attempt')}"


class NoAnswer(OutcomeUnknown):
    """A call that only reads got no answer. It has changed nothing, and may be made again."""

    def __str__(self) -> str:
        return f"no answer ({self.reason}) after {counted(self.attempts, 'attempt')}"


class TimedOut(NoAnswer, TimeoutError):
    """A call that only reads got no answer in time."""


class QueueFull(HellotextError):
    """The queue has no room. ``await queue.put(...)`` waits for room instead."""


class QueueClosed(HellotextError):
    """The queue is closed. `kept` is True for an event that stays in a spool and is sent after a reopening."""

    def __init__(self, problem: str = "the queue is closed", *, kept: bool = False) -> None:
        super().__init__(problem)
        self.kept = kept


class SpoolError(HellotextError):
    """The spool could not store something; what raised this was not accepted."""


class SpoolBusy(SpoolError):
    """Another process, or another queue of this one, owns the spool."""


class NotAccepted(SpoolError):
    """A server did not acknowledge the event in time, so it is not accepted; with `may_be_accepted` it may have it.

    Then the same event under the same `event_id` can be put again: it is not doubled.
    """

    def __init__(self, problem: str, *, may_be_accepted: bool) -> None:
        super().__init__(problem)
        self.may_be_accepted = may_be_accepted

    def __reduce__(self) -> tuple[Any, ...]:
        return _not_accepted, (str(self), self.may_be_accepted)


def _not_accepted(problem: str, may_be_accepted: bool) -> NotAccepted:
    return NotAccepted(problem, may_be_accepted=may_be_accepted)


class ClientClosed(HellotextError, RuntimeError):
    """The client was closed; make a new one."""


class WrongLoop(HellotextError, RuntimeError):
    """A client or queue belongs to the event loop of its first use; from a thread use ``anyio.from_thread``."""


def in_another_loop(what: str, run: str) -> WrongLoop:
    """What is raised where a client, queue or producer is not of the running loop."""
    return WrongLoop(
        f"this {what} belongs to another event loop: make one in each, as in each asyncio.run(); "
        f"from a thread use anyio.from_thread.{run}"
    )


class Forked(HellotextError, RuntimeError):
    """A client or queue does not cross a fork; make one in the child."""
