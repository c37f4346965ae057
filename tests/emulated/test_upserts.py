"""Find, then create or update: with concurrent callers, and with answers that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hellotext_async import Hellotext, InvalidParameter, Retry, ValidationFailed
from hellotext_async.emulator import Emulator, Fault


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[Hellotext]:
    async with Hellotext(token=emulator.token, base_url=emulator.url, retry=Retry(base=0.001)) as client:
        yield client


async def test_a_list_is_made_once(client: Hellotext, emulator: Emulator) -> None:
    """By one call, by two at once, and when the answer to the create is lost."""
    first = await client.lists.ensure("Greens")
    assert await client.lists.ensure("Greens") == first
    found = await asyncio.gather(*(client.lists.ensure("Blues") for _ in range(8)))
    assert len({one.id for one in found}) == 1
    emulator.faults.add(Fault("drop_after", match="POST /v1/lists"))
    reds = await client.lists.ensure("Reds")
    assert sorted(one["name"] for one in emulator.store.lists) == ["Blues", "Greens", "Reds"]
    assert reds.name == "Reds"
    assert sum(seen.method == "POST" and seen.body == {"name": "Reds"} for seen in emulator.requests) == 1


async def test_a_list_that_has_the_name_as_its_id_is_another(client: Hellotext, emulator: Emulator) -> None:
    """The API accepts both in the same place."""
    emulator.store.lists.add({"id": "Greens", "type": "list", "created_at": 1, "name": "Other"})
    assert (await client.lists.ensure("Greens")).id != "Greens"


async def test_a_product_is_created_then_updated(client: Hellotext, emulator: Emulator) -> None:
    """By its reference and source, otherwise by its SKU."""
    made = await client.products.upsert(name="Soap", reference=7, source="shop", sku="s-7")
    again = await client.products.upsert(name="Olive soap", reference=7, source="shop")
    assert (again.id, again.name, again.sku) == (made.id, "Olive soap", "s-7")
    assert (await client.products.upsert(name="Best soap", sku="s-7")).id == made.id
    other = await client.products.upsert(name="Soap", reference=7, source="market")
    assert other.id != made.id
    assert (await client.products.upsert(name="Soap!", reference=7, source="market")).id == other.id
    assert len(emulator.store.products) == 2
    with pytest.raises(InvalidParameter) as caught:
        await client.products.upsert(name="Soap")
    assert caught.value.parameter == "reference"


async def test_programs_that_upsert_at_once_keep_one_product(client: Hellotext, emulator: Emulator) -> None:
    """Whichever request arrives first; and with a single program, also when its answer is lost."""
    found = await asyncio.gather(*(client.products.upsert(name=f"Soap {n}", reference="r-1") for n in range(8)))
    assert len({one.id for one in found}) == len(emulator.store.products) == 1
    emulator.faults.add(Fault("drop_after", match="POST /v1/attribution/products"))
    assert (await client.products.upsert(name="Towel", reference="r-2")).name == "Towel"
    assert len(emulator.store.products) == 2


async def test_a_profile_is_matched_by_its_contacts(client: Hellotext, emulator: Emulator) -> None:
    """After a lost answer it is looked up, and no profile is duplicated."""
    made = await client.profiles.upsert(phone="+59899000001", first_name="Will")
    emulator.faults.add(Fault("drop_after", match="POST /v1/profiles"))
    assert (await client.profiles.upsert(phone={"work": "+59899000001"}, last_name="Coyote")).id == made.id
    assert len(emulator.store.profiles) == 1
    profile = await client.profiles.retrieve(made.id)
    assert (profile.first_name, profile.last_name) == ("Will", "Coyote")
    with pytest.raises(InvalidParameter) as caught:
        await client.profiles.upsert(first_name="Nobody")
    assert caught.value.parameter == "phone"


async def test_a_contact_that_is_taken_is_searched_for(client: Hellotext, emulator: Emulator) -> None:
    """Where the API refuses the contact instead of matching it; a refusal for another reason is raised."""
    made = await client.profiles.create(email="a@b.c")
    for _ in range(30):  # it is not on the first page
        await client.profiles.create(first_name="Other")
    refusal = {"errors": [{"type": "identity_assigned_already", "parameter": "email"}]}
    emulator.store.profiles.create = _refusing(refusal)  # type: ignore[method-assign]
    assert (await client.profiles.upsert(email="a@b.c", last_name="Coyote")).id == made.id
    assert (await client.profiles.retrieve(made.id)).last_name == "Coyote"
    with pytest.raises(ValidationFailed):
        await client.profiles.upsert(email="else@b.c")


def _refusing(body: dict[str, object]):  # type: ignore[no-untyped-def]
    from hellotext_async.emulator.refusal import Refusal

    def create(_: object) -> object:
        raise Refusal(422, *body["errors"])  # type: ignore[misc]

    return create


async def test_what_is_refused_and_not_there_is_an_error(client: Hellotext, emulator: Emulator) -> None:
    """The API's own error, not "not found"."""
    emulator.faults.add(Fault("status", match="POST /v1/lists", status=422))
    with pytest.raises(ValidationFailed):
        await client.lists.ensure("Greens")
