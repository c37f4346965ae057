"""OpenTelemetry: what a real SDK collects from calls and events against the emulator."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from contextvars import copy_context
from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from hellotext_async import Hellotext, HellotextError, Hooks, HttpAttempt, RateLimited, Retry, Timeouts
from hellotext_async.emulator import Emulator, Fault
from hellotext_async.integrations.opentelemetry import OpenTelemetryHooks
from tests.harness.canary import EMAIL, PHONE, TOKEN, assert_unseen


class Sdk(NamedTuple):
    """A tracer and a meter that store what they receive, and hooks that use them."""

    traces: TracerProvider
    spans: InMemorySpanExporter
    meters: MeterProvider
    reader: InMemoryMetricReader
    hooks: OpenTelemetryHooks

    def points(self, name: str) -> list[Any]:
        """The data points of a metric."""
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    """Providers of this test's own."""
    traces, spans, reader = TracerProvider(), InMemorySpanExporter(), InMemoryMetricReader()
    traces.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider([reader])
    yield Sdk(traces, spans, meters, reader, OpenTelemetryHooks(tracer_provider=traces, meter_provider=meters))
    traces.shutdown()
    meters.shutdown()


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator with the document's objects."""
    async with Emulator(token=TOKEN) as emulator:
        emulator.store.seed_document()
        yield emulator


def client_of(emulator: Emulator, sdk: Sdk) -> Hellotext:
    times = Timeouts(connect=2, read=0.4, total=0.5)
    return Hellotext(
        TOKEN, base_url=emulator.url, name="greens", timeouts=times, retry=Retry(base=0.01), hooks=sdk.hooks
    )


