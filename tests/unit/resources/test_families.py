"""What the families have in common: every verb's request, and what is refused before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hellotext_async import Families, Hellotext, resources
from hellotext_async._events.known_keys import UnknownParameterWarning, forget_warnings
from hellotext_async._wire.codec import Answer
from hellotext_async._wire.money import Money
from hellotext_async.errors import InvalidParameter
from hellotext_async.resources._product import Product, ProductVariant
from hellotext_async.resources._verbs import Family
from hellotext_async.resources.actions import Action, Actions
from hellotext_async.resources.apps import App, Apps
from hellotext_async.resources.carts import Cart, Carts
from hellotext_async.resources.coupons import Coupon, Coupons
from hellotext_async.resources.lists import ProfileList, ProfileLists
from hellotext_async.resources.messages import Message, Messages, Received
from hellotext_async.resources.objects import Objects, ObjectStructure
from hellotext_async.resources.orders import Order, OrderLine, Orders
from hellotext_async.resources.products import Products
from hellotext_async.resources.properties import Properties, Property
from hellotext_async.resources.templates import Template, Templates
from tests.unit.recording import Recording

FAMILIES: list[tuple[Callable[[Recording], Any], type[Answer], str, str, dict[str, Any], dict[str, Any]]] = [
    (
        Actions, Action, "/v1/attribution/actions", "actions",
        {"name": "signup_form.completed", "title": "Signup", "goal": True, "passive": False},
        {"name": "contact.subscribed", "title": None},
    ),
    (
        Apps, App, "/v1/attribution/apps", "apps",
        {"name": "Beauty & Care", "image_url": None, "metadata": {"a": [1]}},
        {"image_url": "https://www.beautyandcare.com/apps/awesome.jpg"},
    ),
    (
        Carts, Cart, "/v1/attribution/carts", "carts",
        {"reference": "c-1", "source": "shop", "items": [{"product": "vxqQJ3Yg", "quantity": 2}]},
        {"reference": 7, "items": []},
    ),
    (
        Coupons, Coupon, "/v1/coupons", "coupons",
        {"code": "SALE", "description": "15 % off", "destination_url": "https://www.myshop.com", "reference": 5},
        {"code": "SALE15", "description": None},
    ),
    (
        Objects, ObjectStructure, "/v1/objects", "objects",
        {"name": "appointment", "title": "Appointments", "properties": [{"kind": "text", "name": "room"}]},
        {"title": "Visits", "properties": []},
    ),
    (
        Orders, Order, "/v1/attribution/orders", "orders",
        {"reference": "o-1", "source": "shop", "delivery": "deliver", "items": [{"product": "s-1", "quantity": 2}]},
        {"payment_method": "Visa", "metadata": {"warehouse": "main"}},
    ),
    (
        Products, Product, "/v1/attribution/products", "products",
        {"name": "Soap", "sku": "s-1", "price": {"amount": 9, "currency": "USD"}, "tags": ["a"], "variants": [{}]},
        {"brand": "ACME", "variants": []},
    ),
    (
        Templates, Template, "/v1/templates", "templates",
        {"name": "Ready", "body": "Hi", "technology": "any", "category": "utility", "buttons": [{"type": "url"}]},
        {"body": "Hi", "technology": "sms", "category": "utility", "footer": "Bye"},
    ),
    (ProfileLists, ProfileList, "/v1/lists", "lists", {"name": "Beauty & Care"}, {"name": "Loyal customers"}),
    (
        Properties, Property, "/v1/properties", "properties",
        {"kind": "email", "name": "Work", "profile": "MzYwlE50", "unique": True},
        {"name": "Renamed", "position": 3, "unique": False},
    ),
]  # fmt: skip


def test_no_family_is_longer_than_80_lines() -> None:
    """What families share is declared once, in the files that begin with ``_``."""
    lines = {file.name: len(file.read_text().splitlines()) for file in Path(resources.__file__).parent.glob("[!_]*.py")}
    assert len(lines) == 14
    assert {name: count for name, count in lines.items() if count > 80} == {}


each = pytest.mark.parametrize(
    ("family", "item", "path", "key", "new", "changes"), FAMILIES, ids=[row[3] for row in FAMILIES]
)


@each
async def test_every_verb_asks_what_is_documented(
    family: Any, item: Any, path: str, key: str, new: Any, changes: Any
) -> None:
    """Method, path, body and type of the answer, for each verb."""
    sends = Recording({"id": "new", "deleted": True, "type": "it", key: [{"id": "a"}]})
    verbs = family(sends)
    assert isinstance(await verbs.create(**new), item)
    assert sends.body == new
    assert (await verbs.retrieve("x1")).id == "new"
    assert isinstance(await verbs.update("x1", **changes), item)
    assert sends.body == changes
    if hasattr(verbs, "delete"):  # no delete of orders is documented
        assert (await verbs.delete("x1")).deleted is True
    assert [type(found) for found in (await verbs.list(limit=5)).items] == [item]
    one = f"{path}/x1"
    wanted: list[Any] = [("POST", path), ("GET", one), ("PATCH", one), ("DELETE", one), ("GET", f"{path}?limit=5")]
    classes = ["non_idempotent", "safe", "idempotent", "idempotent", "safe"]
    if not hasattr(verbs, "delete"):
        del wanted[3], classes[3]
    assert sends.asked == wanted
    assert [call.idempotency for call in sends.calls] == classes


@each
async def test_a_keyword_that_is_not_there_is_refused_when_awaited(
    family: Any, item: Any, path: str, key: str, new: Any, changes: Any
) -> None:
    """Nothing is sent, and nothing is raised before the await."""
    sends = Recording()
    verbs = family(sends)
    for asking in (verbs.create(**new, colour="red"), verbs.update("x1", colour="red")):
        with pytest.raises(InvalidParameter) as caught:
            await asking
        assert caught.value.parameter == "colour"
    assert not sends.calls


@each
async def test_a_value_of_the_wrong_type_is_refused_by_its_name(
    family: Any, item: Any, path: str, key: str, new: Any, changes: Any
) -> None:
    """Every keyword of create and update, one at a time."""
    sends = Recording()
    verbs = family(sends)
    for given, verb in ((new, verbs.create), (changes, lambda **more: verbs.update("x1", **more))):
        for name in given:
            with pytest.raises(InvalidParameter) as caught:
                await verb(**{**given, name: object()})
            assert caught.value.parameter == name
            with pytest.raises(InvalidParameter) as caught:
                await verb(**{**given, name: 1.5})
            assert caught.value.parameter == name
    assert not sends.calls


@each
async def test_an_id_that_is_none_is_refused(
    family: Any, item: Any, path: str, key: str, new: Any, changes: Any
) -> None:
    """Before anything is sent, when awaited."""
    sends = Recording()
    verbs = family(sends)
    for wrong in ("", "..", 5, None):
        deleting = [verbs.delete(wrong)] if hasattr(verbs, "delete") else []
        for asking in (verbs.retrieve(wrong), verbs.update(wrong, **changes), *deleting):
            with pytest.raises(InvalidParameter) as caught:
                await asking
            assert caught.value.parameter in ("id", "id_or_name")
    assert not sends.calls


@pytest.mark.parametrize(
    ("family", "given", "name"),
    [(Actions, {"title": "a"}, "name"), (Apps, {}, "name"), (Coupons, {}, "code"), (ProfileLists, {}, "name"),
     (Properties, {"name": "a"}, "kind"), (Products, {"sku": "a"}, "name"), (Objects, {"name": "a"}, "title"),
     (Templates, {"name": "a"}, "body")],
)  # fmt: skip
async def test_what_is_required_is_named(family: type[Family], given: dict[str, Any], name: str) -> None:
    """Required by the API's document."""
    verbs: Any = family(Recording())
    with pytest.raises(InvalidParameter) as caught:
        await verbs.create(**given)
    assert (caught.value.parameter, caught.value.problem) == (name, "required")


