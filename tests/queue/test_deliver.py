"""Bulk delivery: what it reads, what it yields, and what happens to both when one of them stops."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from hellotext_async.errors import ConfigurationError, InvalidParameter
from hellotext_async.queue.outcome import Outcome
from tests.harness.clock import virtual_time
from tests.harness.transport import Script, answers, received
from tests.rig import event, queue

SLOW = received(takes=1.0)


def failing_stream() -> Iterator[dict[str, Any]]:
    """A stream of two events, then an error."""
    yield event(0)
    yield event(1)
    raise LookupError("the stream's own")


@virtual_time
async def test_deliver_yields_every_outcome_with_bounded_memory() -> None:
    """From a plain and from an async iterable, with more events than there is room for."""
    most = 0

    async def source() -> Any:
        for n in range(500):
            yield event(n)

    async with queue(Script(default=received(takes=0.01)), capacity=20) as opened:
        for events in ((event(n) for n in range(500)), source()):
            found = []
            async for outcome in opened.deliver(events):
                found.append(outcome)
                most = max(most, opened.stats().queued + opened.stats().in_flight)
            assert len(found) == 500
    assert most <= 20


@virtual_time
async def test_deliver_with_an_invalid_event_delivers_what_came_before_and_names_it() -> None:
    """All outcomes are yielded before the error is raised."""
    events = [event(0), event(1), {"action": "page.viewed"}, event(3)]
    found = []
    async with queue(Script()) as opened:
        with pytest.raises(InvalidParameter) as caught:
            async for outcome in opened.deliver(events):
                found.append(outcome)
        assert opened.stats().accepted == len(found) == 2
    assert "event number 3" in caught.value.__notes__[0]


@virtual_time
async def test_outcomes_do_not_wait_for_a_slow_streams_next_event() -> None:
    """Each is yielded as soon as it is known, however slow the stream is."""

    async def source() -> Any:
        for n in range(3):
            yield event(n)
            await asyncio.sleep(100)

    times = []
    async with queue(Script(default=received(takes=1))) as opened:
        async for _ in opened.deliver(source()):
            times.append(asyncio.get_running_loop().time())
    assert times == pytest.approx([1, 101, 201])


@virtual_time
async def test_an_error_of_the_stream_is_raised_when_what_came_before_has_ended() -> None:
    """From a plain and from an async iterable."""

    async def slow() -> Any:
        for given in failing_stream():
            yield given

    async with queue(Script(default=SLOW)) as opened:
        for events in (failing_stream(), slow()):
            found = []
            with pytest.raises(LookupError, match="own"):
                async for outcome in opened.deliver(events):
                    found.append(outcome)
            assert [outcome.verdict for outcome in found] == ["delivered", "delivered"]


@virtual_time
async def test_an_error_of_the_stream_is_dropped_when_the_caller_has_stopped(caplog: pytest.LogCaptureFixture) -> None:
    """A caller that stopped iterating before gets no error, and nothing is logged."""
    async with queue(Script()) as opened:
        outcomes = opened.deliver(failing_stream())
        await anext(outcomes)
        await asyncio.sleep(10)
        await outcomes.aclose()
        gc.collect()
    assert caplog.text == ""


@virtual_time
async def test_reading_stays_close_to_the_caller_and_stops_with_it() -> None:
    """As many events as there is room for, and one; then nothing is left, not even a task."""
    handed: list[int] = []

    async def source() -> Any:
        for n in range(1000):
            handed.append(n)
            yield event(n)

    async with queue(Script(), capacity=20) as opened:
        outcomes = opened.deliver(source())
        await anext(outcomes)
        await asyncio.sleep(10)
        assert len(handed) <= 21
        await outcomes.aclose()
        assert not any("feeder" in task.get_name() for task in asyncio.all_tasks())
        stopped = len(handed)
        await opened.flush()
        await asyncio.sleep(10)
        assert len(handed) == stopped


@virtual_time
async def test_a_caller_cancelled_while_it_iterates_leaves_no_feeder() -> None:
    """The stream is cancelled too."""
    raised: list[str] = []

    async def source() -> Any:
        try:
            yield event(0)
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            raised.append("cancelled")
            raise

    async with queue(Script()) as opened:

        async def fetch() -> None:
            async for _ in opened.deliver(source()):
                pass

        task = asyncio.create_task(fetch())
        await asyncio.sleep(10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert raised == ["cancelled"]
        assert not any("feeder" in task.get_name() for task in asyncio.all_tasks())


@pytest.mark.parametrize("raised", [ValueError, asyncio.CancelledError, SystemExit, GeneratorExit])
@virtual_time
async def test_on_end_gets_every_outcome_and_its_errors_change_nothing(
    raised: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises is logged by type; every event is delivered and yielded, by the next stream as well."""
    called: list[Outcome] = []

    def on_end(outcome: Outcome) -> None:
        called.append(outcome)
        raise raised("a customer's secret")

    async with queue(Script(received(), answers(422), default=received(takes=0.01))) as opened:
        for _ in range(2):
            yielded = [outcome async for outcome in opened.deliver([event(n) for n in range(5)], on_end=on_end)]
            assert len(yielded) == 5
        assert (await opened.track("page.viewed", session="s")).delivered
    assert len(called) == 10
    assert raised.__name__ in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("name", ["on_end", "on_invalid"])
@virtual_time
async def test_a_function_that_cannot_be_called_is_refused_at_the_call(name: str) -> None:
    """Neither an async function nor an object that is not callable."""

    async def wrong(*_: object) -> None:
        """Its coroutine would never be awaited."""

    async with queue(Script()) as opened:
        for given in (wrong, "text"):
            with pytest.raises(ConfigurationError, match=name):
                opened.deliver([event(0)], **{name: given})  # type: ignore[arg-type]
