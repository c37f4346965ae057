"""Hooks: which functions are accepted, and what happens to what they raise."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hellotext_async import ConfigurationError, Event, Hellotext, Hooks, Outage, Outcome
from hellotext_async._attempts import shown_path
from hellotext_async._reports import Reports, duration
from hellotext_async.hooks import overridden
from tests.harness.clock import virtual_time

KINDS = [RuntimeError, asyncio.CancelledError, GeneratorExit, SystemExit, BaseException]
PLAIN = ["on_attempt", "on_outcome", "on_throttle", "before_send"]


async def wait_for_it(_: Any) -> None:
    """An async function."""


class Waits:
    """An object that is called with await."""

    async def __call__(self, _: Any) -> None: ...


async def endless(_: Any) -> AsyncIterator[int]:
    """An async generator."""
    yield 1


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize(
    "function", [wait_for_it, functools.partial(wait_for_it, 1), Waits(), endless, Waits().__call__]
)
def test_an_async_function_is_refused_where_a_plain_one_is_expected(name: str, function: Any) -> None:
    """At once, by name: its coroutines would never be awaited."""
    with pytest.raises(ConfigurationError, match=f"^{name}: expected a plain function"):
        Hooks(**{name: function})


@pytest.mark.parametrize("name", PLAIN)
def test_an_async_method_of_a_subclass_is_refused_when_the_client_is_made(name: str) -> None:
    """Also for an overridden method of a class."""
    with pytest.raises(ConfigurationError, match=f"^{name}: expected a plain function"):
        Hellotext("t", hooks=type("Own", (Hooks,), {name: lambda self, _: None} | {name: wait_for_it})())


def test_the_older_hooks_take_plain_functions_only() -> None:
    """`on_throttle` of a client and `on_outcome` of a queue."""
    with pytest.raises(ConfigurationError, match=r"^on_throttle: expected a plain function"):
        Hellotext("t", on_throttle=wait_for_it)
    with pytest.raises(ConfigurationError, match=r"^on_outcome: expected a plain function"):
        Hellotext("t").event_queue(on_outcome=wait_for_it)


@pytest.mark.parametrize("wrong", [5, "x", Hooks, [Hooks], [Hooks(), 5], print])
def test_what_is_no_hooks_is_refused(wrong: Any) -> None:
    """ConfigurationError names `hooks`."""
    with pytest.raises(ConfigurationError, match=r"^hooks: expected"):
        Hellotext("t", hooks=wrong)


@pytest.mark.parametrize("name", [*PLAIN, "on_outage"])
def test_what_cannot_be_called_is_refused(name: str) -> None:
    """Passed to the constructor, or as an attribute of a class."""
    with pytest.raises(ConfigurationError, match=f"^{name}: expected"):
        Hooks(**{name: 5})  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=f"^{name}: expected"):
        Hellotext("t", hooks=type("Own", (Hooks,), {name: 5})())


def test_only_what_does_something_is_called() -> None:
    """A method that is not overridden costs nothing; functions, subclasses and both can be combined."""

    class Own(Hooks):
        def __init__(self) -> None:
            """Without the parent's __init__, which is not required."""

        def on_outcome(self, outcome: Outcome, /) -> None: ...

    filled, own = Hooks(on_outcome=print), Own()
    assert overridden([Hooks(), filled, own], "on_outcome") == (print, own.on_outcome)
    assert overridden([Hooks(), filled, own], "on_attempt") == ()


def reports(**hooks: Any) -> Reports:
    """A client's reports with these hooks."""
    return Reports("greens", [Hooks(**hooks)], None, waiting=lambda: 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["on_outcome", "before_send"])