async def test_a_retried_delete_that_gets_404_is_deleted() -> None:
    """The answer is the same as the first one's."""
    sends = Recording({"id": "x1", "type": "coupon", "deleted": True})
    deleted = await Coupons(sends).delete("x1")
    assert sends.calls[0].if_missing == deleted


async def test_a_template_is_updated_as_a_whole() -> None:
    """The signature requires fields that the API would otherwise replace by a default."""
    sends = Recording()
    whole: Any = {"body": "Hi", "technology": "sms", "category": "utility"}
    for name in whole:
        with pytest.raises(InvalidParameter) as caught:
            await Templates(sends).update("x", **{key: value for key, value in whole.items() if key != name})
        assert (caught.value.parameter, caught.value.problem) == (name, "required")
    assert not sends.calls


async def test_a_message_is_sent_at_most_once() -> None:
    """By its own idempotency class; it can be listed and retrieved as any other object."""
    sends = Recording({"status": "received", "messages": [{"id": "m", "profile": 7}], "id": "m"})
    messages = Messages(sends)
    received = await messages.send(
        profile="p", technology="sms", template={"id": "t", "shortlinks": {"a": "https://x"}}
    )
    assert (type(received), received.status) == (Received, "received")
    assert (sends.asked[0], sends.calls[0].idempotency) == (("POST", "/v1/messages"), "at_most_once")
    assert sends.body == {
        "profile": "p", "technology": "sms", "template": {"id": "t", "shortlinks": {"a": "https://x"}},
    }  # fmt: skip
    assert (await messages.list()).items == [Message(id="m", profile="7")]
    assert (await messages.retrieve("m")).id == "m"
    for given, name in (({"technology": "fax"}, "technology"), ({"text": "Hi"}, "text"), ({"body": 5}, "body")):
        with pytest.raises(InvalidParameter) as caught:
            await messages.send(**given)  # type: ignore[typeddict-item]
        assert caught.value.parameter == name


