"""What a client logs and which hooks it calls while it works, over real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from hellotext_async import (
    Event,
    Hellotext,
    HellotextError,
    Hooks,
    HttpAttempt,
    Outage,
    Outcome,
    Retry,
    Timeouts,
)
from hellotext_async.emulator import Emulator, Fault
from tests.harness.canary import EMAIL, PHONE, assert_unseen

ONCE = Retry(attempts=1)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """An emulator with the document's objects."""
    async with Emulator() as emulator:
        emulator.store.seed_document()
        yield emulator


def client_of(emulator: Emulator, **more: Any) -> Hellotext:
    options = {"name": "greens", "timeouts": Timeouts(connect=2, read=0.4, total=0.5), **more}
    return Hellotext(emulator.token, base_url=emulator.url, **options)


async def test_each_attempt_is_one_line_at_debug_and_one_call_of_the_hook(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """For calls: method, path, status, milliseconds and the number of the attempt."""
    caplog.set_level(logging.DEBUG, logger="hellotext_async.http")
    made: list[HttpAttempt] = []
    emulator.faults.add(Fault("status", "GET /v1/profiles/*", status=503), Fault("drop_before", "GET /v1/profiles/*"))
    async with client_of(emulator, retry=Retry(base=0.01), hooks=Hooks(on_attempt=made.append)) as client:
        await client.profiles.retrieve("MzYwlE50")
    assert [(one.method, one.path, one.number, one.status, one.reason) for one in made] == [
        ("GET", "/v1/profiles/MzYwlE50", 1, 503, ""),
        ("GET", "/v1/profiles/MzYwlE50", 2, None, "disconnected"),
        ("GET", "/v1/profiles/MzYwlE50", 3, 200, ""),
    ]
    assert {one.client for one in made} == {"greens"}
    assert {one.origin for one in made} == {emulator.url}
    assert all(0 <= one.seconds < 60 and one.event_id is None for one in made)  # uvloop counts milliseconds
    lines = [record for record in caplog.records if record.name == "hellotext_async.http"]
    assert lines[0].getMessage().startswith("greens: GET /v1/profiles/MzYwlE50: 503 in ")
    assert [record.hellotext_status for record in lines] == [503, None, 200]  # type: ignore[attr-defined]


async def test_a_cancelled_attempt_is_reported(emulator: Emulator) -> None:
    """With what remains unknown."""
    made: list[HttpAttempt] = []
    emulator.faults.add(Fault("delay", "GET /v1/profiles/*", delay=3))
    async with client_of(emulator, hooks=Hooks(on_attempt=made.append)) as client:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.profiles.retrieve("MzYwlE50")
    assert [(one.reason, one.evidence, one.status) for one in made] == [("cancelled", "uncertain", None)]


@pytest.mark.parametrize("kind", [RuntimeError, asyncio.CancelledError, GeneratorExit, SystemExit])
async def test_hooks_that_raise_change_nothing(
    kind: type[BaseException], emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls are answered, events delivered, queues and client closed."""

    def hook(_: Any) -> Any:
        raise kind

    everything = Hooks(on_attempt=hook, on_outcome=hook, on_throttle=hook, on_outage=hook, before_send=hook)
    emulator.faults.add(*[Fault("status", status=500)] * 6)
    async with client_of(emulator, retry=ONCE, hooks=everything, timeouts=Timeouts()) as client:
        for _ in range(6):
            with suppress(HellotextError):
                await client.events.track("page.viewed", session="s")
        async with client.event_queue(on_outcome=hook) as queue:
            receipts = [queue.track("page.viewed", session=f"s{n}") for n in range(200)]
            await receipts[99]
            emulator.faults.add(Fault("status", status=429, retry_after=0))
            outcomes = await asyncio.wait_for(asyncio.gather(*receipts), 30)
    assert {outcome.verdict for outcome in outcomes} == {"delivered"}
    for name in ("on_attempt", "on_outcome", "on_throttle", "on_outage", "before_send"):
        assert f"{name} raised {kind.__name__}" in caplog.text


async def test_an_outage_is_two_warnings_and_two_calls_of_the_hook(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """One when it begins, one when it ends; meanwhile `rate()` gives its start."""
    seen: list[Outage] = []

    async def record(outage: Outage) -> None:
        await asyncio.sleep(0)
        seen.append(outage)

    emulator.faults.add(*[Fault("status", "GET *", status=502)] * 7)
    async with client_of(emulator, retry=ONCE, hooks=[Hooks(on_outage=record), Hooks()]) as client:
        for _ in range(7):
            with suppress(HellotextError):
                await client.profiles.retrieve("MzYwlE50")
        away = client.rate().away_since
        await client.profiles.retrieve("MzYwlE50")
        assert client.rate().away_since is None
    assert [(one.client, one.reason, one.ended is None) for one in seen] == [
        ("greens", "HTTP 502", True),
        ("greens", "HTTP 502", False),
    ]
    assert away == seen[0].began == seen[1].began
    warned = [message for message in caplog.messages if "the API" in message]
    assert warned[0].startswith("greens: the API is away (HTTP 502)")
    assert warned[1].startswith("greens: the API answers again after ")
    assert len(warned) == 2


async def test_an_asynchronous_hook_that_raises_is_logged(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """The error of its task is not reported as "never retrieved"."""

    async def fail(_: Outage) -> None:
        raise SystemError("will.e@example.org")

    emulator.faults.add(*[Fault("status", "GET *", status=502)] * 5)
    async with client_of(emulator, retry=ONCE, hooks=Hooks(on_outage=fail)) as client:
        for _ in range(5):
            with suppress(HellotextError):
                await client.profiles.retrieve("MzYwlE50")
    assert "on_outage raised SystemError" in caplog.text
    assert "will.e" not in caplog.text


async def test_a_throttle_after_a_quiet_time_is_one_warning(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The following ones are not logged as warnings."""
    throttled: list[Any] = []
    hooks = Hooks(on_throttle=throttled.append)
    async with client_of(emulator, on_throttle=throttled.append, hooks=hooks) as client:
        for _ in range(60):
            await client.profiles.retrieve("MzYwlE50")
        emulator.faults.add(*[Fault("status", "GET *", status=429, retry_after=0)] * 2)
        for _ in range(2):
            await client.profiles.retrieve("MzYwlE50")
    assert len(throttled) == 4
    assert len([message for message in caplog.messages if "rate limited by the API (429)" in message]) == 1


async def test_outcomes_of_every_queue_reach_the_client_s_hooks(emulator: Emulator) -> None:
    """Besides the queue's own hooks."""
    hooked: list[Outcome] = []
    own: list[Outcome] = []
    async with (
        client_of(emulator, hooks=Hooks(on_outcome=hooked.append)) as client,
        client.event_queue(on_outcome=own.append) as one,
        client.event_queue() as two,
    ):
        await one.track("page.viewed", session="s")
        await two.track("page.viewed", session="s")
    assert len(hooked) == 2
    assert len(own) == 1


async def test_before_send_changes_and_drops_events_that_are_tracked_directly(emulator: Emulator) -> None:
    """A dropped event is not sent, and the return value reports that."""

    def only_orders(event: Event) -> Event | None:
        if event.action != "order.placed":
            return None
        return Event(event.action, **{**event.fields, "metadata": {"shop": "Greens"}})

    async with client_of(emulator, hooks=Hooks(before_send=only_orders)) as client:
        dropped = await client.events.track("page.viewed", session="s")
        sent = await client.events.track("order.placed", order="wx4Vn4no", profile="MzYwlE50")
    assert (dropped.status, sent.status) == ("dropped", "received")
    assert [event["metadata"] for event in emulator.events] == [{"shop": "Greens"}]


async def test_nothing_secret_is_in_any_line_or_report(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, with data in bodies, queries and paths."""
    caplog.set_level(logging.DEBUG)
    seen: list[Any] = []
    hooks = Hooks(on_attempt=seen.append, on_outage=seen.append)
    emulator.faults.add(*[Fault("status", "*", status=422)] * 8)
    async with client_of(emulator, retry=ONCE, hooks=hooks) as client:
        for call in (
            client.profiles.create(email=EMAIL, phone=PHONE),
            client.request("GET", f"/v1/profiles/{PHONE}", query={"email": EMAIL}),
            client.request("GET", f"/v1/profiles/{PHONE[1:]}"),
            client.request("GET", f"/v1/profiles/{EMAIL}"),
            client.events.track("page.viewed", session="s", metadata={"email": EMAIL}),
        ):
            with suppress(HellotextError):
                await call
    assert len(seen) == 5
    assert_unseen(*caplog.records, *map(repr, seen))