def test_whatever_a_hook_raises_is_logged_by_type_and_goes_no_further(
    name: str, kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """Also a BaseException that is no Exception; its text is not shown."""

    def hook(_: Any) -> Any:
        raise kind("will.e@example.org")

    made = reports(**{name: hook})
    event = Event("page.viewed", session="s")
    if name == "before_send":
        assert made.before_send is not None
        assert made.before_send(event) is event
    else:
        made.on_outcome(None)(Outcome(verdict="delivered", event_id="e", action="a"))
    assert f"{name} raised {kind.__name__}" in caplog.text
    assert "will.e" not in caplog.text


def test_a_keyboard_interrupt_in_a_hook_is_not_lost() -> None:
    """It does not stop the delivery, and it ends the program."""
    program = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job begins with SIGINT ignored
from hellotext_async import Hooks, Outcome
from hellotext_async._reports import Reports
def hook(_): raise KeyboardInterrupt
ended = Reports(None, [Hooks(on_outcome=hook)], None, waiting=lambda: 0).on_outcome(None)
try:
    ended(Outcome(verdict="delivered", event_id="e", action="a"))
    for _ in range(10**9): pass
except KeyboardInterrupt:
    print("interrupted")
"""
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")
    }  # under a tracer it never ends
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=plain
    )
    assert done.stdout == "interrupted\n"


def test_a_coroutine_that_a_plain_function_returns_is_closed_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A lambda over an async function cannot be recognised before it is called."""
    reports(on_outcome=lambda outcome: wait_for_it(outcome)).on_outcome(None)(
        Outcome(verdict="delivered", event_id="e", action="a")
    )
    assert "on_outcome returned a coroutine" in caplog.text


def test_before_send_changes_and_drops_one_after_the_other() -> None:
    """Each hook gets what the previous one returned; None drops the event."""
    seen: list[str] = []

    def rename(event: Event) -> Event:
        return Event("app.opened", **event.fields)

    def drop(event: Event) -> None:
        seen.append(event.action)

    one, two = Hooks(before_send=rename), Hooks(before_send=drop)
    event = Event("page.viewed", session="s", app="a")
    changed = Reports(None, [one], None, waiting=lambda: 0).before_send
    assert changed is not None
    assert changed(event) == Event("app.opened", session="s", app="a")
    dropped = Reports(None, [one, two], None, waiting=lambda: 0).before_send
    assert dropped is not None
    assert dropped(event) is None
    assert seen == ["app.opened"]


def test_an_invalid_result_of_before_send_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The event is sent as it was given, and a line is logged."""
    event = Event("page.viewed", session="s")
    prepared = reports(before_send=lambda _: {"action": "x"}).before_send
    assert prepared is not None
    assert prepared(event) is event
    assert "before_send raised TypeError" in caplog.text


def test_outcomes_other_than_delivered_are_logged_with_their_reason(caplog: pytest.LogCaptureFixture) -> None:
    """At INFO, with ids; delivered and abandoned ones are not (the close counts those)."""
    caplog.set_level(logging.INFO)
    ended = reports().log_outcome
    for verdict in ("delivered", "rejected", "unknown", "expired", "abandoned"):
        ended(Outcome(verdict=verdict, event_id=f"e-{verdict}", action="order.placed", attempts=2))  # type: ignore[arg-type]
    assert [record.hellotext_event_id for record in caplog.records] == ["e-rejected", "e-unknown", "e-expired"]
    assert caplog.messages[0] == "greens: event e-rejected (order.placed) rejected after 2 attempts: None"


@pytest.mark.parametrize(("seconds", "text"), [(0.83, "0.8 s"), (73.2, "73 s"), (3600, "60 min"), (7500, "2 h 5 min")])
def test_a_duration_is_short(seconds: float, text: str) -> None:
    """For a reader of a log."""
    assert duration(seconds) == text


def test_a_path_is_shown_without_what_may_be_a_customer_s() -> None:
    """No query, no phone, no e-mail."""
    assert shown_path("/v1/profiles/MzYwlE50?email=a%40b.c") == "/v1/profiles/MzYwlE50"
    assert shown_path("/v1/profiles/will.e%40example.org/x") == "/v1/profiles/…/x"
    assert shown_path("/v1/by-phone/+59899000001") == "/v1/by-phone/…"
    assert shown_path("/v1/by-phone/59899000001") == "/v1/by-phone/…"


@virtual_time
async def test_a_close_waits_for_asynchronous_hooks_and_not_for_ever() -> None:
    """Hooks that have not ended by then are cancelled."""
    ends: list[str] = []

    async def hook(outage: Outage, takes: float) -> None:
        try:
            await asyncio.sleep(takes)
            ends.append("ended")
        except asyncio.CancelledError:
            ends.append("cancelled")

    loop = asyncio.get_running_loop()
    for takes, end in ((1, "ended"), (1000, "cancelled")):
        made = reports(on_outage=functools.partial(hook, takes=takes))
        made.outages(loop.time).update(True)
        await made.aclose()
        await asyncio.sleep(0)
        assert ends.pop() == end
    assert loop.time() < 10