async def test_variants_are_verbs_of_products() -> None:
    """By id, reference or SKU, as products are."""
    sends = Recording({"id": "v", "deleted": True})
    products = Products(sends)
    assert (
        type(await products.create_variant("shoes/1", name="42", price=Money(Decimal("9.50"), "USD"))) is ProductVariant
    )
    assert sends.body == {"name": "42", "price": {"amount": 9.5, "currency": "USD"}}
    await products.retrieve_variant("shoes 42")
    await products.update_variant("shoes-42", sku="s")
    assert (await products.delete_variant("v")).deleted
    await products.update("shoes/1", variants=[])
    assert sends.body == {"variants": []}
    one = "/v1/attribution/variants/"
    assert sends.asked == [
        ("POST", "/v1/attribution/products/shoes%2F1/variants"), ("GET", f"{one}shoes%2042"),
        ("PATCH", f"{one}shoes-42"), ("DELETE", f"{one}v"), ("PATCH", "/v1/attribution/products/shoes%2F1"),
    ]  # fmt: skip
    assert sends.calls[0].idempotency == "non_idempotent"
    with pytest.raises(InvalidParameter) as caught:
        await products.update("shoes", variants=None)  # type: ignore[typeddict-item]
    assert caught.value.parameter == "variants"
    with pytest.raises(InvalidParameter) as caught:
        await products.create_variant("shoes")  # type: ignore[call-arg]
    assert caught.value.parameter == "name"


async def test_an_order_has_exact_money() -> None:
    """In its lines and its total; a price is sent with the digits that were given."""
    price = {"amount": "44.95", "currency": "USD"}
    sends = Recording({"id": "o", "reference": 7, "items": [{"id": 1, "product": {"id": "p"}, "quantity": 2, "price": price}],
                       "total": {"amount": 89.90, "currency": "USD", "converted_amount": 3596}})  # fmt: skip
    order = await Orders(sends).create(items=[{"product": "p", "price": Money(Decimal("44.950"), "USD")}])
    assert b'"amount":44.950' in (sends.requests[0].body or b"")
    assert order.items[0] == OrderLine(id="1", product={"id": "p"}, quantity=2, price=Money(Decimal("44.95"), "USD"))
    assert order.total == Money(Decimal("89.9"), "USD", Decimal(3596))
    assert order.to_dict()["items"][0]["price"]["amount"] == Decimal("44.95")


async def test_a_misspelt_key_inside_a_field_is_warned_of() -> None:
    """And is sent, since the vendor may know it."""
    forget_warnings()
    sends = Recording()
    with pytest.warns(UnknownParameterWarning, match="'quantity'"):
        await Orders(sends).create(items=[{"product": "p", "quantyty": 1}])  # type: ignore[typeddict-unknown-key]
    assert sends.body == {"items": [{"product": "p", "quantyty": 1}]}


MISSPELT: list[tuple[Callable[[Families], Any], str]] = [
    (lambda client: client.orders.create(items=[{"product": "p", "quantyty": 1}]), "items[0].quantyty"),
    (lambda client: client.products.create(name="p", price={"amount": 1, "curency": "USD"}), "price.curency"),
    (lambda client: client.products.update("p", variants=[{"name": "v", "skuu": "s"}]), "variants[0].skuu"),
    (lambda client: client.products.upsert(name="p", sku="s", variants=[{"nam": "v"}]), "variants[0].nam"),
    (lambda client: client.products.create_variant("p", name="v", price={"amout": 1}), "price.amout"),
    (lambda client: client.products.update_variant("v", price={"amout": 1}), "price.amout"),
    (lambda client: client.objects.create(name="n", title="t", properties=[{"kind": "text", "name": "n", "uniqe": True}]),
     "properties[0].uniqe"),
    (lambda client: client.messages.send(profile="p", template={"id": "t", "short_links": {}}), "template.short_links"),
]  # fmt: skip


