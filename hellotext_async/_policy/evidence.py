"""What one attempt proves, judged by what happened on the wire and by nothing else.

delivered     a 2xx status line was read (whatever became of the body)
rejected      a definite no: 3xx, or a 4xx other than those below
throttled     429, or 503 with a Retry-After: refused before it was looked at
not_sent      no byte of the request left
server_error  another 5xx, 408 or 425: may have been applied
uncertain     sent, and no status line came back
"""

from __future__ import annotations

from typing import Literal

import msgspec

from .._wire.call import Reply
from .._wire.reply import retry_after

__all__ = ["Attempt", "Evidence", "classify_failure", "classify_reply"]

Evidence = Literal["delivered", "rejected", "throttled", "not_sent", "server_error", "uncertain"]


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One exchange with what it proved; `reason` says in a word why there is no reply, `cause` in a sentence.

    `isolated`: the failure follows the event's subject around while others are delivered.
    `stale_token`: it was sent with a token that was replaced since.
    """

    evidence: Evidence
    reply: Reply | None = None
    retry_after: float | None = None
    reason: str = ""
    cause: OSError | None = None
    isolated: bool = False
    stale_token: bool = False

    @property
    def definite(self) -> bool:
        """Whether it proves that the request was not applied, or that it was."""
        return self.evidence not in ("server_error", "uncertain")


def classify_reply(reply: Reply, *, wall: float) -> Attempt:
    """What a reply proves; `wall` (Unix seconds) measures a Retry-After that is a date."""
    status = reply.status
    if 200 <= status < 300:
        return Attempt("delivered", reply)
    if status in (429, 503):
        wait = retry_after(reply, wall=wall)
        if status == 429 or wait is not None:
            return Attempt("throttled", reply, wait)
    if status >= 500 or status in (408, 425):
        return Attempt("server_error", reply)
    return Attempt("rejected", reply)


def classify_failure(*, sent: bool, reason: str, cause: OSError | None = None) -> Attempt:
    """What silence proves."""
    return Attempt("uncertain" if sent else "not_sent", reason=reason, cause=cause)
