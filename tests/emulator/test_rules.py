"""The rules of the emulated API, over HTTP through an aiohttp session."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import aiohttp
import pytest

from hellotext_async.emulator import Emulator, Fault, RateLimit

from .conftest import Ask, kinds


async def test_values_of_a_profile_by_name_id_and_kind(ask: Ask) -> None:
    """Set, changed, removed by the empty value; the next one becomes the default."""
    _, made = await ask(
        "POST", "/v1/profiles", **{"email": "a@x.org", "email[work]": "b@x.org", "phone": "099 123 456"}
    )
    path = f"/v1/profiles/{made['id']}"
    _, profile = await ask("GET", path)
    assert (profile["emails"], profile["phones"]) == (["a@x.org", "b@x.org"], ["+59899123456"])
    work = next(value["id"] for value in profile["properties"] if value["name"] == "work")
    await ask(
        "PATCH",
        path,
        **{
            "email": "",
            f"email[{work}]": "c@x.org",
            "property[gender]": "female",
            "address[suggest]": "Main St 5, Rivera",
        },
    )
    _, profile = await ask("GET", path)
    assert profile["emails"] == ["c@x.org"]
    values = {value["kind"]: value["value"] for value in profile["properties"]}
    assert values["gender"] == "female"
    assert (values["address"]["street"], values["address"]["city"]) == ({"name": "Main St", "number": "5"}, "Rivera")
    await ask("PATCH", path, **{"email[work]": "", "address": {}, "lists": ["Greens"]})
    _, profile = await ask("GET", path)
    assert profile["emails"] == []
    assert [one["name"] for one in profile["lists"]] == ["Greens"]
    await ask("PATCH", path, lists=[])
    assert (await ask("GET", path))[1]["lists"] == []


async def test_the_same_contact_again_is_the_same_profile(ask: Ask) -> None:
    """A create with a known phone updates; an update with another's e-mail is refused."""
    _, one = await ask("POST", "/v1/profiles", phone="+59899000001", first_name="A")
    _, two = await ask("POST", "/v1/profiles", phone="+598 9900 0001", first_name="B")
    assert one == two
    assert (await ask("GET", f"/v1/profiles/{one['id']}"))[1]["first_name"] == "B"
    status, answer = await ask("PATCH", f"/v1/profiles/{one['id']}", email="will.e@acme.com")
    assert (status, kinds(answer)) == (422, [("parameter_not_unique", "email")])


async def test_deleting_a_profile_clears_it_and_subscribing_brings_it_back(ask: Ask) -> None:
    """It survives; any other deleted object is gone."""
    await ask("DELETE", "/v1/profiles/MzYwlE50")
    status, profile = await ask("GET", "/v1/profiles/MzYwlE50")
    assert (status, profile["properties"], profile["emails"]) == (200, [], [])
    assert (await ask("POST", "/v1/profiles/MzYwlE50/subscribe"))[1]["state"] == "subscribed"
    await ask("DELETE", "/v1/coupons/xJEOaPdk")
    assert (await ask("GET", "/v1/coupons/xJEOaPdk"))[0] == 404


async def test_deleting_a_property_takes_it_from_every_profile(ask: Ask) -> None:
    """And setting one that is not defined is refused."""
    _, made = await ask("POST", "/v1/properties", kind="checkbox", name="Active")
    await ask("PATCH", "/v1/profiles/MzYwlE50", **{"property[Active]": True})
    values = (await ask("GET", "/v1/profiles/MzYwlE50"))[1]["properties"]
    assert any(value.get("name") == "Active" and value["value"] is True for value in values)
    await ask("DELETE", f"/v1/properties/{made['id']}")
    values = (await ask("GET", "/v1/profiles/MzYwlE50"))[1]["properties"]
    assert not any(value.get("name") == "Active" for value in values)
    assert (await ask("PATCH", "/v1/profiles/MzYwlE50", **{"property[Active]": True}))[0] == 422


async def test_deleting_an_action_deletes_its_events(emulator: Emulator, ask: Ask) -> None:
    """As the document says, against the later guides."""
    for _ in range(3):
        await ask("POST", "/v1/attribution/events", action="signup_form.completed", session="s")
    assert emulator.counts["signup_form.completed"] == len(emulator.events) == 3
    await ask("DELETE", "/v1/attribution/actions/Wvqz2qD1")
    assert emulator.events == []
    assert (await ask("POST", "/v1/attribution/events", action="signup_form.completed", session="s"))[0] == 404


