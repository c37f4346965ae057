"""The outcome of an event for each kind of evidence, by its idempotency and the queue's preset."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from rich.pretty import pretty_repr

from hellotext_async.errors import NotSent, OutcomeUnknown, ServerError, Unauthorized, ValidationFailed
from hellotext_async.queue.outcome import Outcome
from tests.harness.clock import virtual_time
from tests.harness.transport import Answer, Script, answers, breaks, received, silent, unsent
from tests.rig import event, order, queue

THROTTLED = answers(429, headers=(("Retry-After", "3"),))
BUSY = answers(503, headers=(("Retry-After", "3"),))
FAILED = answers(500)
LOST = breaks()
UNSENT = unsent()


async def end_of(first: Answer, fields: dict[str, Any], **settings: Any) -> tuple[Any, Script]:
    script = Script(first)
    async with queue(script, **settings) as opened:
        return await _track(opened, fields), script


async def _track(opened: Any, fields: dict[str, Any]) -> Any:
    given = dict(fields)
    return await opened.track(given.pop("action"), **given)


@pytest.mark.parametrize("first", [THROTTLED, BUSY, UNSENT], ids=["429", "503 with Retry-After", "not sent"])
@pytest.mark.parametrize("delivery", ["careful", "at_least_once", "at_most_once"])
def test_an_event_that_was_not_applied_is_sent_again_whatever_its_class(first: Answer, delivery: str) -> None:
    """Throttled and unsent events are resent under every preset, and are not marked as duplicated."""

    @virtual_time
    async def run() -> None:
        for fields in (event(), order()):
            outcome, script = await end_of(first, fields, delivery=delivery)
            assert (outcome.verdict, outcome.attempts, outcome.maybe_duplicated) == ("delivered", 2, False)
            assert script.asked == 2

    run()


RESENT_AFTER_500 = {"careful": (True, True), "at_least_once": (True, True), "at_most_once": (False, False)}
RESENT_AFTER_SILENCE = {"careful": (False, True), "at_least_once": (True, True), "at_most_once": (False, False)}


@pytest.mark.parametrize("delivery", list(RESENT_AFTER_500))
@pytest.mark.parametrize(
    ("first", "table"),
    [(FAILED, RESENT_AFTER_500), (LOST, RESENT_AFTER_SILENCE), (silent(), RESENT_AFTER_SILENCE)],
    ids=["500", "broken off", "silence"],
)
def test_what_may_have_been_applied_is_sent_again_by_its_class(first: Answer, table: Any, delivery: str) -> None:
    """After a 5xx or no answer, idempotency and preset decide; a resent non-idempotent event is marked."""

    @virtual_time
    async def run() -> None:
        for fields, resent in zip((event(), order()), table[delivery], strict=True):
            outcome, script = await end_of(first, fields, delivery=delivery)
            assert script.asked == (2 if resent else 1)
            assert outcome.verdict == ("delivered" if resent else "unknown")
            assert outcome.maybe_duplicated == (resent and fields["action"] == "page.viewed")

    run()


@virtual_time
async def test_a_rejection_ends_the_event_after_one_request() -> None:
    """400, 403, 404, 413, 422 and redirects are never sent again."""
    for status in (301, 302, 307, 400, 403, 404, 405, 409, 410, 413, 415, 422, 431, 451):
        outcome, script = await end_of(answers(status), event())
        assert (outcome.verdict, outcome.attempts, script.asked) == ("rejected", 1, 1), status


@virtual_time
async def test_the_error_of_an_outcome_has_the_servers_answer() -> None:
    """422 with its entries, 5xx and a timeout each have their own error."""
    body = b'{"errors":[{"type":"parameter_missing","message":"m","parameter":"name"}]}'
    outcome, _ = await end_of(answers(422, body), event())
    assert isinstance(outcome.error, ValidationFailed)
    assert outcome.error.errors[0].parameter == "name"
    outcome, _ = await end_of(silent(), event())
    assert isinstance(outcome.error, OutcomeUnknown)
    outcome, _ = await end_of(FAILED, event(), delivery="at_most_once")
    assert isinstance(outcome.error, ServerError)


@virtual_time
async def test_an_event_whose_time_is_over_expires_if_it_was_never_applied() -> None:
    """Only refused connections until the delivery timeout: expired, with NotSent."""
    script = Script(default=UNSENT)
    async with queue(script, delivery_timeout=60) as opened:
        outcome = await opened.track("page.viewed", session="s")
    assert outcome.verdict == "expired"
    assert isinstance(outcome.error, NotSent)
    assert 60 <= outcome.waited < 95


@virtual_time
async def test_an_event_whose_time_is_over_is_unknown_if_it_may_have_been_applied() -> None:
    """One 500 among the refused connections: unknown, not expired."""
    script = Script(FAILED, default=UNSENT)
    async with queue(script, delivery_timeout=60) as opened:
        outcome = await opened.track("page.viewed", session="s")
    assert outcome.verdict == "unknown"
    assert isinstance(outcome.error, ServerError)


@virtual_time
async def test_events_that_wait_behind_a_closed_gate_expire_in_time() -> None:
    """A Retry-After beyond the delivery timeout does not keep events waiting past it."""
    script = Script(default=answers(429, headers=(("Retry-After", "3000"),)))
    async with queue(script, delivery_timeout=60) as opened:
        receipts = [opened.track("page.viewed", session=f"s{n}") for n in range(20)]
        outcomes = [await receipt for receipt in receipts]
    assert {outcome.verdict for outcome in outcomes} == {"expired"}
    assert all(59 <= outcome.waited <= 65 for outcome in outcomes)


@virtual_time
async def test_events_that_come_while_every_worker_is_busy_expire_in_time() -> None:
    """Also one that was put after all earlier ones have expired."""
    async with queue(Script(silent()), concurrency=1, delivery_timeout=5) as opened:
        opened.track("page.viewed", session="s0")
        await asyncio.sleep(1)
        early = opened.track("page.viewed", session="s1")
        assert (await early).verdict == "expired"
        opened.resume()
        late = opened.track("page.viewed", session="s2")
        outcome = await late
        assert opened.stats().in_flight == 1
    assert outcome.verdict == "expired"
    assert 5 <= outcome.waited < 6


@virtual_time
async def test_the_body_is_the_same_at_every_attempt() -> None:
    """The body is fixed at acceptance, with its tracked_at."""
    script = Script(FAILED, UNSENT, THROTTLED, FAILED)
    async with queue(script) as opened:
        await opened.track("page.viewed", session="s")
    assert len({seen.body for seen in script.history}) == 1
    assert script.history[0].json["tracked_at"] > 0


@virtual_time
async def test_a_401_suspends_the_queue_and_loses_nothing() -> None:
    """Nothing is sent until resume; flush returns at once; the delivery clock stops."""
    script = Script(default=answers(401))
    async with queue(script, delivery_timeout=100) as opened:
        receipts = [opened.track("page.viewed", session=f"s{n}") for n in range(50)]
        report = await opened.flush()
        assert report.suspended
        assert isinstance(report.error, Unauthorized)
        asked = script.asked
        await asyncio.sleep(10_000)
        assert script.asked == asked
        assert opened.stats().queued == 50
        script.default = received()
        opened.resume()
        assert {(await receipt).verdict for receipt in receipts} == {"delivered"}
        assert not opened.stats().suspended


@virtual_time
async def test_after_a_suspension_events_have_the_time_that_they_had_left() -> None:
    """Also if the server never answers from then on, and the suspension was longer than the delivery timeout."""
    script = Script(answers(401), default=silent())
    async with queue(script, concurrency=1, delivery_timeout=5) as opened:
        receipts = [opened.track("page.viewed", session=f"s{n}") for n in range(3)]
        await opened.flush()
        await asyncio.sleep(100)
        opened.resume()
        outcome = await receipts[2]
        assert opened.stats().in_flight == 1
    assert outcome.verdict == "expired"
    assert 5 <= outcome.waited < 6


@virtual_time
async def test_a_suspended_queue_closes_at_once() -> None:
    """aclose does not wait for a new token."""
    script = Script(default=answers(401))
    async with queue(script) as opened:
        receipt = opened.track("page.viewed", session="s")
        await opened.flush()
        before = asyncio.get_running_loop().time()
        report = await opened.aclose()
        assert asyncio.get_running_loop().time() == before
    assert report.suspended
    assert (await receipt).verdict == "abandoned"


@pytest.mark.parametrize(("status", "verdict"), [(401, "abandoned"), (500, "unknown"), (200, "delivered")])
@virtual_time
async def test_a_suspended_queue_closes_when_what_it_has_sent_is_answered(status: int, verdict: str) -> None:
    """If it closed sooner, events that were refused for the token would be unknown."""
    script = Script(answers(401, takes=1), default=answers(status, takes=3))
    async with queue(script) as opened:
        receipts = [opened.track("page.viewed", session=f"s{n}") for n in range(8)]
        assert (await opened.flush()).suspended
        assert asyncio.get_running_loop().time() == 1
        await opened.aclose(timeout=10)
        assert asyncio.get_running_loop().time() == 3
    assert [(await receipt).verdict for receipt in receipts] == ["abandoned", *[verdict] * 7]


class Job:
    """A program's `context` object, which keeps a reference to its own outcome."""

    outcome: Outcome | None = None


@virtual_time
async def test_a_context_that_keeps_its_outcome_is_collected() -> None:
    """A reference cycle through the caller's object is no leak."""
    job = Job()
    gone = weakref.ref(job)
    async with queue(Script()) as opened:
        job.outcome = await opened.track("page.viewed", session="s", context=job)
    del job
    gc.collect()
    assert gone() is None


@virtual_time
async def test_waits_that_were_given_up_are_not_kept() -> None:
    """However often an event is awaited with a timeout; the last waiter gets its outcome."""
    objects: list[int] = []
    async with queue(Script(default=received(takes=15))) as opened:
        receipt = opened.track("page.viewed", session="s")
        for times in (50, 300):
            for _ in range(times):
                waiting = asyncio.ensure_future(receipt)
                await asyncio.wait([waiting], timeout=0.01)
                waiting.cancel()
                await asyncio.wait([waiting])
            gc.collect()
            objects.append(len(gc.get_objects()))
        assert objects[1] - objects[0] < 200
        assert pretty_repr(receipt) == "Receipt(action='page.viewed', done=False)"
        assert (await receipt).delivered
