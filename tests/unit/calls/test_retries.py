"""One call to its end: what is retried, for how long, and which error is raised."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hellotext_async._calls import send
from hellotext_async._wire.call import EVENTS_PATH, Call, Idempotency, Request
from hellotext_async.config import Limits, Options, Retry
from hellotext_async.engine import Engine
from hellotext_async.errors import (
    APIError,
    BadRequest,
    Forbidden,
    HellotextError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    Unauthorized,
    UnexpectedResponse,
    ValidationFailed,
)
from hellotext_async.resources._verbs import Deleted
from tests.harness.clock import EPOCH, virtual_time
from tests.harness.seen import Seen
from tests.harness.transport import Answer, Script, answers, breaks, silent, unsent
from tests.rig import engine

GET = Call("GET", "/v1/coupons/x", Deleted, "safe")
OK = answers(200, b'{"id":"x"}')


def call(repeat: Idempotency) -> Call[Deleted]:
    return Call("POST", "/v1/coupons", Deleted, repeat, body={"code": "A"})


async def ask(script: Script, what: Call[Any] = GET, *, retry: Retry | None = None, wait: float | None = None) -> Any:
    return await send(engine(script), what, Options(retry or Retry(), wait))


async def error_of(script: Script, what: Call[Any] = GET, **options: Any) -> Any:
    with pytest.raises(HellotextError) as caught:
        await ask(script, what, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


REPEATED: dict[str, dict[str, bool]] = {
    "not_sent": {"safe": True, "idempotent": True, "non_idempotent": True, "at_most_once": True},
    "throttled": {"safe": True, "idempotent": True, "non_idempotent": True, "at_most_once": True},
    "server_error": {"safe": True, "idempotent": True, "non_idempotent": True, "at_most_once": False},
    "uncertain": {"safe": True, "idempotent": True, "non_idempotent": False, "at_most_once": False},
}
FIRST: dict[str, Answer] = {
    "not_sent": unsent(),
    "throttled": answers(429),
    "server_error": answers(502),
    "uncertain": breaks(),
}


@pytest.mark.parametrize("evidence", list(REPEATED))
@pytest.mark.parametrize("repeat", ["safe", "idempotent", "non_idempotent", "at_most_once"])
def test_the_class_and_the_evidence_decide_on_a_repeat(repeat: Idempotency, evidence: str) -> None:
    """The table of delivery, cell by cell."""

    @virtual_time
    async def run() -> None:
        script = Script(FIRST[evidence], default=OK)
        if REPEATED[evidence][repeat]:
            assert (await ask(script, call(repeat))).id == "x"
            assert script.asked == 2
        else:
            assert isinstance(await error_of(script, call(repeat)), OutcomeUnknown)
            assert script.asked == 1

    run()


@virtual_time
async def test_each_status_is_its_own_error_after_one_request() -> None:
    """400 to 422 and redirects are not retried; the error has status, entries, request id and attempts."""
    kinds: dict[int, type[APIError]] = {
        302: UnexpectedResponse, 400: BadRequest, 401: Unauthorized, 403: Forbidden, 404: NotFound,
        409: UnexpectedResponse, 418: UnexpectedResponse, 422: ValidationFailed,
    }  # fmt: skip
    body = b'{"errors":[{"type":"blank","description":"d","parameter":"name"},"text"]}'
    for status, kind in kinds.items():
        script = Script(answers(status, body, (("X-Request-Id", "r-1"),)))
        error = await error_of(script)
        assert type(error) is kind
        assert (error.status, error.attempts, error.request_id, script.asked) == (status, 1, "r-1", 1)
        assert (error.errors[0].type, error.errors[0].message, error.errors[0].parameter) == ("blank", "d", "name")
        assert error.errors[1].message == "text"


@virtual_time
async def test_a_call_ends_after_its_attempts() -> None:
    """Four by default; the error is that of the last one."""
    script = Script(default=answers(503))
    error = await error_of(script)
    assert isinstance(error, ServerError)
    assert (error.attempts, script.asked) == (4, 4)
    script = Script(default=unsent())
    error = await error_of(script, retry=Retry(attempts=2))
    assert isinstance(error, NotSent)
    assert (error.attempts, error.reason, script.asked) == (2, "connect", 2)


@virtual_time
async def test_one_deadline_covers_waiting_attempts_and_backoff() -> None:
    """A server that never answers, four attempts of up to 20 s, and a deadline of 30 s."""
    script = Script(default=silent())
    before = asyncio.get_running_loop().time()
    await error_of(script, retry=Retry(deadline=30))
    assert asyncio.get_running_loop().time() - before <= 30.001


@virtual_time
async def test_a_retry_after_beyond_the_deadline_fails_at_once() -> None:
    """RateLimited with the seconds, without a wait that cannot succeed."""
    script = Script(default=answers(429, headers=(("Retry-After", "300"),)))
    before = asyncio.get_running_loop().time()
    error = await error_of(script)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 300
    assert asyncio.get_running_loop().time() - before < 0.001


@virtual_time
async def test_an_early_attempt_that_may_have_been_applied_is_not_forgotten() -> None:
    """500 and then a refused connection is not NotSent: the object may exist."""
    error = await error_of(Script(answers(500), default=unsent()), call("non_idempotent"))
    assert isinstance(error, ServerError)
    error = await error_of(Script(breaks(), default=unsent()), call("idempotent"))
    assert isinstance(error, OutcomeUnknown)


@virtual_time
async def test_a_delete_that_gets_404_on_a_retry_is_done() -> None:
    """404 is NotFound at the first attempt, and success after an uncertain one."""
    gone = Call("DELETE", "/v1/coupons/x", Deleted, "idempotent", if_missing=Deleted(id="x", type="coupon"))
    assert isinstance(await error_of(Script(answers(404)), gone), NotFound)
    assert (await ask(Script(breaks(), answers(404)), gone)).deleted
    assert isinstance(await error_of(Script(unsent(), answers(404)), gone), NotFound)


@virtual_time
async def test_a_create_whose_answer_is_lost_was_applied() -> None:
    """A 2xx whose body is not its JSON: OutcomeUnknown(applied=True) for creates, another error for reads."""
    for body in (b"<html>", b"", b"\xff\xfe", b"[1]", b'{"type":"x"}', b"[" * 100_000):
        error = await error_of(Script(answers(200, body)), call("non_idempotent"))
        assert isinstance(error, OutcomeUnknown)
        assert error.applied is True
        assert isinstance(await error_of(Script(answers(200, body))), UnexpectedResponse)


@virtual_time
async def test_wait_zero_fails_fast_while_a_gate_is_closed() -> None:
    """RateLimited with the seconds left; a bounded wait fails when the gate is longer."""
    made = engine(Script(answers(429, headers=(("Retry-After", "10"),)), default=OK))
    with pytest.raises(RateLimited):
        await send(made, GET, Options(Retry(attempts=1)))
    for wait in (0.0, 3.0):
        with pytest.raises(RateLimited) as caught:
            await send(made, GET, Options(Retry(), wait))
        assert caught.value.attempts == 0
        assert caught.value.retry_after == pytest.approx(10, rel=0.06)
    before = asyncio.get_running_loop().time()
    assert (await send(made, GET, Options(Retry(), 30.0))).id == "x"
    assert asyncio.get_running_loop().time() - before >= 10


@virtual_time
async def test_a_certificate_that_does_not_verify_is_not_retried() -> None:
    """Another attempt would fail in the same way."""
    script = Script(default=unsent("tls"))
    error = await error_of(script)
    assert isinstance(error, NotSent)
    assert (error.reason, script.asked) == ("tls", 1)


@virtual_time
async def test_while_the_server_is_away_a_call_makes_one_attempt() -> None:
    """Five failures open the breaker; it closes with the first answer."""
    script = Script(default=unsent())
    made = engine(script)
    for _ in range(2):
        with pytest.raises(NotSent):
            await send(made, GET, Options(Retry()))
    assert made.breaker_open
    asked = script.asked
    with pytest.raises(NotSent):
        await send(made, GET, Options(Retry()))
    assert script.asked == asked + 1
    script.default = OK
    assert (await send(made, GET, Options(Retry()))).id == "x"
    assert not made.breaker_open


@virtual_time
async def test_a_request_that_may_not_be_written_any_more_is_no_evidence_about_the_server() -> None:
    """The rule is this process's own, as for a worker whose lease is over: the breaker stays closed."""
    made = engine(Script())
    for number in range(10):
        attempt = await made.attempt(
            Request("POST", EVENTS_PATH, b"{}"), await made.acquire(), key=f"s{number % 2}", not_after=0
        )
        assert (attempt.evidence, attempt.reason, attempt.isolated) == ("not_sent", "expired", False)
    assert not made.breaker_open
    assert made.limiter.in_flight == 0