async def test_what_is_required_and_what_is_unique(ask: Ask) -> None:
    """With the vendor's types of errors."""
    for path, given, kind in (
        ("/v1/lists", {}, ("parameter_missing", "name")),
        ("/v1/lists", {"name": ""}, ("parameter_invalid_empty", "name")),
        ("/v1/coupons", {"code": "SALE"}, ("parameter_not_unique", "code")),
        ("/v1/coupons", {"code": "X", "destination_url": "ftp://x"}, ("invalid", "destination_url")),
        ("/v1/attribution/actions", {"name": "signup_form.completed"}, ("parameter_not_unique", "name")),
        ("/v1/attribution/actions", {"name": "order.placed"}, ("parameter_not_unique", "name")),
        ("/v1/properties", {"kind": "text", "name": "1st-name"}, ("invalid", "name")),
        ("/v1/properties", {"kind": "text", "name": "{name}"}, ("invalid", "name")),
        ("/v1/properties", {"kind": "email"}, ("parameter_missing", "profile")),
        ("/v1/properties", {"kind": "colour"}, ("invalid", "kind")),
    ):
        status, answer = await ask("POST", path, **given)
        assert (status, kinds(answer)) == (422, [kind]), path


EVENTS: list[tuple[dict[str, Any], int, str | None]] = [
    ({"action": "order.placed", "order": "wx4Vn4no", "session": "s"}, 200, None),
    ({"action": "order.placed", "object": "wx4Vn4no", "session": "s"}, 200, None),
    ({"action": "order.placed", "object_parameters": {"reference": 5, "source": "x"}, "session": "s"}, 200, None),
    ({"action": "order.placed", "session": "s"}, 422, "object_invalid"),
    ({"action": "order.placed", "order": "none", "session": "s"}, 404, "not_found"),
    ({"action": "order.placed", "order": "wx4Vn4no", "order_parameters": {"reference": "1"}, "session": "s"}, 422, "ambiguous_parameter"),
    ({"action": "order.placed", "order": "wx4Vn4no"}, 422, "object_invalid"),
    ({"action": "order.placed", "order": "wx4Vn4no", "profile": "none"}, 404, "not_found"),
    ({"action": "nothing.known", "session": "s"}, 404, "not_found"),
    ({"session": "s"}, 422, "parameter_missing"),
    ({"action": "app.spent", "app": "xnqJQ47v", "session": "s"}, 422, "parameter_missing"),
    ({"action": "page.viewed", "session": "s", "currency": "USD"}, 422, "parameter_missing"),
    ({"action": "page.viewed", "session": "s", "tracked_at": "yesterday"}, 422, "invalid"),
    ({"action": "page.viewed", "session": "s", "tracked_at": "2026-01-01T00:00:00+00:00"}, 200, None),
    ({"action": "page.viewed", "session": "s", "tracked_at": 1790000000000}, 422, "invalid"),
    ({"action": "cart.added", "session": "s"}, 422, "parameter_missing"),
    ({"action": "cart.added", "session": "s", "products": [{"product_parameters": {"name": "x"}, "quantity": 2}]}, 200, None),
    ({"action": "cart.added", "session": "s", "object_parameters": {"reference": "c", "source": "x", "items": [
        {"product": {"name": "v", "reference": 7, "price": {"amount": "1.0", "currency": "USD", "converted_amount": "1.0"},
                     "product": {"name": "parent"}}, "quantity": 1}]}}, 200, None),
    ({"action": "cart.abandoned", "session": "s", "cart": "wx4Vn4no"}, 200, None),
    ({"action": "product.viewed", "session": "s", "product_variant_parameters": {"name": "x"}}, 422, "parameter_missing"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "status", "kind"), EVENTS)
async def test_what_an_event_needs(ask: Ask, given: dict[str, Any], status: int, kind: str | None) -> None:
    """In both of the vendor's forms."""
    answered, answer = await ask("POST", "/v1/attribution/events", **given)
    assert answered == status, answer
    assert answer == {"status": "received"} if kind is None else kinds(answer)[0][0] == kind


