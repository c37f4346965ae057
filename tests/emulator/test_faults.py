"""Faults: what the client receives, what is applied, and which requests trigger them."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from hellotext_async.emulator import Emulator, Fault, RateLimit
from hellotext_async.emulator.faults import Faults

from .conftest import Ask, kinds

VIEW = {"action": "page.viewed", "session": "s"}
EVENTS = "/v1/attribution/events"


async def raw(emulator: Emulator) -> bytes:
    """All bytes received for an event, until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(emulator.url.rpartition(":")[2]))
    body = b'{"action":"page.viewed","session":"s"}'
    head = f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {emulator.token}\r\nConnection: close\r\n"
    writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b"reset"
    finally:
        writer.close()


async def test_what_each_fault_puts_on_the_wire(emulator: Emulator) -> None:
    """Nothing; bytes that are not HTTP; a valid head with a shorter body than announced; the whole answer, slowly."""
    answer = b'{"status":"received"}'
    for kind, applied in (("drop_before", 0), ("drop_after", 1), ("garbage", 1), ("truncate", 1), ("drip", 1)):
        emulator.store.events.clear()
        emulator.faults.add(Fault(kind, delay=0.001))  # type: ignore[arg-type]
        received = await raw(emulator)
        assert len(emulator.events) == applied, kind
        head, _, body = received.partition(b"\r\n\r\n")
        if kind.startswith("drop"):
            assert received in (b"", b"reset")
        elif kind == "garbage":
            assert not received.startswith(b"HTTP/")
        elif kind == "truncate":
            assert head.startswith(b"HTTP/1.1 200 ")
            assert answer.startswith(body)
            assert b"Content-Length: %d" % (len(answer) + 100) in head
        else:
            assert body == answer
    assert [seen.status for seen in emulator.requests] == [0, 200, 200, 200, 200]


async def test_a_status_is_answered_and_nothing_is_applied(emulator: Emulator, session: aiohttp.ClientSession) -> None:
    """500 by default; with Retry-After if given; the request is recorded with its body."""
    emulator.faults.add(Fault("status"), Fault("status", status=503, retry_after=7))
    for status, after in ((500, None), (503, "7")):
        async with session.post(emulator.url + EVENTS, json=VIEW) as response:
            assert (response.status, response.headers.get("Retry-After")) == (status, after)
            assert kinds(await response.json()) == [("fault", None)]
    assert emulator.events == []
    assert [(seen.status, seen.body) for seen in emulator.requests] == [(500, VIEW), (503, VIEW)]


async def test_a_delayed_request_is_applied_afterwards_and_others_go_past_it(emulator: Emulator, ask: Ask) -> None:
    """Only that request is delayed."""
    emulator.faults.add(Fault("delay", delay=0.2))
    slow = asyncio.create_task(ask("POST", EVENTS, **VIEW))
    while emulator.faults:
        await asyncio.sleep(0)
    assert (await ask("POST", EVENTS, **{**VIEW, "session": "quick"}))[0] == 200
    assert (await slow)[0] == 200
    assert [event["session"] for event in emulator.events] == ["quick", "s"]


def matches(fault: Fault, *asked: str) -> list[bool]:
    """Which of the requests trigger it."""
    faults = Faults()
    faults.add(fault)
    return [faults.match(*request.split(" ", 1)) is fault for request in asked]


def test_a_fault_is_triggered_by_what_it_matches() -> None:
    """A star matches anything."""
    path = "POST /v1/attribution/events"
    assert matches(Fault("status", times=None), path, "GET /v1/attribution/events", path) == [True, False, True]
    assert matches(Fault("status", match="* /v1/lists/*", times=None), "GET /v1/lists/a", "DELETE /v1/lists/b", path) == [
        True, True, False,
    ]  # fmt: skip
    assert matches(Fault("status", match="GET *", times=None), "GET /v1/lists", "POST /v1/lists") == [True, False]


def test_a_fault_is_triggered_as_often_as_it_is_set_and_in_order() -> None:
    """One fault can be added again: adding it does not change it."""
    twice, then = Fault("drop_after", times=2), Fault("status")
    faults = Faults()
    for _ in range(2):
        faults.add(twice, then)
        assert [faults.match("POST", EVENTS) for _ in range(4)] == [twice, twice, then, None]
        assert not faults
    faults.add(twice)
    faults.clear()
    assert faults.match("POST", EVENTS) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "explode"}, {"kind": "status", "times": 0}, {"kind": "status", "times": "x"},
        {"kind": "status", "status": "503"}, {"kind": "delay", "delay": "x"}, {"kind": "delay", "delay": -1},
    ],
)  # fmt: skip
def test_a_fault_that_cannot_be_is_a_mistake(wrong: dict[str, Any]) -> None:
    """ValueError when it is created."""
    with pytest.raises(ValueError, match="expected"):
        Fault(**wrong)


async def test_a_fault_comes_before_the_limit(emulator: Emulator, ask: Ask) -> None:
    """It uses no permit."""
    emulator.rate_limit = RateLimit(0.001, burst=1)
    emulator.faults.add(Fault("status", times=3))
    statuses = [(await ask("POST", EVENTS, **VIEW))[0] for _ in range(5)]
    assert statuses == [500, 500, 500, 200, 429]
