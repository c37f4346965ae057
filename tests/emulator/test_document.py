"""The emulator answers every example of the vendor's document as the document shows it."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from hellotext_async.emulator import Emulator

from .document import EXAMPLES, Example


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
async def test_an_example_of_the_document_is_answered_as_shown(
    emulator: Emulator, example: Example, form: bool
) -> None:
    """Typos corrected, each by name; forms as the curls send them, and JSON as the guides do."""
    if example.name == "paginate":
        emulator.store.profiles.add(id="BvYeyVYz")
    status, answer = await ask(emulator, example, form=form)
    assert status == (201 if example.created else 200)
    if example.method == "GET" and len(example.answer) == 1:
        ((key, items),) = example.answer.items()
        assert set(answer) == {key, "has_more"}
        assert all(item in answer[key] for item in items)
    elif example.created:
        loose = example.loose or frozenset({"id"})
        assert set(answer) == set(example.answer)
        assert without(answer, loose) == without(example.answer, loose)
    else:
        assert answer == example.answer


def test_every_example_is_there_once_and_every_correction_has_a_reason() -> None:
    """The document has 48 curls."""
    assert len({example.name for example in EXAMPLES}) == len(EXAMPLES) == 48
    assert all(why for example in EXAMPLES for why in example.mend)