async def test_whose_session_it_is(emulator: Emulator, ask: Ask) -> None:
    """Both given: an unassigned session is assigned; another's is refused; an unknown PATCHed one is 404."""
    _, other = await ask("POST", "/v1/profiles", first_name="Other")
    page = {"action": "page.viewed", "session": "2KAGgAgm"}
    assert (await ask("POST", "/v1/attribution/events", **page, profile="MzYwlE50"))[0] == 200
    assert (await ask("POST", "/v1/attribution/events", **page, profile=other["id"]))[0] == 422
    await ask("POST", "/v1/attribution/events", **page)
    assert emulator.events[-1]["profile"] == "MzYwlE50"
    status, session = await ask("PATCH", "/v1/sessions/2KAGgAgm", profile="MzYwlE50", session="2KAGgAgm")
    assert (status, session["profile"]) == (200, "MzYwlE50")
    assert (await ask("PATCH", "/v1/sessions/unknown", profile="MzYwlE50"))[0] == 404


async def test_an_order_event_of_a_known_profile_counts_once(emulator: Emulator, ask: Ask) -> None:
    """Per order and action; other events count every time."""
    placed = {"action": "order.placed", "order": "wx4Vn4no"}
    for _ in range(3):
        await ask("POST", "/v1/attribution/events", **placed, profile="MzYwlE50")
    assert emulator.counts["order.placed"] == 1
    for _ in range(3):
        await ask("POST", "/v1/attribution/events", **placed, session="anonymous")
    assert emulator.counts["order.placed"] == 4


