"""Bad arguments are refused at the call, before a byte is sent, and cannot change the target of a request."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from hellotext_async._events.prepare import prepare
from hellotext_async.client import Hellotext
from hellotext_async.errors import ConfigurationError, InvalidParameter
from tests.harness.scripts import reply
from tests.harness.server import ScriptedServer
from tests.harness.transport import Script
from tests.rig import queue

BAD_TOKENS = ["", " ", "a b", "a\r\nX-Evil: 1", "a\0", "tök", "a\n", '"']
BAD_IDS = ["", "../x", "a/b", "a?b", "a#b", "%2f", "a b", "é", "a\r\n", "x" * 65, ".", ".."]
BAD_NAMES = ["", ".", "..", "a\r\nb", "a\0b", "\x7f", "\u2028"]
ODD_NAMES = ["Greens & Co", "a/b", "a?b#c", "%2f", "naïve", "../../v1/profiles", "日本", "a;b=c", " "]


@pytest.mark.parametrize("token", BAD_TOKENS)
def test_a_token_that_no_header_can_carry_is_refused_when_the_client_is_made(token: str) -> None:
    """ConfigurationError, whose text does not contain the token."""
    with pytest.raises(ConfigurationError) as caught:
        Hellotext(token, base_url="https://example.org")
    assert len(token.strip()) < 2 or token not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://x", "https://", "https://u:p@x", "https://x/path", "https://x?y", "http://example.org", "https://x:99999", "https://x\r\n", "//x", "x"],
)  # fmt: skip
def test_a_base_url_that_is_unsafe_is_refused(url: str) -> None:
    """Other schemes, credentials, paths, and plain http beyond loopback."""
    with pytest.raises(ConfigurationError, match="base_url"):
        Hellotext("t", base_url=url)


async def test_ids_outside_the_alphabet_never_reach_the_wire() -> None:
    """InvalidParameter at the await, for every verb that takes an id."""
    async with ScriptedServer() as server, Hellotext("t", base_url=server.url) as client:
        for bad in BAD_IDS:
            for call in (
                client.profiles.retrieve, client.profiles.update, client.profiles.delete, client.coupons.retrieve,
                client.apps.delete, client.actions.retrieve, client.carts.retrieve, client.properties.retrieve,
                client.profiles.subscribe,
            ):  # fmt: skip
                with pytest.raises(InvalidParameter, match="id"):
                    await call(bad)
            with pytest.raises(InvalidParameter, match="starting_after"):
                client.profiles.list(starting_after=bad)
        for bad in BAD_NAMES:
            with pytest.raises(InvalidParameter):
                await client.lists.retrieve(bad)
    assert server.begun == 0


async def test_a_name_is_one_path_segment_whatever_is_in_it() -> None:
    """The name is percent-encoded as a whole; the host and the rest of the path are unchanged."""
    async with ScriptedServer(reply(200, b'{"id":"x"}')) as server, Hellotext("t", base_url=server.url) as client:
        for name in ODD_NAMES:
            await client.lists.retrieve(name)
    for seen in server.history:
        assert seen.target.startswith("/v1/lists/")
        assert seen.target.count("/") == 3
        assert not set("?# ") & set(seen.target)


@pytest.mark.parametrize("path", ["v1/x", "/v1/../x", "/v1/x?y", "/v1/x#y", "/v1/ x", "/v1/x\r\n", "https://evil/"])
async def test_request_takes_only_a_clean_path(path: str) -> None:
    """InvalidParameter names the path."""
    async with ScriptedServer() as server, Hellotext("t", base_url=server.url) as client:
        with pytest.raises(InvalidParameter, match="path"):
            await client.request("GET", path)
    assert server.begun == 0


def recursive() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


class Slug(str):
    """A subclass of str."""

    __slots__ = ()


WRONG_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("amount", {"amount": float("nan")}),
    ("amount", {"amount": float("inf"), "currency": "USD"}),
    ("amount", {"amount": Decimal("NaN")}),
    ("amount", {"amount": "5"}),
    ("amount", {"amount": 2**64}),
    ("metadata.x", {"metadata": {"x": -(2**63) - 1}}),
    ("amount", {"amount": True}),
    ("amount", {"currency": "USD"}),
    ("tracked_at", {"tracked_at": datetime(2026, 1, 1)}),
    ("tracked_at", {"tracked_at": 1_790_000_000_000}),
    ("tracked_at", {"tracked_at": float("nan")}),
    ("metadata.x", {"metadata": {"x": float("nan")}}),
    ("metadata.x", {"metadata": {"x": object()}}),
    ("metadata.x", {"metadata": {"x": datetime(2026, 1, 1)}}),
    ("metadata", {"metadata": recursive()}),
    ("metadata", {"metadata": {1: 2}}),
    ("metadata", {"metadata": "text"}),
    ("metadata", {"metadata": {"x": "\ud800"}}),
    ("event", {"metadata": {"x": "y" * 2_000_000}}),
    ("colour", {"colour": "red"}),
    ("order", {"action": "order.placed"}),
    ("products", {"action": "cart.added"}),
    ("products", {"action": "cart.added", "products": []}),
    (r"products\[0\]", {"action": "cart.added", "products": [{}]}),
    (r"products\[1\].quantity", {"action": "cart.added", "products": [{"product": "x"}, {"product": "x", "quantity": -1}]}),
    (r"products\[0\].colour", {"action": "cart.added", "products": [{"product": "x", "colour": "red"}]}),
    ("cart", {"action": "cart.abandoned"}),
    ("coupon", {"action": "coupon.redeemed"}),
    ("form", {"action": "form.completed"}),
    ("refund", {"action": "refund.received"}),
    ("app", {"action": "app.installed"}),
    ("amount", {"action": "app.spent", "app": "x"}),
    ("product", {"action": "product.viewed"}),
    ("product", {"action": "product.viewed", "product_variant_parameters": {"name": "x"}}),
    ("session", {"session": "a/b"}),
    ("session", {"session": "müller"}),
    ("profile", {"profile": "x" * 65}),
    ("profile", {"session": None}),
    ("action", {"action": ""}),
]  # fmt: skip


@pytest.mark.parametrize("form", ["typed", "object"])
@pytest.mark.parametrize("wrong", [{"product": "kale\ud800"}, {"tracked_at": "\ud800"}])
def test_no_error_of_a_library_comes_out(form: Any, wrong: dict[str, Any]) -> None:
    """For text that UTF-8 cannot encode."""
    with pytest.raises(InvalidParameter, match=next(iter(wrong)) if form == "typed" else "."):
        prepare("product.viewed", {"product": "kale", "session": "s", **wrong}, event_format=form)


@pytest.mark.parametrize("form", ["typed", "object"])
def test_text_of_a_subclass_is_the_plain_text_that_it_equals(form: Any) -> None:
    """Frameworks and numeric libraries pass such text."""
    plain, given = (
        prepare(
            kind("product.viewed"),
            {name: kind("kale-1") for name in ("product", "session", "event_id", "order_key")},
            form,
        )
        for kind in (str, Slug)
    )
    assert plain == given
    assert {type(given.action), type(given.event_id), type(given.subject)} == {str}


def test_a_second_action_among_the_fields_is_refused() -> None:
    """The action is the first argument; one given among the fields would be lost."""
    with pytest.raises(InvalidParameter, match="action"):
        prepare("page.viewed", {"action": "order.placed", "session": "s"})


def test_fields_of_this_package_are_not_sent() -> None:
    """Neither the caller's id nor the ordering key is in the body, whether the body is validated fast or in full."""
    ours = {"event_id": "shop-1", "order_key": "customer-1"}
    for extra in ({}, {"amount": Decimal("1.5")}):
        ready = prepare("page.viewed", {"session": "s", **ours, **extra})
        assert not ours.keys() & json.loads(ready.body).keys()
        assert (ready.event_id, ready.subject) == ("shop-1", "customer-1")


