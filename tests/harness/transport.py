"""A transport that answers as scripted, for queues and calls on a virtual clock."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final, TypeAlias

from hellotext_async._wire.call import Reply, Request
from hellotext_async.transport import Reason, Unanswered

from .scripts import RECEIVED
from .seen import History, Seen

__all__ = ["Answer", "Script", "answers", "breaks", "received", "silent", "unsent"]

_JSON: Final = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one exchange after `takes` seconds.

    An `applied` one is applied at once, so that a cancelled exchange finds it done.
    """

    comes: Reply | Unanswered
    takes: float = 0.0
    applied: bool = False


def answers(
    status: int,
    body: bytes = b"{}",
    headers: tuple[tuple[str, str], ...] = (),
    *,
    takes: float = 0.0,
    applied: bool | None = None,
) -> Answer:
    """A reply; applied if it is a 2xx by default."""
    does = 200 <= status < 300 if applied is None else applied
    return Answer(Reply(status, (_JSON, *headers), body), takes, does)


def received(*, takes: float = 0.0) -> Answer:
    """The API's answer to an event."""
    return answers(200, RECEIVED, takes=takes)


def unsent(reason: Reason = "connect", *, takes: float = 0.0) -> Answer:
    """No byte leaves."""
    return Answer(Unanswered(False, reason), takes)


def breaks(reason: Reason = "disconnected", *, takes: float = 0.0, applied: bool = True) -> Answer:
    """Sent, and closed before a status line came."""
    return Answer(Unanswered(True, reason), takes, applied)


def silent(*, applied: bool = True) -> Answer:
    """Sent, and never answered: it ends with the time that the exchange was given."""
    return breaks("timeout", takes=float("inf"), applied=applied)


Chooses: TypeAlias = Callable[[Seen], Answer | None]


ENDLESS: Final = 100_000
"""More requests than any test makes: a client that never stops fails its test rather than hangs it."""


class Script:
    """Answers each exchange with the next of `upcoming`, else with what `hook` chooses, else with `default`.

    `asked` counts exchanges, `in_flight` and `most_in_flight` concurrent ones. `history` holds what was
    sent, `history.applied` what was applied.
    """

    def __init__(self, *upcoming: Answer, default: Answer | None = None, hook: Chooses | None = None) -> None:
        self.upcoming = deque(upcoming)
        self.default = received() if default is None else default
        self.hook = hook
        self.history = History()
        self.asked = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = False

    async def exchange(self, request: Request, /, *, total: float, not_after: float = inf) -> Reply:
        """The reply as scripted, within `total` seconds of the loop's time, or Unanswered.

        `not_after` is compared with the loop's time, which here stands for `boottime`.
        """
        if asyncio.get_running_loop().time() >= not_after:
            raise Unanswered(False, "expired")
        self.asked += 1
        if self.asked > ENDLESS:
            raise AssertionError("requests without end")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await _play(self._answer(request), total)
        finally:
            self.in_flight -= 1

    def _answer(self, request: Request) -> Answer:
        now = asyncio.get_running_loop().time()
        seen = Seen(self.asked, 0, now, request.method, request.target, body=request.body or b"", complete=True)
        answer = self._choose(seen)
        if not isinstance(answer.comes, Unanswered) or answer.comes.sent:
            self.history.note(seen)
        if answer.applied:
            self.history.apply(seen, now)
        return answer

    def _choose(self, seen: Seen) -> Answer:
        if self.upcoming:
            return self.upcoming.popleft()
        chosen = self.hook(seen) if self.hook else None
        return self.default if chosen is None else chosen

    def abort(self) -> None:
        """Record that it was closed."""
        self.closed = True

    async def aclose(self) -> None:
        """Record that it was closed."""
        self.closed = True


async def _play(answer: Answer, total: float) -> Reply:
    await asyncio.sleep(min(answer.takes, total))
    comes, late = answer.comes, answer.takes > total
    if isinstance(comes, Unanswered):
        raise Unanswered(comes.sent, "timeout" if late and comes.sent else comes.reason)
    if late:
        raise Unanswered(True, "timeout")
    return comes
