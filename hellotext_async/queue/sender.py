"""The queue's own scheduler: workers that take events as permits allow, and judge what attempts prove.

Rules. At most one worker waits for a permit, and it takes its event only when it has one. An
attempt that may be repeated goes back without end until the delivery time is over. A throttled
event, or one that failed to reach an absent server, goes back to its place, for the gate and the
breaker make it wait; one that the server failed on backs off by itself, so that it cannot stand in
the way of all others. A 401 suspends: the event goes back, nothing is sent, the clock of
deliveries stands still.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

from .._policy.backoff import Uniform, delay
from .._policy.evidence import Attempt
from .._policy.retry_policy import Delivery, should_retry
from .._wire.call import EVENTS_PATH, Request
from .._wire.reply import error_of
from ..errors import HellotextError, NotSent, OutcomeUnknown
from .outcome import Outcome, Verdict
from .receipt import Trouble

if TYPE_CHECKING:
    from ..limiter import Permit
    from .journal import Journal
    from .receipt import Receipt
    from .schedule import Schedule

__all__ = ["Attempts", "Sender"]

BASE: Final = 0.5
CAP: Final = 30.0

_log = logging.getLogger("hellotext_async")


class Attempts(Protocol):
    """All that the queue knows of what is below it."""

    @property
    def breaker_open(self) -> bool:
        """Whether the server is held to be away."""
        ...

    def try_acquire(self) -> Permit | None:
        """Leave to send one event, if there is one at once."""
        ...

    async def acquire(self) -> Permit:
        """Leave to send one event."""
        ...

    def cancel(self, permit: Permit) -> None:
        """The permit was not used."""
        ...

    async def attempt(self, request: Request, permit: Permit) -> Attempt:
        """One exchange, and what it proved."""
        ...


class Sender:
    """Up to `concurrency` workers over one schedule."""

    def __init__(
        self,
        attempts: Attempts,
        schedule: Schedule,
        journal: Journal | None,
        *,
        concurrency: int,
        delivery: Delivery,
        delivery_timeout: float,
        loop: asyncio.AbstractEventLoop,
        uniform: Uniform,
        on_delivered: Callable[[Receipt, float], None],
        on_end: Callable[[Receipt, Outcome], None],
        on_stop: Callable[[], None],
        on_death: Callable[[BaseException | None], None],
    ) -> None:
        self._attempts = attempts
        self._schedule = schedule
        self._journal = journal
        self._concurrency = concurrency
        self._delivery: Delivery = delivery
        self._timeout = delivery_timeout
        self._loop = loop
        self._uniform = uniform
        self._on_delivered = on_delivered
        self._on_end = on_end
        self._on_stop = on_stop
        self._on_death = on_death
        self._workers: set[asyncio.Task[None]] = set()
        self._parked: deque[asyncio.Future[None]] = deque()
        self._leading = False
        self._stopping = False
        self._timer: asyncio.TimerHandle | None = None
        self._expiry_at = inf
        self._stood_still = 0.0
        self._suspended_at: float | None = None
        self.suspension: HellotextError | None = None
        self.in_flight = 0
        self.listens = True  # False when `wake` would do nothing: asked first for every event that comes

    # Time: deliveries have a clock of their own, which stands still during a suspension.

    def now(self) -> float:
        """The delivery clock."""
        return (self._suspended_at or self._loop.time()) - self._stood_still

    def suspend(self, error: HellotextError) -> None:
        """Stop sending until `resume`."""
        if self.suspension is None:
            self._suspended_at = self._loop.time()
            _log.error("event queue suspended (%s): nothing is sent until set_token() or resume()", error)
        self.suspension = error
        self._on_stop()

    def resume(self) -> None:
        """Go on after a suspension."""
        if self._suspended_at is not None:
            self._stood_still += self._loop.time() - self._suspended_at
        self._suspended_at = self.suspension = None
        self._arm()
        self.wake()

    # Workers: as many as there is work for, parked when there is none.

    def wake(self) -> None:
        """There is something to send, or to wait for."""
        if self._expiry_at == inf:
            self._arm()
        if self._leading:
            return
        if self._parked:
            parked = self._parked.popleft()
            if not parked.done():
                parked.set_result(None)
        elif len(self._workers) < self._concurrency and not self._stopping:
            worker = self._loop.create_task(self._work(), name="hellotext event worker")
            self._workers.add(worker)
            worker.add_done_callback(self._worker_ended)
        else:
            self.listens = self._expiry_at == inf

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        error = None if worker.cancelled() else worker.exception()
        if not self._stopping:
            self.abort()
            self._on_death(error)

    async def _work(self) -> None:
        while True:
            if self.suspension is not None or not self._schedule.waiting():
                await self._park()
                continue
            permit = self._attempts.try_acquire()
            if permit is None:
                if self._leading:
                    await self._park()
                    continue
                permit = await self._lead()
            receipt = None if self.suspension is not None else self._schedule.take()
            if receipt is None:
                self._attempts.cancel(permit)
                continue
            if (self._parked or len(self._workers) < self._concurrency) and self._schedule.waiting():
                self.wake()
            self.in_flight += 1
            if self._journal is not None:
                try:
                    await self._journal.mark(receipt)
                except BaseException:
                    self._unmarked(self._journal, receipt, permit)
                    raise
            try:
                attempt = await self._attempts.attempt(Request("POST", EVENTS_PATH, receipt._body), permit)
            except BaseException:
                self._cut_off(receipt)
                raise
            self._judge(receipt, attempt)

    async def _park(self) -> None:
        parked = self._loop.create_future()
        self._parked.append(parked)
        self.listens = True
        await parked

    async def _lead(self) -> Permit:
        self._leading = True
        try:
            return await self._attempts.acquire()
        finally:
            self._leading = False

    def _unmarked(self, journal: Journal, receipt: Receipt, permit: Permit) -> None:
        """The mark failed or was not waited for; it may be made all the same, and nothing was sent."""
        self._attempts.cancel(permit)
        self.in_flight -= 1
        journal.unmark(receipt)
        self._schedule.put_back(receipt)

    def _cut_off(self, receipt: Receipt) -> None:
        """The queue is closing in the middle of an attempt."""
        if self._journal is not None and should_retry("uncertain", receipt._repeat, self._delivery):
            self.in_flight -= 1
            self._schedule.put_back(receipt)
        else:
            self._note(receipt, Attempt("uncertain", reason="closed"))
            self._end(receipt, "unknown", OutcomeUnknown("the queue was closed", attempts=self._made(receipt)))

    # What an attempt proved.

    def _judge(self, receipt: Receipt, attempt: Attempt) -> None:
        if attempt.evidence != "delivered":
            self._failed(receipt, attempt)
        elif receipt._trouble is None:
            self._schedule.done(receipt)
            self._on_delivered(receipt, self.now() - receipt._at)
        else:
            self._end(receipt, "delivered", None)

    def _failed(self, receipt: Receipt, attempt: Attempt) -> None:
        status = 0 if attempt.reply is None else attempt.reply.status
        if status == 401 and attempt.reply is not None:
            self.in_flight -= 1
            self._back(receipt)
            self.suspend(error_of(attempt.reply))
            return
        trouble = self._note(receipt, attempt)
        if not should_retry(attempt.evidence, receipt._repeat, self._delivery):
            self._stop(receipt, attempt, trouble)
        elif self.now() - receipt._at >= self._timeout:
            self.expire(receipt, taken=True)
        else:
            self._again(receipt, attempt, trouble)

    def _note(self, receipt: Receipt, attempt: Attempt) -> Trouble:
        trouble = receipt._trouble
        if trouble is None:
            trouble = receipt._trouble = Trouble()
        trouble.attempts += 1
        trouble.last = attempt
        if not attempt.definite:
            trouble.doubt = attempt
            trouble.doubts += 1
        return trouble

    def _again(self, receipt: Receipt, attempt: Attempt, trouble: Trouble) -> None:
        self.in_flight -= 1
        away = self._attempts.breaker_open
        if attempt.evidence == "throttled" or (away and attempt.evidence != "server_error"):
            self._back(receipt)
            return
        pause = delay(trouble.attempts, base=BASE, cap=CAP, uniform=self._uniform)
        if self._journal is not None:
            self._journal.unmark(receipt)
        self._schedule.postpone(receipt, pause, self._loop.time(), counts=not away)
        self._arm()

    def _back(self, receipt: Receipt) -> None:
        if self._journal is not None:
            self._journal.unmark(receipt)
        self._schedule.put_back(receipt)
        self.wake()

    def _stop(self, receipt: Receipt, attempt: Attempt, trouble: Trouble) -> None:
        # A definite no to a repeat says nothing of the attempt before it that may have been applied.
        certain = attempt.evidence == "rejected" and trouble.doubt is None
        self._end(receipt, "rejected" if certain else "unknown", _error(attempt, trouble.attempts))

    def expire(self, receipt: Receipt, *, taken: bool = False) -> None:
        """The event's time is over: it expired if it certainly was not applied, else nobody knows."""
        if not taken:
            self.in_flight += 1
        trouble = receipt._trouble or Trouble()
        last = trouble.doubt or trouble.last
        error = NotSent("expired", attempts=0) if last is None else _error(last, trouble.attempts)
        self._end(receipt, "expired" if trouble.doubt is None else "unknown", error, taken=taken)

    def cut_short(self, receipt: Receipt) -> None:
        """The process ended while the event was being sent, and it must not be sent again."""
        self.in_flight += 1
        error = OutcomeUnknown("the process ended while it was being sent", attempts=self._made(receipt))
        self._end(receipt, "unknown", error, taken=False)

    def abandon(self, receipt: Receipt, error: HellotextError) -> None:
        """The event cannot be delivered any more: the queue closes or has died with it, or it cannot be read."""
        self.in_flight += 1
        trouble = receipt._trouble or Trouble()
        if trouble.doubt is not None:
            self._end(receipt, "unknown", _error(trouble.doubt, trouble.attempts), taken=False)
        else:
            self._end(receipt, "abandoned", error, taken=False)

    def _made(self, receipt: Receipt) -> int:
        return 1 if receipt._trouble is None else receipt._trouble.attempts

    def _end(self, receipt: Receipt, verdict: Verdict, error: HellotextError | None, *, taken: bool = True) -> None:
        trouble = receipt._trouble
        applied = (0 if trouble is None else trouble.doubts) + (verdict == "delivered")
        outcome = Outcome(
            verdict=verdict,
            event_id=receipt.event_id,
            action=receipt._action,
            attempts=_attempts(trouble, verdict),
            error=error,
            maybe_duplicated=applied > 1 and receipt._repeat != "idempotent",
            waited=self.now() - receipt._at,
        )
        if taken:
            self._schedule.done(receipt)
        self._on_end(receipt, outcome)
        if self._schedule.waiting():
            self.wake()

    # Housekeeping: one timer for what is due and for what expires.

    def _arm(self) -> None:
        oldest = self._schedule.oldest()
        expiry = oldest + self._timeout + self._stood_still if oldest < inf else inf
        self._expiry_at = expiry
        if expiry == inf:
            self.listens = True
        at = min(self._schedule.next_due(), expiry if self.suspension is None else inf)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._tick) if at < inf else None

    def _tick(self) -> None:
        self._timer = None
        self._schedule.advance(self._loop.time())
        if self.suspension is None:
            for receipt in self._schedule.expired(self.now() - self._timeout):
                self.expire(receipt)
        self._arm()
        if self._schedule.waiting():
            self.wake()

    def abort(self) -> None:
        """Cut off what is in flight, and send nothing any more."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        for worker in self._workers:
            worker.cancel()

    async def stop(self) -> None:
        """`abort`, and wait until it is so."""
        self.abort()
        if workers := list(self._workers):
            await asyncio.wait(workers)


def _attempts(trouble: Trouble | None, verdict: Verdict) -> int:
    """Requests made: those that went wrong, and the one that went well."""
    failed = 0 if trouble is None else trouble.attempts
    return failed + 1 if verdict == "delivered" else failed


def _error(attempt: Attempt, attempts: int) -> HellotextError:
    if attempt.reply is not None:
        return error_of(attempt.reply, attempts=attempts, wait=attempt.retry_after)
    if attempt.evidence == "not_sent":
        return NotSent(attempt.reason, attempts=attempts)
    return OutcomeUnknown(attempt.reason, attempts=attempts)
