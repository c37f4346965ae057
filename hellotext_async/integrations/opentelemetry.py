"""OpenTelemetry: a span for each request, and metrics. Needs the extra ``otel``: the API package, no SDK.

Rules. Spans and their attributes follow the stable HTTP conventions: one span of kind CLIENT for each
request, so a retried call has several, numbered by ``http.request.resend_count``. A call's spans are children
of the caller's span. An event's spans are roots, linked to the span in which the event was handed in: that one
has ended long ago when an event waited. No attribute holds a token, a query, a body or a customer's data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import Context
from itertools import count
from threading import Lock
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from ..client import Hellotext
from ..hooks import Hooks, HttpAttempt, Outage
from ..queue.outcome import Outcome
from ..queue.queue import EventQueue
from ._extra import missing
from ._figures import FIGURES, Figure, Sources

try:
    from opentelemetry import metrics, trace
    from opentelemetry.context import Context as OpenTelemetryContext
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.trace import Link, SpanKind, Status, StatusCode
except ModuleNotFoundError:
    raise missing("opentelemetry", "otel") from None

__all__ = ["OpenTelemetryHooks"]

SCOPE: Final = "hellotext_async"
BOUNDARIES: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Of the durations, as the conventions advise; in seconds."""
NANOSECONDS: Final = 1_000_000_000

Attributes = Mapping[str, str | int | float | bool]


class OpenTelemetryHooks(Hooks):
    """Hooks that make spans and metrics.

    >>> client = Hellotext(hooks=OpenTelemetryHooks())

    `attributes` are added to everything. Providers are the global ones unless given.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider)
        self._meter_provider = meter_provider
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._attributes = dict(attributes or {})
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of requests to the API.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )
        self._ended = meter.create_counter("hellotext.events.ended", unit="{event}", description="Events by verdict.")
        self._throttles = meter.create_counter(
            "hellotext.throttles", unit="{request}", description="Requests that the API rate limited."
        )
        self._outages = meter.create_counter("hellotext.outages", unit="{outage}", description="Outages of the API.")

    def on_attempt(self, attempt: HttpAttempt, /) -> None:
        """One span and one duration."""
        server = urlsplit(attempt.origin)
        port = server.port or (443 if server.scheme == "https" else 80)
        common: dict[str, str | int | float | bool] = {
            **self._attributes,
            "http.request.method": attempt.method,
            "server.address": server.hostname or "",
            "server.port": port,
        }
        if attempt.status is not None:
            common["http.response.status_code"] = attempt.status
        error = _error_type(attempt)
        if error:
            common["error.type"] = error
        self._duration.record(attempt.seconds, common)
        self._span(attempt, common, error)
        if attempt.evidence == "throttled":
            self._throttles.add(1, {**self._attributes, **_client(attempt.client)})

    def _span(self, attempt: HttpAttempt, common: Attributes, error: str) -> None:
        attributes = {**common, "url.full": attempt.origin + attempt.path, "hellotext.evidence": attempt.evidence}
        if attempt.number > 1:
            attributes["http.request.resend_count"] = attempt.number - 1
        named = {
            "hellotext.client": attempt.client,
            "hellotext.event.id": attempt.event_id,
            "hellotext.action": attempt.action,
            "hellotext.request_id": attempt.request_id,
        }
        attributes |= {name: value for name, value in named.items() if value is not None}
        began = int(attempt.began_at * NANOSECONDS)
        of_event = attempt.event_id is not None
        span = self._tracer.start_span(
            attempt.method,
            context=OpenTelemetryContext() if of_event else None,
            kind=SpanKind.CLIENT,
            links=_links(attempt.enqueued_in),
            attributes=attributes,
            start_time=began,
        )
        if error:
            span.set_status(Status(StatusCode.ERROR, attempt.reason or None))
        span.end(began + int(attempt.seconds * NANOSECONDS))

    def on_outcome(self, outcome: Outcome, /) -> None:
        """One event has ended."""
        self._ended.add(1, {**self._attributes, "hellotext.verdict": outcome.verdict})

    def on_outage(self, outage: Outage, /) -> None:
        """An outage is counted when it begins."""
        if outage.ended is None:
            self._outages.add(1, {**self._attributes, **_client(outage.client)})

    def observe(self, *sources: Hellotext | EventQueue, **queues: EventQueue) -> None:
        """Measure ``client.rate()`` and ``queue.stats()`` whenever metrics are collected.

        A client brings all its queues; a queue given by keyword has that name, others are numbered.
        """
        _observed(self._meter_provider).add(sources, queues, self._attributes)


class _Observed:
    """What the instruments of one meter provider measure.

    They are made once for all hooks: of two instruments of one name an SDK keeps the first, and never asks the other.
    """

    def __init__(self, provider: metrics.MeterProvider) -> None:
        self._sources: list[tuple[Sources, Attributes]] = []
        self._numbers = count()
        meter = metrics.get_meter(SCOPE, meter_provider=provider)
        for figure in FIGURES:
            create = meter.create_observable_counter if figure.kind == "counter" else meter.create_observable_gauge
            name = f"hellotext.{figure.name}"
            create(name, callbacks=[self._observer(figure)], unit=_unit(figure), description=figure.help)

    def add(
        self, sources: tuple[Hellotext | EventQueue, ...], queues: Mapping[str, EventQueue], attributes: Attributes
    ) -> None:
        """Measure these, too."""
        self._sources.append((Sources(sources, queues, self._numbers), attributes))

    def _observer(self, figure: Figure) -> Callable[[CallbackOptions], Iterable[Observation]]:
        names = [f"hellotext.{label}" for label in figure.labels]

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [
                Observation(float(value), {**attributes, **dict(zip(names, labels, strict=True))})
                for sources, attributes in tuple(self._sources)
                for measured, labels, value in sources.samples()
                if measured is figure
            ]

        return observe


_providers: WeakKeyDictionary[metrics.MeterProvider, _Observed] = WeakKeyDictionary()
_global: list[_Observed] = []
"""Of the global provider, if it was asked for: what was made before the program set it goes to it all the same."""
_lock = Lock()


def _observed(given: metrics.MeterProvider | None) -> _Observed:
    """What is measured for a provider; `given` None is the global one."""
    provider = metrics.get_meter_provider()
    with _lock:
        if given is None or given is provider:
            if not _global:
                _global.append(_providers.get(provider) or _Observed(provider))
            return _global[0]
        if given not in _providers:
            _providers[given] = _Observed(given)
        return _providers[given]


def _client(name: str | None) -> Attributes:
    return {} if name is None else {"hellotext.client": name}


def _error_type(attempt: HttpAttempt) -> str:
    """The convention's ``error.type``: the status from 400 on, or a word for why there was none."""
    if attempt.status is None:
        return attempt.reason or "_OTHER"
    return str(attempt.status) if attempt.status >= 400 else ""


def _links(enqueued_in: Context | None) -> list[Link]:
    if enqueued_in is None:
        return []
    where = enqueued_in.copy().run(trace.get_current_span).get_span_context()
    return [Link(where)] if where.is_valid else []


def _unit(figure: Figure) -> str:
    return {"seconds": "s", "timestamp_seconds": "s", "bytes": "By", "ratio": "1"}.get(figure.unit, "1")
