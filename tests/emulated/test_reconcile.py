"""Requests whose outcome is unknown are looked up: every verdict is right, and only GETs are sent."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hellotext_async import (
    DeadLetters,
    Hellotext,
    HellotextError,
    InvalidParameter,
    OutcomeUnknown,
    Reconciled,
    Retry,
    ServerError,
    SqliteSpool,
)
from hellotext_async.emulator import Emulator, Fault


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        emulator.store.seed_document()
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[Hellotext]:
    async with Hellotext(token=emulator.token, base_url=emulator.url, retry=Retry(attempts=1)) as client:
        yield client


def posts(emulator: Emulator) -> int:
    return sum(seen.method != "GET" for seen in emulator.requests)


async def fail(asking: Awaitable[Any]) -> HellotextError:
    with pytest.raises((OutcomeUnknown, ServerError)) as caught:
        await asking
    return caught.value


Ask = Callable[[Hellotext, int], Awaitable[Any]]
CREATES: dict[str, Ask] = {
    "actions": lambda client, n: client.actions.create(name=f"thing.happened_{n}"),
    "apps": lambda client, n: client.apps.create(name=f"App {n}"),
    "carts": lambda client, n: client.carts.create(reference=f"c-{n}", source="shop"),
    "coupons": lambda client, n: client.coupons.create(code=f"SALE{n}"),
    "lists": lambda client, n: client.lists.create(name=f"List {n}"),
    "objects": lambda client, n: client.objects.create(name=f"trip_{n}", title="Trips"),
    "orders": lambda client, n: client.orders.create(reference=n, source="shop"),
    "products": lambda client, n: client.products.create(name="Soap", reference=f"p-{n}"),
    "products by sku": lambda client, n: client.products.create(name="Soap", sku=f"s-{n}"),
    "profiles": lambda client, n: client.profiles.create(first_name="Will", phone=f"+598990{n:05}"),
    "profiles by e-mail": lambda client, n: client.profiles.create(email={"work": f"w{n}@acme.com"}),
    "properties": lambda client, n: client.properties.create(kind="text", name=f"Colour {n}"),
    "templates": lambda client, n: client.templates.create(name=f"Ready {n}", body="Hi"),
    "messages": lambda client, n: client.messages.send(profile="MzYwlE50", body=f"Hi {n}", technology="sms"),
    "order events": lambda client, n: client.events.track(
        "order.placed", session=f"s{n}", order_parameters={"reference": f"o-{n}", "source": "shop"}
    ),
    "order events in the newer form": lambda client, n: client.events.track(
        "order.placed", session=f"s{n}", object_parameters={"reference": f"oo-{n}"}
    ),
}


async def test_half_of_all_answers_are_lost_and_every_verdict_is_right(client: Hellotext, emulator: Emulator) -> None:
    """Of 16 kinds of requests, those that were applied are distinguished from those that were not, with 0 POSTs."""
    chance = random.Random(5)
    errors: list[HellotextError] = []
    applied: list[bool] = []
    for kind, ask in CREATES.items():
        for number in range(12):
            await ask(client, 1000 + number)  # other objects exist
            applied.append(chance.random() < 0.5)
            emulator.faults.add(Fault("drop_after" if applied[-1] else "drop_before", match="POST *"))
            errors.append(await fail(ask(client, number)))
        assert len(errors) == 12 * (list(CREATES).index(kind) + 1)
    before = posts(emulator)
    found = await client.reconcile(errors, settle=0)
    assert posts(emulator) == before
    wrong = [
        (kind, one.verdict)
        for place, one in enumerate(found)
        if (one.verdict == "delivered") != applied[place] or one.verdict == "unknown" or one.of is not errors[place]
        for kind in [list(CREATES)[place // 12]]
    ]
    assert wrong == []
    assert all(one.id for one in found if one.verdict == "delivered")
    gets = sum(seen.method == "GET" for seen in emulator.requests)
    assert gets < 60  # each collection is read once


UNANSWERABLE: list[tuple[Ask, str]] = [
    (lambda client, n: client.events.track("page.viewed", session="s"), "the API shows no events"),
    (lambda client, n: client.events.track("order.placed", session="s", order="wx4Vn4no"), "the API shows no events"),
    (lambda client, n: client.events.track("refund.received", session="s", refund_parameters={"reference": 1}),
     "the API shows no events"),
    (lambda client, n: client.orders.create(name="#1"), "nothing that identifies it"),
    (lambda client, n: client.profiles.create(first_name="Will"), "no e-mail"),
    (lambda client, n: client.profiles.create(phone="099000001"), "no phone in e164"),
    (lambda client, n: client.products.create_variant("vxqQJ3Yg", name="L"), "no list of the API"),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "reason"), UNANSWERABLE)
async def test_what_the_api_cannot_answer_stays_unknown(
    client: Hellotext, emulator: Emulator, ask: Ask, reason: str
) -> None:
    """The verdict names the reason."""
    emulator.faults.add(Fault("drop_after", match="POST *"))
    (found,) = await client.reconcile(await fail(ask(client, 1)), settle=0)
    assert found.verdict == "unknown"
    assert reason in found.reason


async def test_events_that_share_an_object_are_not_distinguished(client: Hellotext, emulator: Emulator) -> None:
    """A product that exists may come from another view; one that does not exist proves that it was not applied."""
    for kind, reference in (("drop_after", "a"), ("drop_before", "b")):
        emulator.faults.add(Fault(kind, match="POST *"))  # type: ignore[arg-type]
        error = await fail(
            client.events.track("product.viewed", session="s", product_parameters={"name": "A", "reference": reference})
        )
        (found,) = await client.reconcile(error, settle=0)
        assert found.verdict == ("unknown" if kind == "drop_after" else "not_delivered")
    emulator.faults.add(Fault("drop_before", match="POST *"))
    error = await fail(client.events.track("order.shipped", session="s", order_parameters={"reference": "c"}))
    await client.orders.create(reference="c")
    assert (await client.reconcile(error, settle=0))[0].verdict == "unknown"


async def test_two_alike_of_which_one_is_found_stay_unknown(client: Hellotext, emulator: Emulator) -> None:
    """If both or neither are found, both are decided."""
    for applied, verdict in ((2, "delivered"), (1, "unknown"), (0, "not_delivered")):
        errors = []
        for number in range(2):
            kind: Any = "drop_after" if number < applied else "drop_before"
            emulator.faults.add(Fault(kind, match="POST *"))
            errors.append(await fail(client.messages.send(profile="MzYwlE50", body=f"Alike {applied}")))
        found = await client.reconcile(errors, settle=0)
        assert [one.verdict for one in found] == [verdict] * 2
        assert len({one.id for one in found if one.id}) == (2 if applied == 2 else 0)


async def test_one_from_before_is_no_evidence(client: Hellotext, emulator: Emulator) -> None:
    """A second order with the same reference was not made; an event may have been about the existing one."""
    old = await client.orders.create(reference="o-1")
    event = {"session": "s", "order_parameters": {"reference": "o-1"}}
    emulator.store.orders.change(emulator.store.orders.get(old.id), created_at=1_700_000_000)
    emulator.faults.add(Fault("drop_before", match="POST *", times=2))
    errors = [await fail(client.orders.create(reference="o-1"))]
    errors.append(await fail(client.events.track("order.placed", **event)))  # type: ignore[arg-type]
    assert [one.verdict for one in await client.reconcile(*errors, settle=0)] == ["not_delivered", "unknown"]


async def test_an_earlier_profile_counts_if_it_has_all_that_was_sent(client: Hellotext, emulator: Emulator) -> None:
    """A create that matches a contact updates the profile that has it."""
    emulator.store.profiles.get("MzYwlE50")["first_name"] = "Before"
    emulator.faults.add(Fault("drop_after", match="POST *"))
    errors = [await fail(client.profiles.create(email="will.e@acme.com", first_name="After"))]
    assert (await client.reconcile(errors, settle=0))[0].verdict == "delivered"
    emulator.faults.add(Fault("drop_before", match="POST *"))
    errors = [await fail(client.profiles.create(email="will.e@acme.com", first_name="Later"))]
    assert (await client.reconcile(errors, settle=0))[0].verdict == "unknown"


async def test_a_server_error_of_a_create_is_looked_up_too(client: Hellotext, emulator: Emulator) -> None:
    """It may have been applied."""
    emulator.faults.add(Fault("status", match="POST *", status=500))
    assert (await client.reconcile(await fail(client.coupons.create(code="A")), settle=0))[0].verdict == "not_delivered"


async def test_an_answer_that_was_cut_off_is_known(client: Hellotext, emulator: Emulator) -> None:
    """Its 2xx was read: nothing is looked up."""
    emulator.faults.add(Fault("truncate", match="POST *"))
    error = await fail(client.coupons.create(code="A"))
    count = len(emulator.requests)
    assert (await client.reconcile(error))[0].verdict == "delivered"
    assert len(emulator.requests) == count


async def test_an_absence_is_believed_later(client: Hellotext, emulator: Emulator) -> None:
    """An object that appears meanwhile is found by the second look-up."""
    emulator.faults.add(Fault("drop_before", match="POST *"))
    error = await fail(client.coupons.create(code="LATE"))
    listing = emulator.store.coupons.newest_first
    looks: list[int] = []

    def later() -> list[dict[str, Any]]:
        looks.append(1)
        if len(looks) == 2:
            emulator.store.new(emulator.store.coupons, code="LATE")
        return listing()

    emulator.store.coupons.newest_first = later  # type: ignore[method-assign]
    (found,) = await client.reconcile(error, settle=0.5)
    assert (found.verdict, len(looks)) == ("delivered", 2)


async def test_a_list_that_is_too_long_leaves_it_unknown(client: Hellotext, emulator: Emulator) -> None:
    """What was not read proves nothing."""
    for number in range(250):
        emulator.store.new(emulator.store.coupons, code=f"C{number}")
    emulator.faults.add(Fault("drop_before", match="POST *"))
    error = await fail(client.coupons.create(code="NEW"))
    assert (await client.reconcile(error, settle=0, pages=2))[0] == Reconciled(
        verdict="unknown", reason="the list is too long", of=error
    )
    assert (await client.reconcile(error, settle=0, pages=3))[0].verdict == "not_delivered"


async def test_what_was_asked_is_neither_shown_nor_pickled(client: Hellotext, emulator: Emulator) -> None:
    """It is a customer's data; after a pickle nothing can be looked up."""
    import pickle

    emulator.faults.add(Fault("drop_after", match="POST *"))
    error = await fail(client.profiles.create(phone="+59899000777"))
    (found,) = await client.reconcile(error, settle=0)
    assert "59899000777" not in f"{error!r}{error}{error.asked!r}{found!r}"
    copied = pickle.loads(pickle.dumps(error))
    assert b"59899000777" not in pickle.dumps(error)
    assert (await client.reconcile(copied))[0].reason == "what was sent is not at hand"
    for wrong in (["order"], "order", 5, None, [[error]]):
        with pytest.raises(InvalidParameter):
            await client.reconcile(wrong)  # type: ignore[arg-type]


