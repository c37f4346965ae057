"""The emulator as a server: its life cycle, its memory, and invalid requests."""

from __future__ import annotations

import asyncio
import socket
import zlib
from typing import Any
from unittest.mock import ANY

import aiohttp
import pytest

from hellotext_async import Hellotext
from hellotext_async.emulator import Emulator, Fault, serve
from hellotext_async.emulator.history import redacted

from .conftest import Ask, Send, kinds

VIEW = {"action": "page.viewed", "session": "s"}
EVENTS = "/v1/attribution/events"


async def connect(emulator: Emulator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(emulator.url.rpartition(":")[2]))


@pytest.mark.parametrize("kind", ["delay", "drip"])
async def test_it_stops_at_once_with_open_connections(kind: Any) -> None:
    """Idle connections, a partial request, and a fault that would take an hour."""
    async with asyncio.timeout(5), aiohttp.ClientSession(headers={"Authorization": "Bearer test-token"}) as session:
        emulator = await Emulator().start()
        _, half = await connect(emulator)
        half.write(b"POST /v1/lists HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        async with session.post(emulator.url + EVENTS, json=VIEW) as response:
            await response.read()
        emulator.faults.add(Fault(kind, delay=3600))
        slow = asyncio.create_task(_whole(session, emulator))
        while emulator.faults or len(emulator.requests) < 3:
            await asyncio.sleep(0)
        await emulator.aclose()
        with pytest.raises(aiohttp.ClientError):
            await slow
        half.close()
        await emulator.aclose()


async def _whole(session: aiohttp.ClientSession, emulator: Emulator) -> bytes:
    async with session.post(emulator.url + EVENTS, json=VIEW) as response:
        return await response.read()


async def test_what_a_client_gave_up_ends_with_it() -> None:
    """A request that would take an hour, of a client that has gone: no task of it is left, and it is not applied."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(5), Emulator() as emulator:
        emulator.faults.add(Fault("delay", delay=3600))
        _, writer = await connect(emulator)
        head = (
            f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {emulator.token}\r\nContent-Length: 40\r\n\r\n"
        )
        writer.write(head.encode() + b'{"action": "page.viewed", "session":"s"}')
        while emulator.faults:
            await asyncio.sleep(0)
        writer.transport.abort()
    assert asyncio.all_tasks() == before
    assert not emulator.events


async def test_it_can_stop_and_go_on_where_it_was(emulator: Emulator, session: aiohttp.ClientSession) -> None:
    """The same port, the same objects: an outage."""
    url = emulator.url
    await emulator.aclose()
    with pytest.raises(aiohttp.ClientConnectorError):
        await session.get(url + "/v1/lists")
    await emulator.start()
    async with session.get(url + "/v1/lists/Greens") as response:
        assert (await response.json())["id"] == "zN4Xx4Km"


async def test_a_port_in_use_raises(emulator: Emulator) -> None:
    """And no socket is left open."""
    with pytest.raises(OSError, match="in use"):
        await Emulator(port=int(emulator.url.rpartition(":")[2])).start()


async def test_it_serves_until_it_is_stopped() -> None:
    """`serve` runs it on its own."""
    emulator, stop = Emulator(), asyncio.Event()
    serving = asyncio.create_task(serve(emulator, stop))
    while emulator.url.endswith(":0"):
        await asyncio.sleep(0)
    (await connect(emulator))[1].close()
    stop.set()
    await serving
    with pytest.raises(ConnectionRefusedError):
        await connect(emulator)


async def test_the_history_is_bounded_and_the_counts_are_not() -> None:
    """With no history and no events kept, only the counts remain."""
    for history, kept in ((3, True), (0, False)):
        async with Emulator(history=history, keep_events=kept) as emulator, aiohttp.ClientSession() as session:
            for number in range(5):
                given: Any = {**VIEW, "session": f"s{number}"}
                headers = {"authorization": "Bearer test-token"}
                async with session.post(emulator.url + EVENTS, json=given, headers=headers):
                    pass
            assert [seen.body["session"] for seen in emulator.requests] == ["s2", "s3", "s4"][:history]
            assert len(emulator.events) == (5 if kept else 0)
            assert (emulator.counts, emulator.statuses) == ({"page.viewed": 5}, {200: 5})
            assert "test-token" not in str([seen.headers for seen in emulator.requests])


def test_the_token_is_taken_out_however_its_header_is_written() -> None:
    """Everything else is kept."""
    assert redacted({"AUTHORIZATION": "Bearer secret", "X-A": "b"}) == {"AUTHORIZATION": "Bearer …", "X-A": "b"}


async def test_a_request_is_remembered_as_it_came(emulator: Emulator, ask: Ask, send: Send) -> None:
    """Method, path, query, body, status, time and connection."""
    await ask("GET", "/v1/lists", limit="1")
    await send("PATCH", "/v1/lists/in%2Fout", b"name=x")
    await send("POST", "/v1/lists", b"{", Content_Type="application/json")
    listed, changed, broken = emulator.requests
    assert (listed.method, listed.path, listed.query, listed.status) == ("GET", "/v1/lists", {"limit": "1"}, 200)
    assert (changed.path, changed.body, changed.status) == ("/v1/lists/in/out", {"name": "x"}, 404)
    assert (broken.body, broken.status) == (None, 400)
    assert listed.at <= changed.at <= broken.at
    assert listed.connection == changed.connection == broken.connection == 1
    assert "name" not in repr(changed)


async def test_each_connection_has_a_number_of_its_own(emulator: Emulator) -> None:
    """Also when an earlier one has closed."""
    for _ in range(3):
        async with aiohttp.ClientSession() as session, session.get(emulator.url + "/v1/lists"):
            pass
    assert [seen.connection for seen in emulator.requests] == [1, 2, 3]


async def test_what_is_not_there_or_not_allowed(emulator: Emulator, ask: Ask, session: aiohttp.ClientSession) -> None:
    """Errors JSON for routes, ids, methods and tokens."""
    for method, path, status in (
        ("GET", "/", 404),
        ("GET", "/v2/lists", 404),
        ("GET", "/v1/lists/", 404),
        ("GET", "/v1/lists//profiles", 404),
        ("GET", "/v1/lists/none", 404),
        ("PUT", "/v1/lists", 405),
        ("GET", EVENTS, 405),
        ("POST", "/v1/lists/Greens", 405),
        ("GET", "/v1/profiles/MzYwlE50/subscribe", 405),
    ):
        answered, answer = await ask(method, path)
        assert (answered, list(answer)) == (status, ["errors"]), path
    for token in ("", "Bearer", "Bearer wrong", "Basic test-token", "Bearer test-token2"):
        async with session.get(emulator.url + "/v1/lists", headers={"Authorization": token}) as response:
            assert (response.status, kinds(await response.json())) == (401, [("invalid", "token")])


async def test_a_body_that_is_too_large_or_badly_packed(emulator: Emulator, send: Send) -> None:
    """413 and 400 with errors JSON; correctly compressed bodies are read."""
    assert (await send("POST", "/v1/lists", b"a=" + b"x" * (2 << 20)))[0] == 413
    status, answer = await send("POST", "/v1/lists", b"not zlib at all", Content_Encoding="deflate")
    assert (status, kinds(answer)) == (400, [("invalid", "body")])
    assert (await send("POST", "/v1/lists", zlib.compress(b"name=x"), Content_Encoding="deflate"))[0] == 201


async def test_other_families_hold_what_the_vendors_guides_describe(ask: Ask) -> None:
    """Orders, products with variants, carts and object structures."""
    item = {"product": "vxqQJ3Yg", "quantity": 1, "price": {"amount": "9.90", "currency": "USD"}}
    order = {"reference": 7, "source": "woo", "delivery": "deliver", "items": [item], "total": {"amount": 9.9}}
    status, made = await ask("POST", "/v1/attribution/orders", **order)
    assert (status, made["type"]) == (201, "order")
    assert made.pop("items") == [{**item, "id": ANY}]
    del order["items"]
    assert {**made, **order} == made
    assert (await ask("PATCH", f"/v1/attribution/orders/{made['id']}", delivery="collect"))[1]["delivery"] == "collect"
    assert kinds((await ask("POST", "/v1/attribution/orders", items=5))[1]) == [("invalid", "items")]
    variants = [{"name": "L", "sku": "l"}, {"name": "S", "sku": "s"}]
    status, product = await ask("POST", "/v1/attribution/products", name="Poncho", variants=variants, collection=["x"])
    assert (status, [one["sku"] for one in product["variants"]]) == (201, ["l", "s"])
    path = f"/v1/attribution/products/{product['id']}"
    assert len((await ask("PATCH", path, brand="ACME"))[1]["variants"]) == 2
    assert (await ask("PATCH", path, variants=[]))[1]["variants"] == []
    assert (await ask("POST", EVENTS, action="product.viewed", session="s", product_variant="l"))[0] == 404
    assert kinds((await ask("POST", "/v1/objects", title="Trip"))[1]) == [("parameter_missing", "name")]
    assert (await ask("DELETE", path))[1] == {"id": product["id"], "type": "product", "deleted": True}


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": "x"},
        {"port": -1},
        {"port": 65536},
        {"port": True},
        {"token": ""},
        {"business_id": 5},
        {"rate_limit": 5},
    ],
    ids=repr,
)
def test_a_bad_setting_of_an_emulator_is_refused_by_name(wrong: dict[str, Any]) -> None:
    """When it is made."""
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}: expected"):
        Emulator(**wrong)


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6")
@pytest.mark.parametrize("host", ["::", "::1"])
async def test_an_address_of_version_6_is_in_brackets(host: str) -> None:
    """A URL for clients on this machine, also when it listens on every address."""
    try:
        emulator = await Emulator(host=host).start()
    except OSError:
        pytest.skip("IPv6 is switched off")
    assert emulator.url.startswith("http://[::1]:")
    async with Hellotext(emulator.token, base_url=emulator.url) as client:
        assert (await client.lists.list()).items == []
    assert "GET" in repr(emulator.requests)
    await emulator.aclose()