@pytest.mark.parametrize(("parameter", "wrong"), WRONG_EVENTS)
async def test_a_poisoned_event_is_refused_at_the_call_and_affects_no_other(
    parameter: str, wrong: dict[str, Any]
) -> None:
    """track, put and events.track name the parameter; the queue continues."""
    given = {"action": "page.viewed", "session": "s", **wrong}
    action = given.pop("action")
    script = Script()
    async with queue(script) as opened, Hellotext("t", base_url="http://127.0.0.1:9") as client:
        for take in (opened.track, opened.put, client.events.track):
            with pytest.raises(InvalidParameter, match=parameter) as caught:
                taken: Any = take(action, **given)
                await taken
            assert parameter.replace("\\", "").startswith(caught.value.parameter.partition(".")[0].partition("[")[0])
        assert (await opened.track("page.viewed", session="s")).verdict == "delivered"
        assert (await opened.flush(5)).outcomes["delivered"] == 1
    assert script.asked == 1


async def test_every_kind_of_value_that_json_can_carry_is_taken_and_snapshot() -> None:
    """Decimal, aware datetime, date, UUID, enums, nested tuples; later changes of the value have no effect."""
    script = Script()
    metadata: dict[str, Any] = {
        "decimal": Decimal("89.90"), "at": datetime(2026, 1, 1, tzinfo=UTC), "day": datetime(2026, 1, 1, tzinfo=UTC).date(),
        "id": UUID(int=5), "nested": ({"a": [1, 2.5, None, True]},), "set": {7},
    }  # fmt: skip
    async with queue(script) as opened:
        receipt = opened.track("page.viewed", session="s", metadata=metadata, amount=Decimal("1.50"), currency="USD")
        metadata.clear()
        await receipt
    sent = script.history[0].json
    assert sent["amount"] == 1.5
    assert sent["metadata"]["decimal"] == 89.9
    assert sent["metadata"]["at"].startswith("2026-01-01T00:00:00")
    assert sent["metadata"]["nested"] == [{"a": [1, 2.5, None, True]}]
    assert sent["metadata"]["set"] == [7]


async def test_two_businesses_in_one_process_never_mix() -> None:
    """1,000 interleaved calls and events: each token is sent with its own payloads only."""
    async with (
        ScriptedServer(reply(200, b'{"id":"x","status":"received"}')) as server,
        Hellotext("token-a", base_url=server.url) as a,
        Hellotext("token-b", base_url=server.url) as b,
        a.event_queue() as queue_a,
        b.event_queue() as queue_b,
    ):

        async def one(n: int) -> None:
            client, opened, name = (a, queue_a, "a") if n % 2 else (b, queue_b, "b")
            if n % 3:
                await client.profiles.create(first_name=name)
            else:
                await (await opened.put("page.viewed", session=name, metadata={"first_name": name}))

        await asyncio.gather(*(one(n) for n in range(1000)))
    pairs = Counter((seen.header("authorization"), b'"first_name":"a"' in seen.body) for seen in server.history)
    assert set(pairs) == {("Bearer token-a", True), ("Bearer token-b", False)}
    assert pairs.total() == 1000
