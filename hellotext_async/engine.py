"""One attempt: an exchange under a permit, and what it proved.

Rules. The permit is given back with what the exchange proved; a failure that follows one subject or
route around proves nothing of the server. Clock, sleep and chance are arguments.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from ._clock import boottime
from ._policy.attribution import Attribution
from ._policy.evidence import Attempt, classify_failure, classify_reply
from ._wire.call import is_unsent
from .transport import Unanswered

if TYPE_CHECKING:
    from ._attempts import AttemptReports, EventInFlight
    from ._outages import OutageWatch
    from ._policy.backoff import Uniform
    from ._wire.call import Request
    from .limiter import Limiter, Permit, Priority
    from .transport import Credentials, Transport

__all__ = ["Engine"]


class Engine:
    """Sends through one transport under one limiter."""

    def __init__(
        self,
        transport: Transport,
        limiter: Limiter,
        credentials: Credentials,
        *,
        total: float,
        clock: Callable[[], float],
        wall: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        uniform: Uniform,
        boottime: Callable[[], float] = boottime,
        reports: AttemptReports | None = None,
        outages: OutageWatch | None = None,
        priority: Priority = "event",
        attribution: Attribution | None = None,
    ) -> None:
        self._credentials = credentials
        self.try_acquire = partial(limiter.try_acquire, priority)
        self.acquire = partial(limiter.acquire, priority)
        self.cancel = limiter.unused
        self._attribution = Attribution() if attribution is None else attribution
        self.transport = transport
        self.limiter = limiter
        self.total = total
        self.clock = clock
        self.boottime = boottime
        self.wall = wall
        self.sleep = sleep
        self.uniform = uniform
        self._reports = reports
        self._outages = outages

    def over(self, transport: Transport | None = None, *, priority: Priority = "event") -> Engine:
        """An engine over another transport, or with another priority, under the same limiter and by the same clock."""
        return Engine(
            self.transport if transport is None else transport,
            self.limiter,
            self._credentials,
            total=self.total,
            clock=self.clock,
            wall=self.wall,
            sleep=self.sleep,
            uniform=self.uniform,
            boottime=self.boottime,
            reports=self._reports,
            outages=self._outages,
            priority=priority,
            attribution=self._attribution,
        )

    @property
    def breaker_open(self) -> bool:
        """Whether an outage goes on."""
        return self.limiter.breaker.open

    def attempt(
        self,
        request: Request,
        permit: Permit,
        *,
        key: str | None = None,
        total: float | None = None,
        not_after: float = inf,
        number: int = 1,
        event: EventInFlight | None = None,
    ) -> Coroutine[Any, Any, Attempt]:
        """One exchange under `permit`, which is given back with what it proved; `key` is what it is about.

        Nothing is written at or after `not_after`, a moment of `boottime`. A CancelledError for which
        `is_unsent` is true proves that nothing was written. Reports say which attempt it is: `number`, or
        what `event` says.
        """
        total = self.total if total is None else total
        reports = self._reports
        if reports is None or not reports.wanted():
            return self._exchange(request, permit, total, not_after, key)
        return self._reported(reports, request, permit, total, not_after, key, number, event)

    async def _reported(
        self,
        reports: AttemptReports,
        request: Request,
        permit: Permit,
        total: float,
        not_after: float,
        key: str | None,
        number: int,
        event: EventInFlight | None,
    ) -> Attempt:
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
        token = self._credentials.token
        try:
            reply = await self.transport.exchange(request, total=total, not_after=not_after)
        except Unanswered as nothing:
            attempt = classify_failure(sent=nothing.sent, reason=nothing.reason, cause=nothing.cause)
            if nothing.reason == "expired" or self.limiter.closed:  # our own doing: it proved nothing of the server
                self.limiter.unused(permit)
                return attempt
        except BaseException:
            self.limiter.cancel(permit)
            raise
        else:
            if 200 <= reply.status < 300:
                self.limiter.delivered(permit)
                self._attribution.delivered(key)
                if self._outages is not None and self._outages.ongoing:
                    self._outages.update(self.breaker_open)
                return Attempt("delivered", reply)
            attempt = classify_reply(reply, wall=self.wall())
        attempt = self._attributed(attempt, key, stale_token=token is not self._credentials.token)
        if attempt.isolated:
            self.limiter.unused(permit)  # it proved nothing of the server
            if self._attribution.blameless:
                self.limiter.exonerate()
            return attempt
        timed_out = attempt.reason == "timeout"
        self.limiter.release(permit, attempt.evidence, wait=attempt.retry_after, timed_out=timed_out)
        if self._outages is not None:
            self._outages.update(self.breaker_open, attempt)
        return attempt

    def _attributed(self, attempt: Attempt, key: str | None, *, stale_token: bool) -> Attempt:
        """The attempt with whose failure it is."""
        if attempt.evidence == "rejected":
            stale = stale_token and attempt.reply is not None and attempt.reply.status == 401
            return msgspec.structs.replace(attempt, stale_token=True) if stale else attempt
        own = self._attribution.failed(key, throttled=attempt.evidence == "throttled")
        return msgspec.structs.replace(attempt, isolated=True) if own else attempt