async def test_dead_letters_are_looked_up(client: Hellotext, emulator: Emulator, tmp_path: Path) -> None:
    """By their payload; those with a known outcome are unchanged."""
    path = tmp_path / "dead.jsonl"
    async with client.event_queue(dead_letters=path) as queue:
        for number in range(10):
            kind: Any = "drop_after" if number % 2 else "drop_before"
            await (await queue.put("page.viewed", session="s"))  # or five failures in a row would be an outage
            emulator.faults.add(Fault(kind))
            await (await queue.put("order.placed", session=f"s{number}", order_parameters={"reference": f"o-{number}"}))
        emulator.faults.add(Fault("status", status=422))
        await (await queue.put("order.placed", session="s", order_parameters={"reference": "o-10"}))
    before = posts(emulator)
    found = await client.reconcile(list(DeadLetters(path)), settle=0)
    assert [one.verdict for one in found] == ["not_delivered", "delivered"] * 5 + ["unknown"]
    assert found[-1].reason == "it is known: rejected"
    assert posts(emulator) == before


@pytest.mark.parametrize("spool", [False, True])
async def test_the_outcomes_of_a_queue_are_looked_up(
    client: Hellotext, emulator: Emulator, tmp_path: Path, spool: bool
) -> None:
    """Also without dead letters: an unknown outcome keeps what was sent."""
    buffer = SqliteSpool(tmp_path / "events.db") if spool else None
    outcomes = []
    async with client.event_queue(buffer=buffer) as queue:
        for number in range(10):
            kind: Any = "drop_after" if number % 2 else "drop_before"
            await (await queue.put("page.viewed", session="s"))
            emulator.faults.add(Fault(kind))
            receipt = await queue.put(
                "order.placed", session=f"s{number}", order_parameters={"reference": f"o-{number}"}
            )
            outcomes.append(await receipt)
        outcomes.append(await (await queue.put("page.viewed", session="s")))
    assert [outcome.verdict for outcome in outcomes] == ["unknown"] * 10 + ["delivered"]
    before = posts(emulator)
    found = await client.reconcile(outcomes, settle=0)
    assert [one.verdict for one in found] == ["not_delivered", "delivered"] * 5 + ["delivered"]
    assert posts(emulator) == before


async def test_one_from_before_in_a_list_too_long_to_read_proves_nothing(client: Hellotext, emulator: Emulator) -> None:
    """The new object may be on a page that was not read."""
    for n in range(150):
        emulator.store.coupons.add({"id": f"c{n}", "type": "coupon", "created_at": n, "code": f"OLD{n}"})
    emulator.faults.add(Fault("drop_before", match="POST *"))
    error = await fail(client.coupons.create(code="OLD149"))
    for pages, verdict, reason in ((1, "unknown", "too long"), (2, "not_delivered", "only one from before")):
        (found,) = await client.reconcile([error], settle=0, pages=pages)
        assert (found.verdict, reason in found.reason) == (verdict, True), found


async def test_the_same_reference_of_another_source_is_another_order(client: Hellotext, emulator: Emulator) -> None:
    """It is not evidence."""
    await client.orders.create(reference="o-1", source="shop")
    emulator.faults.add(Fault("drop_before", match="POST *"))
    error = await fail(client.orders.create(reference="o-1", source="web"))
    assert (await client.reconcile(error, settle=0))[0].verdict == "not_delivered"
