"""The inspector's routes: what they show, what they change, and which clients they refuse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from hellotext_async.emulator import Emulator, Fault, RateLimit
from hellotext_async.emulator.inspector.guard import is_allowed, is_loopback
from hellotext_async.emulator.traffic import Traffic

from .conftest import Ask

PROFILE = "MzYwlE50"
EVENTS = "/v1/attribution/events"


@pytest.fixture
async def browser(emulator: Emulator) -> AsyncIterator[aiohttp.ClientSession]:
    """A session without a token, as a browser has."""
    async with aiohttp.ClientSession(emulator.url) as session:
        yield session


async def get(browser: aiohttp.ClientSession, path: str) -> Any:
    async with browser.get("/_inspector/" + path) as response:
        return await response.json() if response.status == 200 else response.status


async def feed(browser: aiohttp.ClientSession, wanted: dict[str, int]) -> dict[str, list[Any]]:
    """The messages of the feed by name, until there are as many of each as wanted."""
    found: dict[str, list[Any]] = {}
    async with browser.get("/_inspector/stream") as response, asyncio.timeout(60):
        assert response.content_type == "text/event-stream"
        while any(len(found.get(name, [])) < number for name, number in wanted.items()):
            name = (await response.content.readline()).decode().strip().removeprefix("event: ")
            data = (await response.content.readline()).decode().removeprefix("data: ")
            await response.content.readline()
            found.setdefault(name, []).append(json.loads(data))
    return found


async def test_the_page_is_served_with_a_strict_policy(emulator: Emulator, browser: aiohttp.ClientSession) -> None:
    """With its parts; none of these requests counts as one of the API."""
    for path, kind in (
        ("/", "text/html"),
        ("/_inspector/page.js", "text/javascript"),
        ("/_inspector/page.css", "text/css"),
    ):
        async with browser.get(path) as response:
            assert (response.status, response.content_type) == (200, kind)
            assert "default-src 'none'; script-src 'self'" in response.headers["Content-Security-Policy"]
    for path in ("none.js", "../inspector.py", "%2e%2e/views.py", "requests/1", "requests/x", "profiles/none", ""):
        async with browser.get(URL(f"{emulator.url}/_inspector/{path}", encoded=True)) as response:
            assert response.status == 404, path
    assert (len(emulator.requests), emulator.statuses) == (0, {})


async def test_a_request_is_shown_with_its_body_and_answer(
    emulator: Emulator, browser: aiohttp.ClientSession, ask: Ask
) -> None:
    """Decoded, and without the token."""
    await ask("POST", EVENTS, action="page.viewed", profile=PROFILE)
    await ask("POST", EVENTS, action="order.placed", session="s", order="none")
    shown = await get(browser, "requests/2")
    assert (shown["event"], shown["subject"], shown["status"]) == ("order.placed", "s", 404)
    assert shown["body"] == {"action": "order.placed", "session": "s", "order": "none"}
    assert shown["answer"]["errors"][0]["parameter"] == "order"
    assert emulator.token not in json.dumps(shown)


async def test_the_feed_has_what_came_before_and_what_comes_after(
    emulator: Emulator, browser: aiohttp.ClientSession, ask: Ask
) -> None:
    """Requests once each, those that are answered later again; settings when they change; traffic each second."""
    await ask("GET", "/v1/lists")
    following = asyncio.create_task(feed(browser, {"requests": 3, "traffic": 3}))
    emulator.faults.add(Fault("delay", delay=0.5))
    await asyncio.sleep(0.2)
    await ask("POST", EVENTS, action="page.viewed", session="s")
    found = await following
    rows = [row for message in found["requests"] for row in message["rows"]]
    assert [(row["number"], row["event"], row["status"]) for row in rows] == [
        (1, None, 200), (2, "event", 0), (2, "page.viewed", 200),
    ]  # fmt: skip
    assert any(settings["faults"] for settings in found["settings"])
    assert sum(second["accepted"] for message in found["traffic"] for second in message["seconds"]) == 2


async def test_a_flood_is_sent_in_part(emulator: Emulator, browser: aiohttp.ClientSession, ask: Ask) -> None:
    """The page receives the number of requests that were not sent."""
    await ask("GET", "/v1/lists")
    async with browser.get("/_inspector/stream") as response:
        await response.content.readuntil(b"event: requests\n")
        for number in range(1000):
            emulator.requests.append(type(emulator.requests[0])("GET", f"/{number}", {}, {}, None, 0.0, 1))
        await response.content.readuntil(b"event: requests\n")
        message = json.loads((await response.content.readline()).removeprefix(b"data: "))
    assert (len(message["rows"]), message["left_out"]) == (300, 700)
    assert message["rows"][-1]["path"] == "/999"


async def test_a_profile_has_a_timeline(emulator: Emulator, browser: aiohttp.ClientSession, ask: Ask) -> None:
    """Its events, those of its sessions, and the calls that created and changed it."""
    created = (await ask("POST", "/v1/profiles", first_name="Ana", email="ana@acme.com"))[1]["id"]
    await ask("POST", EVENTS, action="page.viewed", session="v1")
    await ask("PATCH", "/v1/sessions/v1", profile=created)
    await ask("PATCH", f"/v1/profiles/{created}", last_name="Lima")
    await ask("POST", EVENTS, action="page.viewed", profile=PROFILE)
    shown = await get(browser, f"profiles/{created}")
    assert (shown["profile"]["emails"], shown["sessions"]) == (["ana@acme.com"], ["v1"])
    assert [row["number"] for row in shown["timeline"]] == [4, 3, 2, 1]
    assert [found["name"] for found in await get(browser, "profiles?q=LIMA")] == ["Ana Lima"]
    assert [found["id"] for found in await get(browser, "profiles?q=will.e@")] == [PROFILE]


async def change(browser: aiohttp.ClientSession, method: str, path: str, body: Any = None, **headers: str) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with browser.request(method, "/_inspector/" + path, data=data, headers=given) as response:
        return response.status


async def test_the_switches_work(emulator: Emulator, browser: aiohttp.ClientSession, ask: Ask) -> None:
    """Faults, the limit, and the list."""
    await ask("GET", "/v1/lists")
    assert await change(browser, "POST", "faults", {"kind": "status", "status": 503, "times": None}) == 200
    assert list(emulator.faults) == [Fault("status", status=503, times=None)]
    assert await change(browser, "DELETE", "faults") == 200
    assert not emulator.faults
    assert await change(browser, "POST", "limit", {"rate": 5, "burst": 2}) == 200
    assert emulator.rate_limit == RateLimit(5, 2)
    assert await change(browser, "POST", "limit", {"rate": None}) == 200
    assert emulator.rate_limit is None
    assert await change(browser, "DELETE", "requests") == 200
    assert list(emulator.requests) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", b"{"),
        ("faults", {"kind": "none"}),
        ("faults", {"kind": "status", "times": 0}),
        ("faults", {"kind": "status", "status": 99}),
        ("faults", {"kind": "delay", "delay": -1}),
        ("faults", {"kind": "delay", "other": 1}),
        ("limit", {"rate": 0}),
        ("limit", {"rate": "fast"}),
        ("limit", None),
    ],
)
async def test_a_switch_with_a_wrong_value_is_an_error(
    browser: aiohttp.ClientSession, emulator: Emulator, path: str, body: Any
) -> None:
    """And changes nothing."""
    assert await change(browser, "POST", path, body) == 422
    assert (list(emulator.faults), emulator.rate_limit) == ([], None)


async def test_another_site_can_change_and_read_nothing(emulator: Emulator, browser: aiohttp.ClientSession) -> None:
    """A form, a foreign origin, and a name that resolves to loopback."""
    fault = {"kind": "status"}
    assert await change(browser, "POST", "faults", fault, Content_Type="text/plain") == 403
    assert await change(browser, "POST", "faults", fault, Origin="http://evil.example") == 403
    assert await change(browser, "DELETE", "requests", Origin="null") == 403
    assert await change(browser, "POST", "faults", fault, Host="evil.example") == 403
    async with browser.get("/", headers={"Host": "evil.example:80"}) as response:
        assert response.status == 403
    assert not emulator.faults
    assert await change(browser, "POST", "faults", fault, Origin=emulator.url) == 200


def test_what_counts_as_loopback() -> None:
    """Names and addresses, and anything at all where the emulator listens elsewhere."""
    for name in ("localhost", "app.localhost", "127.0.0.1", "127.1.2.3", "::1"):
        assert is_loopback(name)
    for name in ("", "evil.example", "10.0.0.1", "localhost.evil.example", "127.0.0.1.evil.example"):
        assert not is_loopback(name)
    assert is_allowed("GET", {"Host": "[::1]:80"}, loopback=True)
    assert not is_allowed("GET", {"Host": "evil.example"}, loopback=True)
    assert is_allowed("GET", {"Host": "emulator:80"}, loopback=False)


async def test_it_binds_to_loopback_by_default() -> None:
    """`host` sets the address; its url can be used on this machine."""
    async with Emulator(host="0.0.0.0") as emulator, aiohttp.ClientSession(emulator.url) as browser:
        assert emulator.url.startswith("http://127.0.0.1:")
        assert await change(browser, "POST", "limit", {"rate": 5}, Host="emulator.test") == 200
    async with Emulator(host="::1") as emulator, aiohttp.ClientSession(emulator.url) as browser:
        assert emulator.url.startswith("http://[::1]:")
        assert await get(browser, "profiles") == []


def test_traffic_is_counted_by_the_second() -> None:
    """Three kinds of answers, for two minutes."""
    traffic = Traffic()
    for at, status in ((1.0, 200), (1.9, 201), (1.9, 429), (2.0, 500), (2.0, 404)):
        traffic.count(status, at)
    first, second = traffic.since(0)
    assert (first.accepted, first.throttled, first.failed, second.failed) == (2, 1, 0, 2)
    assert [entry.at for entry in traffic.since(2)] == [2]
    for at in range(3, 500):
        traffic.count(200, at)
    assert len(traffic.since(0)) == 120


async def test_it_stops_while_pages_are_open(browser: aiohttp.ClientSession, emulator: Emulator) -> None:
    """At once, and their feeds end."""
    async with asyncio.timeout(5), browser.get("/_inspector/stream") as response:
        await response.content.readline()
        await emulator.aclose()
        with pytest.raises(aiohttp.ClientError):
            while await response.content.readline():
                pass
            raise aiohttp.ClientConnectionError


async def test_what_cannot_be_changed_is_not_found(emulator: Emulator, browser: aiohttp.ClientSession) -> None:
    """Whatever is sent, nothing changes."""
    async with browser.post("/_inspector/none", json={}, headers={"Origin": emulator.url}) as response:
        assert response.status == 404


async def test_of_many_profiles_the_first_that_match_are_shown(
    emulator: Emulator, browser: aiohttp.ClientSession
) -> None:
    """As many as fit a page; a longer search text finds the others."""
    for n in range(80):
        emulator.store.profiles.create({"first_name": f"Customer {n}"})
    assert len(await get(browser, "profiles?q=customer")) == 50
    assert [one["name"] for one in await get(browser, "profiles?q=customer%2077")] == ["Customer 77"]


async def test_only_a_get_of_the_feed_gets_messages(browser: aiohttp.ClientSession) -> None:
    """A HEAD is answered with the headers, and ends."""
    async with asyncio.timeout(10), browser.head("/_inspector/stream") as response:
        assert (response.status, response.content_type, await response.read()) == (200, "text/event-stream", b"")