@virtual_time
async def test_cancelling_a_call_cancels_it_and_gives_its_permit_back() -> None:
    """CancelledError is never dropped, retried or replaced."""
    made = engine(Script(default=silent()))
    task = asyncio.ensure_future(send(made, GET, Options(Retry())))
    await asyncio.sleep(1)
    assert made.limiter.in_flight == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert made.limiter.in_flight == 0


@virtual_time
async def test_the_backoff_lies_within_its_bounds() -> None:
    """Full jitter below 0.5, 1 and 2 seconds, over many calls."""
    for seed in range(30):
        script = Script(default=answers(500))
        made: Engine = engine(script, seed=seed)
        with pytest.raises(ServerError):
            await send(made, GET, Options(Retry()))
        at = [seen.at for seen in script.history]
        assert all(0 <= b - a <= bound for a, b, bound in zip(at, at[1:], (0.5, 1, 2), strict=False))


@virtual_time
async def test_no_more_requests_are_in_flight_than_allowed() -> None:
    """Two thousand concurrent calls under a ceiling of 20, all served, first come, first served."""
    script = Script(default=answers(200, b'{"id":"x"}', takes=0.01))
    made = engine(script, limits=Limits(concurrency=20))
    order: list[int] = []

    async def one(n: int) -> None:
        await send(made, GET, Options(Retry(deadline=600)))
        order.append(n)

    await asyncio.gather(*(one(n) for n in range(2000)))
    assert script.most_in_flight <= 20
    assert all(abs(position - n) <= 40 for position, n in enumerate(order))


