"""One call to its answer: permits, attempts, waits and the deadline, and the error at the end.

Rules. A call makes at most `Retry.attempts` requests within `Retry.deadline` seconds, waits for the
rate included. The call's class and the evidence alone decide whether it is retried. While the
server counts as down a call makes its first attempt and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from ._policy.backoff import delay
from ._policy.retry_policy import should_retry
from ._wire.encode import request_of
from ._wire.reply import answer, error_of
from .errors import Asked, HellotextError, NoAnswer, NotSent, OutcomeUnknown, RateLimited, ServerError, TimedOut
from .limiter import Refused

if TYPE_CHECKING:
    from ._policy.evidence import Attempt
    from ._wire.call import Call
    from .config import Options
    from .engine import Engine

__all__ = ["send"]

T = TypeVar("T")

MARGIN: Final = 1.0
"""Seconds that must be left before the deadline after a wait, or the wait is not begun."""


async def send(engine: Engine, call: Call[T], options: Options) -> T:
    """The answer to `call`, or the error that it ended in."""
    tries = _Tries(engine, call, options)
    since = engine.wall()
    try:
        attempt = await tries.once()
        if tries.should_retry(attempt):
            attempt = await tries.repeat(attempt)
        done: T = tries.conclude(attempt)
    except (OutcomeUnknown, ServerError) as unknown:
        if call.idempotency != "safe":
            unknown.asked = Asked(call.method, call.path, tries.request.body, since)
        raise
    return done


def _last(state: RetryCallState) -> Attempt:
    if state.outcome is None:
        raise AssertionError("tenacity stopped before the first attempt")
    attempt: Attempt = state.outcome.result()
    return attempt


class _Tries:
    """The attempts at one call: how many, until when, and whether an early one may have been applied."""

    def __init__(self, engine: Engine, call: Call[Any], options: Options) -> None:
        self.request = request_of(call)
        self._engine = engine
        self._call = call
        self._retry = options.retry
        self._wait = options.wait
        self._deadline = engine.clock() + options.retry.deadline
        self._made = 0
        self._latest: Attempt | None = None
        self._uncertain: Attempt | None = None

    async def once(self) -> Attempt:
        """One attempt, as soon as there is a permit for it."""
        engine = self._engine
        try:
            permit = await engine.limiter.acquire("call", until=self._patience())
        except Refused as refused:
            wait = refused.wait
        else:
            left = self._deadline - engine.clock()
            if left > 0:
                self._made += 1
                key = f"{self._call.method} {_route(self._call.path)}"
                self._latest = await engine.attempt(
                    self.request, permit, key=key, total=min(engine.total, left), number=self._made
                )
                if not self._latest.definite:
                    self._uncertain = self._latest
                return self._latest
            engine.cancel(permit)  # the loop was blocked past the deadline
            wait = None
        self._refused(wait)

    async def repeat(self, first: Attempt) -> Attempt:
        """The last attempt, after a `first` that failed: few calls need this loop, which costs half of a request."""
        made = [first]

        async def once() -> Attempt:
            return made.pop() if made else await self.once()

        retrying = AsyncRetrying(
            retry=retry_if_result(self.should_retry),
            wait=self.pause,
            stop=self.enough,
            sleep=self._engine.sleep,
            retry_error_callback=_last,
        )
        return await retrying(once)

    def _patience(self) -> float:
        if self._wait is None:
            return self._deadline
        return min(self._deadline, self._engine.clock() + self._wait)

    def _refused(self, wait: float | None) -> NoReturn:
        if self._latest is not None:
            self._fail(self._latest)
        if self._engine.limiter.closed:
            raise NotSent("closed", attempts=0)
        if wait or self._wait is not None:
            raise RateLimited(429, attempts=0, retry_after=wait, problem="not sent: the wait was longer than allowed")
        raise NotSent("deadline", attempts=0)

    def should_retry(self, attempt: Attempt) -> bool:
        """Whether the evidence allows another attempt; refused credentials and a bad certificate stay what they are."""
        if attempt.reason == "tls" or isinstance(attempt.cause, PermissionError):
            return False
        if attempt.evidence == "delivered":
            lost = attempt.reply is not None and attempt.reply.missing == "cut off"
            return lost and self._call.idempotency in ("safe", "idempotent")
        return should_retry(attempt.evidence, self._call.idempotency)

    def pause(self, state: RetryCallState) -> float:
        """Seconds before the next attempt."""
        at_least = None if self._latest is None else self._latest.retry_after
        retry = self._retry
        return delay(
            state.attempt_number,
            base=retry.base,
            cap=retry.cap,
            uniform=self._engine.uniform,
            at_least=at_least,
        )

    def enough(self, state: RetryCallState) -> bool:
        """Whether the number of attempts, the time or an outage ends it here."""
        late = self._engine.clock() + state.upcoming_sleep + MARGIN >= self._deadline
        return self._made >= self._retry.attempts or late or self._engine.limiter.breaker.open

    def conclude(self, attempt: Attempt) -> Any:
        """The answer in `attempt`, or its error."""
        reply = attempt.reply
        if reply is not None and attempt.evidence == "delivered":
            return answer(self._call, reply, attempts=self._made)
        may_be_done = self._uncertain is not None and self._call.if_missing is not None
        if reply is not None and reply.status == 404 and may_be_done:
            return self._call.if_missing
        self._fail(attempt)

    def _fail(self, attempt: Attempt) -> NoReturn:
        raise self._error(attempt) from attempt.cause

    def _error(self, attempt: Attempt) -> HellotextError:
        """The error of `attempt`; an earlier one that may have been applied outweighs one that was not."""
        if (
            attempt.evidence in ("not_sent", "throttled")
            and self._uncertain is not None
            and self._call.idempotency != "safe"
        ):
            attempt = self._uncertain
        if attempt.reply is None:
            return self._unanswered(attempt)
        if attempt.evidence == "server_error" and self._call.idempotency == "at_most_once":
            return OutcomeUnknown(f"HTTP {attempt.reply.status}", attempts=self._made)
        wait = attempt.retry_after
        throttled = attempt.evidence == "throttled"
        return error_of(attempt.reply, attempts=self._made, wait=wait if throttled else None)

    def _unanswered(self, attempt: Attempt) -> HellotextError:
        reason = attempt.reason
        if attempt.evidence == "not_sent":
            return NotSent(reason, attempts=self._made, detail=str(attempt.cause or ""))
        if self._call.idempotency == "safe":
            return (TimedOut if reason == "timeout" else NoAnswer)(reason, attempts=self._made)
        return OutcomeUnknown(reason, attempts=self._made)


def _route(path: str) -> str:
    """The path without ids: its first two parts (``/v1/profiles``), three below ``/v1/attribution``."""
    parts = path.split("/", 5)
    return "/".join(parts[: 4 if parts[2:3] == ["attribution"] else 3])