async def test_the_public_routes_take_what_the_vendors_clients_send(emulator: Emulator) -> None:
    """With the business id as bearer; answered first, wrong ones too; session null, unknown parameters."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {emulator.business_id}"}) as session:
        for path, body in (
            (
                "/v1/track/events",
                {"session": None, "action": "page.viewed", "user_parameters": {}, "page": {"url": "https://x"}},
            ),
            ("/v1/track/events", {"session": "s", "action": "page.viewed", "test_param": 1, "utm_params": {}}),
            ("/v1/track/sessions", {}),
            ("/v1/public/acks", {"utm_params": {}, "session": "s", "at": "2026-01-01"}),
            ("/v1/public/identifications", {"session": "s", "user_id": "7"}),
        ):
            async with session.post(emulator.url + path, json=body) as response:
                assert response.status in (200, 201), path
        async with session.get(emulator.url + "/v1/profiles") as response:
            assert response.status == 401
    assert emulator.counts["page.viewed"] == 1


async def test_collections_are_paged_in_both_directions(ask: Ask) -> None:
    """Newest first, after and before an id, has_more present, each item once."""
    for n in range(60):
        await ask("POST", "/v1/lists", name=f"L{n}")
    seen: list[str] = []
    query: dict[str, Any] = {}
    while True:
        _, page = await ask("GET", "/v1/lists", **query)
        seen += [one["name"] for one in page["lists"]]
        if not page["has_more"]:
            break
        query = {"starting_after": page["lists"][-1]["id"]}
    assert seen == [*(f"L{n}" for n in reversed(range(60))), "Seconds", "Greens"]
    _, page = await ask("GET", "/v1/lists", ending_before=page["lists"][-1]["id"], limit=3)
    assert [one["name"] for one in page["lists"]] == ["L1", "L0", "Seconds"]
    for wrong in ({"limit": 0}, {"limit": "x"}, {"starting_after": "none"}):
        assert (await ask("GET", "/v1/lists", **wrong))[0] == 400


async def test_profiles_are_listed_in_three_orders(ask: Ask) -> None:
    """By activity by default."""
    for last in ("Charlie", "Alpha", "Bravo"):
        await ask("POST", "/v1/profiles", last_name=last)
    _, page = await ask("GET", "/v1/profiles")
    first = page["profiles"][-2]["id"]
    await ask("PATCH", f"/v1/profiles/{first}", first_name="active")
    names = [p["last_name"] for p in (await ask("GET", "/v1/profiles"))[1]["profiles"]]
    assert names[0] == "Charlie"
    names = [p["last_name"] for p in (await ask("GET", "/v1/profiles", sort="alphabetically"))[1]["profiles"]]
    assert names == ["Alpha", "Bravo", "Charlie", "Coyote"]
    assert (await ask("GET", "/v1/profiles", sort="wrong"))[0] == 400


async def test_a_rate_limit_can_be_imposed_and_changed_while_it_runs(emulator: Emulator, ask: Ask) -> None:
    """429 with errors JSON, and Retry-After in seconds, as a date or not at all."""
    for header in (True, "date", False):
        emulator.rate_limit = RateLimit(1, burst=1, retry_after=header)
        assert (await ask("GET", "/v1/lists"))[0] == 200
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {emulator.token}"}) as session,
            session.get(emulator.url + "/v1/lists") as response,
        ):
            assert response.status == 429
            assert ("Retry-After" in response.headers) is bool(header)
    emulator.rate_limit = None
    assert (await ask("GET", "/v1/lists"))[0] == 200


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "garbage", "truncate"])
async def test_a_fault_breaks_one_request_and_applies_it_or_not(emulator: Emulator, ask: Ask, kind: Any) -> None:
    """drop_before applies nothing; the others apply and send a broken answer; the next request is answered."""
    emulator.faults.add(Fault(kind))
    with pytest.raises((aiohttp.ClientError, asyncio.TimeoutError)):
        await ask("POST", "/v1/attribution/events", action="page.viewed", session="s")
    assert emulator.counts["page.viewed"] == (0 if kind == "drop_before" else 1)
    assert (await ask("POST", "/v1/attribution/events", action="page.viewed", session="s"))[0] == 200


async def test_what_is_asked_is_remembered_without_the_token(emulator: Emulator, ask: Ask) -> None:
    """The history is bounded, the counts are not."""
    await ask("POST", "/v1/lists", name="x")
    seen = emulator.requests[-1]
    assert (seen.method, seen.path, seen.body, seen.status) == ("POST", "/v1/lists", {"name": "x"}, 201)
    assert emulator.token not in repr(seen.headers)
    assert emulator.statuses[201] == 1


async def test_invalid_requests_are_refused_and_never_break_it(emulator: Emulator) -> None:
    """Unknown routes, methods and ids, and bodies of all kinds: 4xx with errors JSON, never 500."""
    chance = random.Random(5)
    paths = ["/v1/profiles", "/v1/lists/Greens", "/v1/attribution/events", "/v1/coupons", "/v1/nothing", "/", "/v1/properties",
             "/v1/lists/%2e%2e/x", "/v1/profiles/MzYwlE50", "/v1/track/events", "/v1/profiles/MzYwlE50/verify"]  # fmt: skip
    bodies: list[bytes] = [b"", b"{", b"[]", b"null", b"\xff", b'{"action":{}}', b'{"email":[],"phone":{},"address":5,"lists":5}',
              b'{"action":"cart.added","session":5,"products":[null]}', b'{"name":{"a":1},"code":[],"kind":7,"position":{}}',
              b'{"action":"order.placed","order":{},"session":"s"}', b"a[b][c]=1&=&%", b"{}" * 10, b"[" * 5000]  # fmt: skip
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {emulator.token}"}) as session:
        for _ in range(400):
            method = chance.choice(["GET", "POST", "PATCH", "DELETE", "PUT"])
            kind = chance.choice(["application/json", "application/x-www-form-urlencoded", "text/plain"])
            async with session.request(
                method, emulator.url + chance.choice(paths), data=chance.choice(bodies), headers={"Content-Type": kind}
            ) as response:
                assert response.status < 500
                answer = await response.json()
                assert response.status < 400 or "errors" in answer


async def test_of_two_alike_the_older_is_found_also_after_a_change(ask: Ask) -> None:
    """An update that keeps the reference does not put the younger one first."""
    _, older = await ask("POST", "/v1/attribution/products", name="Soap", reference="r-1")
    await ask("POST", "/v1/attribution/products", name="Soap", reference="r-1")
    await ask("PATCH", f"/v1/attribution/products/{older['id']}", name="Olive soap", reference="r-1")
    _, found = await ask("GET", "/v1/attribution/products/r-1")
    assert found["id"] == older["id"]
