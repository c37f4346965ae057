"""A transport exchanges one HTTP request for its reply.

Rules. `exchange` raises nothing but `Unanswered` (and a cancellation of its own task); it never
retries a request, follows a redirect or keeps a cookie; it keeps the time limits it is given.
A status line that was read is a `Reply`, whatever happens to the body after it.
"""

from __future__ import annotations

# Looking up a host imports it, in a thread: a child forked in that moment could look up none for ever.
import encodings.idna  # noqa: F401  # pyright: ignore[reportUnusedImport]
import re
from math import inf
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from .._wire.call import Reply, Request
    from ..config import Token

__all__ = ["TARGET", "Credentials", "Reason", "Transport", "Unanswered"]

TARGET: Final = re.compile(r"/[!-~]*")
"""A valid target of a request line; anything else could end the line, and is not sent."""

Reason = Literal[
    "dns", "connect", "tls", "proxy", "pool", "closed", "expired",  # nothing was sent
    "timeout", "disconnected", "malformed",  # something may have been
]  # fmt: skip


class Unanswered(Exception):
    """No status line was read; `sent` is False only if certainly no byte of the request left.

    `cause` says why there was no connection: an exception of the standard library that holds no secret.
    """

    def __init__(self, sent: bool, reason: Reason, cause: OSError | None = None) -> None:
        super().__init__(sent, reason)
        self.sent = sent
        self.reason: Reason = reason
        self.cause = cause


class Credentials(Protocol):
    """Where a transport reads the token for each request; it can be replaced there."""

    @property
    def token(self) -> Token:
        """The token that goes with a request that is sent now."""
        ...


class Transport(Protocol):
    """Carries requests to one origin."""

    async def exchange(self, request: Request, /, *, total: float, not_after: float = inf) -> Reply:
        """The reply to `request` within `total` seconds, or Unanswered.

        It is not written at or after `not_after`, a moment of `boottime`: that ends it unsent, "expired".
        A CancelledError is marked with `mark_unsent` if no byte was written.
        """
        ...

    def abort(self) -> None:
        """Close every connection at once, and open none any more; what is in flight ends. Safe to call twice."""
        ...

    async def aclose(self) -> None:
        """`abort`, and wait until every connection is closed; it is aborted even if the wait is cancelled."""
        ...
