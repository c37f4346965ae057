"""What one client reports: warnings in the log, and the calls of its hooks.

Rules. A log line holds the client's name, ids, counts, reasons and times, also as fields of the record
(``hellotext_…``): never a token, a body, a phone or an e-mail. A line at WARNING calls for a person's
attention, and is not repeated while its cause lasts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Final

from ._attempts import AttemptReports
from ._callbacks import call_back, is_async, report_error
from ._details import counted
from ._log import logger
from ._outages import OutageWatch
from .hooks import Hooks, Outage, overridden

if TYPE_CHECKING:
    from ._events.event import Event
    from .limiter import RateState
    from .queue.outcome import Outcome, Report

__all__ = ["Reports"]

QUIET: Final = 60.0
"""Seconds without a throttle after which the next one is worth a line."""
LAST_HOOKS: Final = 5.0
"""Seconds that asynchronous hooks get to end when the client closes."""

_client_log = logger("hellotext_async.client")
_queue_log = logger("hellotext_async.queue")


class Reports:
    """Writes the log of a client and calls its hooks. `waiting` counts the events in its queues."""

    def __init__(
        self,
        client: str | None,
        hooks: Sequence[Hooks],
        on_throttle: Callable[[RateState], Any] | None,
        *,
        waiting: Callable[[], int],
    ) -> None:
        self._client = client
        self._label = "" if client is None else f"{client}: "
        self._hooks = tuple(hooks)
        self._on_throttle = overridden(hooks, "on_throttle") + (() if on_throttle is None else (on_throttle,))
        self._on_outage = overridden(hooks, "on_outage")
        self._on_outcome = overridden(hooks, "on_outcome")
        self._before_send = overridden(hooks, "before_send")
        self._waiting = waiting
        self._clock: Callable[[], float] = time.monotonic
        self._throttled_at = -inf
        self._outage: Outage | None = None
        self._tasks: set[asyncio.Future[Any]] = set()

    def attempts(self, origin: str, wall: Callable[[], float]) -> AttemptReports:
        """The reports of requests to `origin`; `wall` is the wall clock (Unix seconds)."""
        return AttemptReports(self._client, origin, overridden(self._hooks, "on_attempt"), wall=wall)

    @property
    def wants_context(self) -> bool:
        """Whether a hook is given attempts, with the context in which their event was handed in."""
        return bool(overridden(self._hooks, "on_attempt"))

    def outages(self, clock: Callable[[], float]) -> OutageWatch:
        """The watch for outages, on the loop's clock."""
        self._clock = clock
        return OutageWatch(self._outage_began, self._outage_ended, clock=clock)

    @property
    def away_since(self) -> datetime | None:
        """Since when the API counts as away."""
        return None if self._outage is None else self._outage.began

    def throttled(self, state: RateState) -> None:
        """A request was rate limited."""
        now = self._clock()
        quiet, self._throttled_at = now - self._throttled_at, now
        if quiet >= QUIET:
            _client_log.warning(
                "%srate limited by the API (429)%s: sending %s requests/s from now on",
                self._label,
                "" if quiet == inf else f", the first time in {duration(quiet)}",
                "fewer" if state.rate is None else f"{state.rate:.3g}",
                extra={"hellotext_client": self._client, "hellotext_rate": state.rate, "hellotext_gate": state.gate},
            )
        for hook in self._on_throttle:
            call_back("on_throttle", hook, state)

    def _outage_began(self, reason: str) -> None:
        waiting = self._waiting()
        self._outage = Outage(client=self._client, began=datetime.now(UTC), ended=None, reason=reason, waiting=waiting)
        _client_log.warning(
            "%sthe API is away (%s): queues wait, with %d events, and calls are not retried until it answers",
            self._label,
            reason,
            waiting,
            extra={"hellotext_client": self._client, "hellotext_reason": reason, "hellotext_waiting": waiting},
        )
        self._call_outage_hooks(self._outage)

    def _outage_ended(self, seconds: float) -> None:
        began, self._outage = self._outage, None
        if began is None:
            raise AssertionError("an outage that ends has begun")
        ended = Outage(
            client=self._client,
            began=began.began,
            ended=began.began + timedelta(seconds=seconds),
            reason=began.reason,
            waiting=self._waiting(),
        )
        _client_log.warning(
            "%sthe API answers again after %s; %d events waited",
            self._label,
            duration(seconds),
            ended.waiting,
            extra={
                "hellotext_client": self._client,
                "hellotext_seconds": seconds,
                "hellotext_waiting": ended.waiting,
                "hellotext_reason": ended.reason,
            },
        )
        self._call_outage_hooks(ended)

    def _call_outage_hooks(self, outage: Outage) -> None:
        for hook in self._on_outage:
            if not is_async(hook):
                call_back("on_outage", hook, outage)
                continue
            task = asyncio.ensure_future(hook(outage))
            self._tasks.add(task)
            task.add_done_callback(self._hook_ended)

    def _hook_ended(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            report_error("on_outage", error)

    async def aclose(self) -> None:
        """Let asynchronous hooks end."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_HOOKS)
            for task in late:
                task.cancel()

    def on_outcome(self, own: Callable[[Outcome], Any] | None) -> Callable[[Outcome], None] | None:
        """What a queue calls with each outcome; `own` is the queue's own hook. None if there is nothing to call."""
        hooks = self._on_outcome + (() if own is None else (own,))
        if not hooks:
            return None

        def ended(outcome: Outcome) -> None:
            for hook in hooks:
                call_back("on_outcome", hook, outcome)

        return ended

    def log_outcome(self, outcome: Outcome) -> None:
        """An event of a queue ended: logged if that was badly, and not because its queue did."""
        if outcome.verdict not in ("rejected", "unknown", "expired"):
            return
        _queue_log.info(
            "%sevent %s (%s) %s after %s: %s",
            self._label,
            outcome.event_id,
            outcome.action,
            outcome.verdict,
            counted(outcome.attempts, "attempt"),
            outcome.error,
            extra={
                "hellotext_client": self._client,
                "hellotext_event_id": outcome.event_id,
                "hellotext_action": outcome.action,
                "hellotext_verdict": outcome.verdict,
                "hellotext_attempts": outcome.attempts,
                "hellotext_reason": str(outcome.error),
            },
        )

    def on_close(self, report: Report, dead_letters: object = None) -> None:
        """A queue was closed; `dead_letters` is the path of its file."""
        bad = {str(verdict): count for verdict, count in report.outcomes.items() if count and verdict != "delivered"}
        left = report.kept or report.queued or report.in_flight
        if not bad and not left:
            return
        parts = [f"{count} {verdict}" for verdict, count in {**bad, "kept in the spool": report.kept}.items() if count]
        ended_badly = sum(count for verdict, count in bad.items() if verdict != "abandoned")
        _queue_log.warning(
            "%sevent queue closed with %d delivered, %s%s",
            self._label,
            report.outcomes.get("delivered", 0),
            ", ".join(parts) or f"{report.queued + report.in_flight} undelivered",
            f"; dead letters are in {dead_letters}" if dead_letters is not None and ended_badly else "",
            extra={
                "hellotext_client": self._client,
                "hellotext_outcomes": {str(verdict): count for verdict, count in report.outcomes.items()},
                "hellotext_kept": report.kept,
            },
        )

    @property
    def before_send(self) -> Callable[[Event], Event | None] | None:
        """What an event goes through before it is accepted; None if there is nothing."""
        return self._prepare if self._before_send else None

    def _prepare(self, event: Event) -> Event | None:
        for hook in self._before_send:
            changed = _changed(hook, event)
            if changed is None:
                _queue_log.debug("%sbefore_send dropped an event (%s)", self._label, event.action)
                return None
            event = changed
        return event


def _changed(hook: Callable[[Event], Event | None], event: Event) -> Event | None:
    """What the hook makes of an event; the event itself if it raises, or answers something else."""
    try:
        changed = hook(event)
        if changed is not None and not isinstance(changed, type(event)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError("before_send answers an Event or None")
    except BaseException as error:
        report_error("before_send", error)
        return event
    return changed


def duration(seconds: float) -> str:
    """Seconds for a reader: "0.8 s", "73 s", "2 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