def shown(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_each_request_of_a_call_is_a_client_span_under_the_caller_s(emulator: Emulator, sdk: Sdk) -> None:
    """Attributes of the stable HTTP conventions; the second attempt is a resend."""
    emulator.faults.add(Fault("status", "GET *", status=503), Fault("drop_before", "GET *"))
    tracer = sdk.traces.get_tracer("test")
    async with client_of(emulator, sdk) as client:
        with tracer.start_as_current_span("page") as page:
            await client.profiles.retrieve("MzYwlE50")
    first, second, third, outer = sdk.spans.get_finished_spans()
    assert outer.name == "page"
    for span in (first, second, third):
        assert span.name == "GET"
        assert span.kind is SpanKind.CLIENT
        assert span.parent == page.get_span_context()
        assert span.start_time is not None
        assert span.end_time is not None
        assert outer.start_time is not None
        assert outer.start_time - 50_000_000 < span.start_time <= span.end_time
    port = int(emulator.url.rpartition(":")[2])
    assert shown(first) == {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.full": f"{emulator.url}/v1/profiles/MzYwlE50",
        "http.response.status_code": 503,
        "error.type": "503",
        "hellotext.evidence": "server_error",
        "hellotext.client": "greens",
        **({"hellotext.request_id": shown(first)["hellotext.request_id"]} if "hellotext.request_id" in shown(first) else {}),
    }  # fmt: skip
    assert first.status.status_code is StatusCode.ERROR
    assert shown(second)["error.type"] == "disconnected"
    assert [shown(span).get("http.request.resend_count") for span in (first, second, third)] == [None, 1, 2]
    assert third.status.status_code is StatusCode.UNSET
    assert "error.type" not in shown(third)


async def test_an_event_s_span_is_a_root_linked_to_where_it_was_handed_in(sdk: Sdk) -> None:
    """Whatever span is current when the request is made."""
    tracer = sdk.traces.get_tracer("test")
    with tracer.start_as_current_span("request") as handed_in:
        context = copy_context()
    attempt = HttpAttempt(client=None, origin="https://api.hellotext.com", method="POST", path="/v1/attribution/events",
                          number=1, status=200, evidence="delivered", reason="", retry_after=None, request_id=None,
                          began_at=1.0, seconds=0.5, event_id="e-1", action="order.placed", enqueued_in=context)  # fmt: skip
    with tracer.start_as_current_span("another"):
        sdk.hooks.on_attempt(attempt)
    span = sdk.spans.get_finished_spans()[1]
    assert span.parent is None
    assert [link.context for link in span.links] == [handed_in.get_span_context()]
    assert shown(span)["hellotext.event.id"] == "e-1"
    assert (span.start_time, span.end_time) == (1_000_000_000, 1_500_000_000)
    assert shown(span)["server.port"] == 443


async def test_the_spans_of_an_event_link_to_the_request_that_tracked_it(emulator: Emulator, sdk: Sdk) -> None:
    """Through a queue that was opened within another span; the second attempt is a resend."""
    tracer = sdk.traces.get_tracer("test")
    emulator.faults.add(Fault("status", status=500))
    async with client_of(emulator, sdk) as client:
        with tracer.start_as_current_span("startup"):
            queue = await client.event_queue().open()
        with tracer.start_as_current_span("request") as request:
            receipt = queue.track("page.viewed", session="s", event_id="view-1")
        await receipt
    attempts = [span for span in sdk.spans.get_finished_spans() if span.name == "POST"]
    assert [shown(span).get("http.request.resend_count") for span in attempts] == [None, 1]
    for span in attempts:
        assert span.parent is None
        assert [link.context for link in span.links] == [request.get_span_context()]
        assert shown(span)["hellotext.event.id"] == "view-1"


async def test_metrics_of_requests_events_and_figures(emulator: Emulator, sdk: Sdk) -> None:
    """The duration's histogram, events by verdict, and what `observe` measures."""
    emulator.faults.add(Fault("status", status=422))
    async with client_of(emulator, sdk) as client, client.event_queue() as queue:
        sdk.hooks.observe(client, orders=queue)
        await asyncio.gather(*[queue.track("page.viewed", session=f"s{n}") for n in range(5)])
        ended = {point.attributes["hellotext.verdict"]: point.value for point in sdk.points("hellotext.events.ended")}
        assert ended == {"delivered": 4, "rejected": 1}
        durations = sdk.points("http.client.request.duration")
        assert {point.attributes["http.response.status_code"]: point.count for point in durations} == {200: 4, 422: 1}
        outcomes = {
            point.attributes["hellotext.verdict"]: (point.attributes["hellotext.queue"], point.value)
            for point in sdk.points("hellotext.outcomes")
        }
        assert outcomes["delivered"] == ("orders", 4)
        assert [point.value for point in sdk.points("hellotext.api_away")] == [0]


async def test_several_hooks_observe_through_one_meter(emulator: Emulator, sdk: Sdk) -> None:
    """Of two clients with hooks of their own, and of one that is observed later: numbered queues have different numbers."""
    other = OpenTelemetryHooks(meter_provider=sdk.meters, attributes={"tenant": "b"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with (
            Hellotext(TOKEN, base_url=emulator.url, name="greens", hooks=sdk.hooks) as greens,
            Hellotext(TOKEN, base_url=emulator.url, name="reds", hooks=other) as reds,
            greens.event_queue() as first,
            greens.event_queue() as second,
            reds.event_queue() as third,
        ):
            sdk.hooks.observe(greens, orders=first)
            other.observe(reds)
            sdk.hooks.observe(second)
            for queue, events in ((first, 1), (second, 2), (third, 3)):
                await asyncio.gather(*[queue.track("page.viewed", session=f"s{n}") for n in range(events)])
            accepted = {
                (point.attributes["hellotext.client"], point.attributes["hellotext.queue"]): point.value
                for point in sdk.points("hellotext.accepted")
                if "tenant" not in point.attributes
            }
            theirs = [point for point in sdk.points("hellotext.accepted") if "tenant" in point.attributes]
            limits = [point.attributes["hellotext.client"] for point in sdk.points("hellotext.in_flight_limit")]
    assert accepted["greens", "orders"] == 1
    assert len({(point.attributes["hellotext.client"], point.attributes["hellotext.queue"]) for point in theirs}) == 1
    assert (theirs[0].attributes["hellotext.client"], theirs[0].value) == ("reds", 3)
    assert 2 in accepted.values()
    assert theirs[0].attributes["hellotext.queue"] not in {queue for _, queue in accepted}
    assert sorted(limits) == ["greens", "reds"]


GLOBAL = """
import asyncio
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from hellotext_async import Hellotext
from hellotext_async.integrations.opentelemetry import OpenTelemetryHooks

async def main():
    reader = InMemoryMetricReader()
    early = Hellotext("t", name="early", enabled=False)
    OpenTelemetryHooks().observe(early)
    provider = MeterProvider(metric_readers=[reader])
    metrics.set_meter_provider(provider)
    late = Hellotext("t", name="late", enabled=False)
    OpenTelemetryHooks(meter_provider=provider).observe(late)
    async with early, late, early.event_queue(), late.event_queue():
        (scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
        (accepted,) = (metric for metric in scope.metrics if metric.name == "hellotext.accepted")
        print(*sorted(point.attributes["hellotext.client"] for point in accepted.data.data_points))

asyncio.run(main())
"""


async def test_what_was_observed_before_the_program_set_its_provider_is_measured_with_the_rest() -> None:
    """In a process of its own, since the global provider is set once."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", GLOBAL), stdout=asyncio.subprocess.PIPE
    )
    shown, _ = await process.communicate()
    assert (process.returncode, shown.decode().split()) == (0, ["early", "late"])


async def test_every_429_is_counted_as_a_throttle(emulator: Emulator, sdk: Sdk) -> None:
    """Also those of a single route, which say nothing of the rate."""
    throttles: list[object] = []
    hooks = [sdk.hooks, Hooks(on_throttle=throttles.append)]
    async with Hellotext(TOKEN, base_url=emulator.url, name="greens", hooks=hooks) as client:
        for _ in range(4):
            for _ in range(10):
                await client.profiles.retrieve("MzYwlE50")
            emulator.faults.add(Fault("status", "GET /v1/lists*", status=429, retry_after=0))
            with pytest.raises(RateLimited):
                await client.with_options(retry=Retry(attempts=1)).lists.list()
    assert len(throttles) < 4
    assert emulator.requests.counts[429] == 4
    assert [(point.value, point.attributes) for point in sdk.points("hellotext.throttles")] == [
        (4, {"hellotext.client": "greens"})
    ]


async def test_an_outage_and_throttles_are_counted(emulator: Emulator, sdk: Sdk) -> None:
    """Once for each outage, once for each 429."""
    async with client_of(emulator, sdk) as client:
        for _ in range(30):
            await client.profiles.retrieve("MzYwlE50")
        emulator.faults.add(Fault("status", "GET *", status=429, retry_after=0))
        await client.profiles.retrieve("MzYwlE50")
        emulator.faults.add(*[Fault("status", "GET *", status=502)] * 5)
        for _ in range(3):
            with suppress(HellotextError):
                await client.profiles.retrieve("MzYwlE50")
    assert [point.value for point in sdk.points("hellotext.throttles")] == [1]
    assert [(point.value, point.attributes) for point in sdk.points("hellotext.outages")] == [
        (1, {"hellotext.client": "greens"})
    ]


async def test_no_span_or_metric_holds_a_secret(emulator: Emulator, sdk: Sdk) -> None:
    """Token, phone and e-mail, in queries, paths and bodies."""
    async with client_of(emulator, sdk) as client:
        for call in (
            client.profiles.create(email=EMAIL, phone=PHONE),
            client.request("GET", f"/v1/profiles/{PHONE}", query={"email": EMAIL}),
            client.request("GET", f"/v1/profiles/{EMAIL}"),
        ):
            with suppress(HellotextError):
                await call
    spans = sdk.spans.get_finished_spans()
    assert len(spans) == 3
    data = sdk.reader.get_metrics_data()
    assert data is not None
    assert_unseen(*[span.to_json() for span in spans], data.to_json())