@pytest.mark.parametrize(("asking", "place"), MISSPELT, ids=[place for _, place in MISSPELT])
async def test_a_strict_client_refuses_a_misspelt_key_inside_a_field(
    asking: Callable[[Families], Any], place: str
) -> None:
    """The error has its path, in creates and in updates, through views too."""
    async with Hellotext("t", enabled=False, strict=True) as client:
        for families in (client, client.with_options(wait=0)):
            with pytest.raises(InvalidParameter, match="the client is strict; did you mean") as caught:
                await asking(families)
            assert caught.value.parameter == place


async def test_values_inside_are_named_by_their_place() -> None:
    """NaN in metadata, an item of a cart that is no mapping, text that UTF-8 cannot carry where none belongs."""
    for asking, place in (
        (Apps(Recording()).create(name="a", metadata="\ud800"), "metadata"),  # type: ignore[arg-type]
        (Actions(Recording()).create(name="a", goal="\ud800"), "goal"),  # type: ignore[arg-type]
        (Apps(Recording()).create(name="a", metadata={"a": [0, float("nan")]}), "metadata.a[1]"),
        (Carts(Recording()).create(items=[5]), "items[0]"),  # type: ignore[list-item]
    ):
        with pytest.raises(InvalidParameter) as caught:
            await asking  # type: ignore[misc]
        assert caught.value.parameter == place


@pytest.mark.parametrize("kind", ["address", "email", "phone"])
@pytest.mark.parametrize("profile", [{}, {"profile": None}, {"profile": ""}])
async def test_a_property_of_one_profile_needs_the_profile(kind: Any, profile: Any) -> None:
    """Addresses, e-mails and phones belong to one."""
    sends = Recording()
    with pytest.raises(InvalidParameter) as caught:
        await Properties(sends).create(kind=kind, **profile)
    assert caught.value.parameter == "profile"
    assert not sends.calls


async def test_a_property_kind_that_cannot_be_created_is_refused() -> None:
    """The error lists the valid ones."""
    with pytest.raises(InvalidParameter) as caught:
        await Properties(Recording()).create(kind="gender")  # type: ignore[arg-type]
    assert caught.value.problem.startswith("expected one of: address, email, phone, checkbox")


async def test_a_property_goes_to_the_bottom_with_an_empty_position() -> None:
    """None is sent as the document's empty text; an argument that is not passed is not sent."""
    sends = Recording()
    await Properties(sends).update("x1", position=None)
    assert sends.body == {"position": ""}
    await Properties(sends).update("x1", unique=True)
    assert sends.body == {"unique": True}


async def test_a_list_goes_by_name_too() -> None:
    """In every verb, quoted as one segment."""
    sends = Recording({"id": "x"})
    lists = ProfileLists(sends)
    await lists.retrieve("Beauty & Care")
    await lists.update("a/b", name="c")
    await lists.delete("50%")
    await lists.add_profile("Greens", "MzYwlE50")
    await lists.remove_profile("zN4Xx4Km", "MzYwlE50")
    assert sends.asked == [
        ("GET", "/v1/lists/Beauty%20%26%20Care"),
        ("PATCH", "/v1/lists/a%2Fb"),
        ("DELETE", "/v1/lists/50%25"),
        ("POST", "/v1/lists/Greens/profiles/MzYwlE50"),
        ("DELETE", "/v1/lists/zN4Xx4Km/profiles/MzYwlE50"),
    ]
    assert {call.idempotency for call in sends.calls[-2:]} == {"idempotent"}
    with pytest.raises(InvalidParameter) as caught:
        await lists.add_profile("Greens", "a/b")
    assert caught.value.parameter == "profile"


@pytest.mark.parametrize("wrong", ["", "..", "a\n", "\ud800", None, 5.0])
async def test_what_cannot_be_looked_up_is_named_as_it_was_given(wrong: Any) -> None:
    """The key of an upsert, the name of `ensure`: not the place in the path that they would have."""
    sends = Recording()
    for asking, name in (
        (Products(sends).upsert(name="p", sku=wrong), "sku"),
        (Products(sends).upsert(name="p", reference=wrong), "reference"),
        (ProfileLists(sends).ensure(wrong), "name"),
    ):
        with pytest.raises(InvalidParameter) as caught:
            await asking
        assert caught.value.parameter == name
    assert not sends.calls
