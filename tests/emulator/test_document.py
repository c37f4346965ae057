"""The emulator answers every example of the vendor's document as the document shows it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from hellotext_async.emulator import Emulator

from .document import EXAMPLES, Example


@pytest.fixture
async def seeded() -> AsyncIterator[Emulator]:
    """An emulator with the document's objects."""
    async with Emulator() as emulator:
        emulator.store.seed_document()
        yield emulator


async def ask(emulator: Emulator, example: Example, *, form: bool) -> tuple[int, Any]:
    """The example as curl sends it (a form), or with the same parameters as JSON."""
    headers = {"Authorization": f"Bearer {emulator.token}"}
    how: dict[str, Any] = {}
    given = dict(example.given)
    if example.method == "GET":
        how["params"] = given
    elif form:
        how["data"] = given
    elif given:
        products = given.pop("products[]", None)
        how["json"] = {**given, **({"products": [{"product": products}]} if products else {})}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(example.method, emulator.url + example.path, **how) as response,
    ):
        return response.status, await response.json()


def without(answer: Any, names: frozenset[str]) -> Any:
    return {key: value for key, value in answer.items() if key not in names}


@pytest.mark.parametrize("form", [True, False], ids=["form", "json"])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
async def test_an_example_of_the_document_is_answered_as_shown(seeded: Emulator, example: Example, form: bool) -> None:
    """Typos mended, each by name; forms as the curls send them, and JSON as the guides do."""
    if example.name == "paginate":
        seeded.store.profiles.add(id="BvYeyVYz")
        seeded.store.profiles._activity["BvYeyVYz"] = 0
    status, answer = await ask(seeded, example, form=form)
    assert status == (201 if example.created else 200)
    if example.name == "remove from list":
        assert answer == {**example.answer, "lists": answer["lists"]}
    elif example.method == "GET" and len(example.answer) == 1:
        ((key, items),) = example.answer.items()
        assert set(answer) == {key, "has_more"}
        assert all(item in answer[key] for item in items)
    elif example.created:
        loose = example.loose or frozenset({"id"})
        assert set(answer) == set(example.answer)
        assert without(answer, loose) == without(example.answer, loose)
    else:
        assert answer == example.answer
