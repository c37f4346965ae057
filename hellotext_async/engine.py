"""One call to its answer: permits, attempts, waits and the deadline, and the error at the end.

Rules. `attempt` makes one exchange and says what it proved. `send` is the retry loop over it:
at most `Retry.attempts` requests within `Retry.deadline` seconds, waits for the rate included;
what is repeated is decided by the call's class and the evidence alone; while the server is held
to be away a call makes its first attempt and no more. Clock, sleep and chance are arguments.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from ._clock import boottime
from ._policy.attribution import Attribution
from ._policy.backoff import Uniform, delay
from ._policy.evidence import Attempt, classify_failure, classify_reply
from ._policy.retry_policy import should_retry
from ._wire.call import is_unsent
from ._wire.encode import request_of
from ._wire.reply import answer, error_of
from .errors import Asked, HellotextError, NoAnswer, NotSent, OutcomeUnknown, RateLimited, ServerError, TimedOut
from .limiter import Refused
from .transport import Unanswered

if TYPE_CHECKING:
    from ._attempts import AttemptReports, EventInFlight
    from ._outages import OutageWatch
    from ._wire.call import Call, Request
    from .config import Options
    from .limiter import Limiter, Permit, Priority
    from .transport import Transport

__all__ = ["Engine"]

T = TypeVar("T")

MARGIN: Final = 1.0
"""Seconds that must be left before the deadline after a wait, or the wait is not begun."""


def _no_credentials() -> object:
    return None


class Engine:
    """Sends through one transport under one limiter."""

    def __init__(
        self,
        transport: Transport,
        limiter: Limiter,
        *,
        total: float,
        clock: Callable[[], float],
        wall: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        uniform: Uniform,
        boottime: Callable[[], float] = boottime,
        reports: AttemptReports | None = None,
        outages: OutageWatch | None = None,
        credentials: Callable[[], object] = _no_credentials,
        priority: Priority = "event",
        attribution: Attribution | None = None,
    ) -> None:
        self._credentials = credentials
        self._priority: Priority = priority
        self._attribution = Attribution() if attribution is None else attribution
        self.transport = transport
        self.limiter = limiter
        self.total = total
        self.clock = clock
        self.boottime = boottime
        self._wall = wall
        self._sleep = sleep
        self.uniform = uniform
        self._reports = reports
        self._outages = outages

    def over(self, transport: Transport | None = None, *, priority: Priority = "event") -> Engine:
        """An engine over another transport, or with another priority, under the same limiter and by the same clock."""
        return Engine(
            self.transport if transport is None else transport,
            self.limiter,
            total=self.total,
            clock=self.clock,
            wall=self._wall,
            sleep=self._sleep,
            uniform=self.uniform,
            boottime=self.boottime,
            reports=self._reports,
            outages=self._outages,
            credentials=self._credentials,
            priority=priority,
            attribution=self._attribution,
        )

    @property
    def breaker_open(self) -> bool:
        """Whether the server is held to be away."""
        return self.limiter.breaker.open

    def try_acquire(self) -> Permit | None:
        """Leave to send one event, if there is one at once."""
        return self.limiter.try_acquire(self._priority)

    async def acquire(self) -> Permit:
        """Leave to send one event."""
        return await self.limiter.acquire(self._priority)

    def cancel(self, permit: Permit) -> None:
        """The permit was not used."""
        self.limiter.cancel(permit)

    async def attempt(
        self,
        request: Request,
        permit: Permit,
        *,
        key: str | None = None,
        total: float | None = None,
        not_after: float = inf,
        number: int = 1,
        event: EventInFlight | None = None,
    ) -> Attempt:
        """One exchange under `permit`, which is given back with what it proved; `key` is what it is about.

        Nothing is written at or after `not_after`, a moment of `boottime`. A CancelledError for which
        `is_unsent` is true proves that nothing was written. Reports say which attempt it is: `number`, or
        what `event` says.
        """
        total = self.total if total is None else total
        reports = self._reports
        if reports is None or not reports.wanted:
            return await self._exchange(request, permit, total, not_after, key)
        began = self.clock()
        try:
            attempt = await self._exchange(request, permit, total, not_after, key)
        except BaseException as error:
            cut = classify_failure(sent=not is_unsent(error), reason="cancelled")
            reports.report(request, cut, seconds=self.clock() - began, number=number, event=event)
            raise
        reports.report(request, attempt, seconds=self.clock() - began, number=number, event=event)
        return attempt

    async def _exchange(
        self, request: Request, permit: Permit, total: float, not_after: float, key: str | None
    ) -> Attempt:
        credentials = self._credentials()
        try:
            reply = await self.transport.exchange(request, total=total, not_after=not_after)
        except Unanswered as nothing:
            attempt = classify_failure(sent=nothing.sent, reason=nothing.reason, cause=nothing.cause)
        except BaseException:
            self.limiter.cancel(permit)
            raise
        else:
            if 200 <= reply.status < 300:
                self.limiter.delivered(permit)
                self._attribution.delivered(key)
                if self._outages is not None and self._outages.away:
                    self._outages.look(self.breaker_open)
                return Attempt("delivered", reply)
            attempt = classify_reply(reply, wall=self._wall())
        attempt = self._attributed(attempt, key, stale_token=credentials is not self._credentials())
        if attempt.isolated:
            self.limiter.cancel(permit)  # it proved nothing of the server
            if self._attribution.blameless:
                self.limiter.exonerate()
            return attempt
        timed_out = attempt.reason == "timeout"
        self.limiter.release(permit, attempt.evidence, wait=attempt.retry_after, timed_out=timed_out)
        if self._outages is not None:
            self._outages.look(self.breaker_open, attempt)
        return attempt

    def _attributed(self, attempt: Attempt, key: str | None, *, stale_token: bool) -> Attempt:
        """The attempt with whose failure it is."""
        if attempt.evidence == "rejected":
            stale = stale_token and attempt.reply is not None and attempt.reply.status == 401
            return msgspec.structs.replace(attempt, stale_token=True) if stale else attempt
        own = self._attribution.failed(key)
        return msgspec.structs.replace(attempt, isolated=True) if own else attempt

    async def send(self, call: Call[T], options: Options) -> T:
        """The answer to `call`, or the error that it ended in."""
        request, since = request_of(call), self._wall()
        tries = _Tries(self, call, options)
        try:
            attempt = await tries.once(request)
            if tries.again(attempt):
                attempt = await self._repeated(tries, request, attempt)
            done: T = tries.conclude(attempt)
        except (OutcomeUnknown, ServerError) as unknown:
            if call.idempotency != "safe":
                unknown.asked = Asked(call.method, call.path, request.body, since)
            raise
        return done

    async def _repeated(self, tries: _Tries, request: Request, first: Attempt) -> Attempt:
        """The retry loop, begun with an attempt that was made outside: nearly every call needs no more, and no loop."""
        made = [first]

        async def once() -> Attempt:
            return made.pop() if made else await tries.once(request)

        retrying = AsyncRetrying(
            retry=retry_if_result(tries.again),
            wait=tries.pause,
            stop=tries.enough,
            sleep=self._sleep,
            retry_error_callback=_last,
        )
        return await retrying(once)


def _last(state: RetryCallState) -> Attempt:
    if state.outcome is None:
        raise AssertionError("tenacity stopped before the first attempt")
    attempt: Attempt = state.outcome.result()
    return attempt


class _Tries:
    """The attempts at one call: how many, until when, and whether an early one may have been applied."""

    def __init__(self, engine: Engine, call: Call[Any], options: Options) -> None:
        self._engine = engine
        self._call = call
        self._retry = options.retry
        self._wait = options.wait
        self._deadline = engine.clock() + options.retry.deadline
        self._made = 0
        self._latest: Attempt | None = None
        self._doubt: Attempt | None = None

    async def once(self, request: Request) -> Attempt:
        """One attempt, as soon as there is a permit for it."""
        engine = self._engine
        try:
            permit = await engine.limiter.acquire("call", until=self._patience())
        except Refused as refused:
            wait = refused.wait
        else:
            self._made += 1
            left = self._deadline - engine.clock()
            total = min(engine.total, max(left, 0.001))
            key = f"{self._call.method} {_route(self._call.path)}"
            self._latest = await engine.attempt(request, permit, key=key, total=total, number=self._made)
            if not self._latest.definite:
                self._doubt = self._latest
            return self._latest
        self._refused(wait)

    def _patience(self) -> float:
        if self._wait is None:
            return self._deadline
        return min(self._deadline, self._engine.clock() + self._wait)

    def _refused(self, wait: float | None) -> NoReturn:
        if self._latest is not None:
            self._fail(self._latest)
        if wait or self._wait is not None:
            raise RateLimited(429, attempts=0, retry_after=wait, problem="not sent: the wait was longer than allowed")
        raise NotSent("deadline", attempts=0)

    def again(self, attempt: Attempt) -> bool:
        """Whether the evidence allows another attempt."""
        if attempt.reason == "tls":
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
        done_before = self._doubt is not None and self._call.if_missing is not None
        if reply is not None and reply.status == 404 and done_before:
            return self._call.if_missing
        self._fail(attempt)

    def _fail(self, attempt: Attempt) -> NoReturn:
        raise self._error(attempt) from attempt.cause

    def _error(self, attempt: Attempt) -> HellotextError:
        """The error of `attempt`; an earlier one that may have been applied outweighs one that was not."""
        if (
            attempt.evidence in ("not_sent", "throttled")
            and self._doubt is not None
            and self._call.idempotency != "safe"
        ):
            attempt = self._doubt
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