@virtual_time
async def test_a_permit_that_comes_after_the_deadline_is_given_back() -> None:
    """A program that blocks its loop past the deadline sends nothing afterwards."""
    script = Script(default=OK)
    made = engine(script, limits=Limits(concurrency=1))
    loop = asyncio.get_running_loop()
    only = made.limiter.try_acquire("call")
    assert only is not None
    task = asyncio.ensure_future(send(made, GET, Options(Retry(deadline=5))))
    await asyncio.sleep(1)
    made.cancel(only)
    made.clock = lambda: loop.time() + 10
    with pytest.raises(NotSent) as caught:
        await task
    assert (caught.value.reason, caught.value.attempts) == ("deadline", 0)
    assert (script.asked, made.limiter.in_flight) == (0, 0)


@virtual_time
async def test_a_retry_that_may_not_wait_for_the_rate_ends_in_what_its_attempt_ended_in() -> None:
    """Another call was rate limited meanwhile: the error is that of the request that was made."""
    made = engine(Script(answers(500), answers(429, headers=(("Retry-After", "30"),)), default=OK))
    failing = asyncio.ensure_future(send(made, GET, Options(Retry(base=4), 1.0)))
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        await send(made, GET, Options(Retry(attempts=1)))
    with pytest.raises(ServerError) as caught:
        await failing
    assert caught.value.attempts == 1


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
@virtual_time
async def test_a_jump_of_the_wall_clock_changes_no_deadline_of_a_call(jump: float) -> None:
    """An hour forward or back between two attempts: the second is made in any case."""
    wall = EPOCH

    def leap(seen: Seen) -> Answer:
        nonlocal wall
        wall += jump
        return answers(429, headers=(("Retry-After", "1"),)) if seen.number == 1 else OK

    made = engine(Script(hook=leap), wall=lambda: wall)
    await send(made, GET, Options(Retry(deadline=20), None))
    assert wall == EPOCH + 2 * jump
