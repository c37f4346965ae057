"""Pages, and how the next one is requested."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hellotext_async._wire.call import Call
from hellotext_async._wire.codec import decode
from hellotext_async._wire.pages import Page, following, page_of, paging
from hellotext_async.errors import InvalidParameter, UnexpectedResponse
from hellotext_async.resources._profile import ProfileList

KIND = page_of(ProfileList, "lists")


def call(**query: Any) -> Call[Page[ProfileList]]:
    return Call("GET", "/v1/lists", KIND, "safe", query=paging(**query))


def page(*ids: str, **more: Any) -> Page[ProfileList]:
    return decode(json.dumps({"lists": [{"id": i} for i in ids], **more}).encode(), KIND)


def test_the_query_has_limit_and_cursor() -> None:
    """Each is optional, and both ends at once are not."""
    assert paging() == {"limit": None, "starting_after": None, "ending_before": None}
    assert paging(limit=5, starting_after="a") == {"limit": 5, "starting_after": "a", "ending_before": None}


@pytest.mark.parametrize(
    ("name", "query"),
    [("limit", {"limit": wrong}) for wrong in (0, -1, 2.5, "5", True)]
    + [(name, {name: wrong}) for name in ("starting_after", "ending_before") for wrong in ("", "a/b", 5)]
    + [("ending_before", {"starting_after": "a", "ending_before": "b"})],
)
def test_a_query_that_makes_no_sense_is_refused(name: str, query: dict[str, Any]) -> None:
    """By the parameter's name."""
    with pytest.raises(InvalidParameter) as caught:
        paging(**query)
    assert caught.value.parameter == name


def test_the_last_id_leads_on() -> None:
    """With the same limit; without has_more until a page is empty."""
    onward = following(call(limit=2), page("a", "b"))
    assert onward is not None
    assert onward.query == {"limit": 2, "starting_after": "b", "ending_before": None}
    assert following(onward, page("c")) is not None
    assert following(onward, page()) is None


def test_backwards_the_first_id_leads_on() -> None:
    """`ending_before` goes upwards from an id."""
    onward = following(call(ending_before="m"), page("k", "l"))
    assert onward is not None
    assert onward.query == {"limit": None, "starting_after": None, "ending_before": "k"}


def test_has_more_decides() -> None:
    """False ends it; True without an id to continue from is an error, not the end."""
    assert following(call(), page("a", has_more=False)) is None
    assert following(call(), page("a", has_more=True)) is not None
    assert following(call(), page(has_more=False)) is None
    for stuck in (page(has_more=True), page("", has_more=True), page("a", "")):
        with pytest.raises(UnexpectedResponse):
            following(call(), stuck)


def test_a_page_type_is_made_once() -> None:
    """And so is its decoder."""
    assert page_of(ProfileList, "lists") is KIND
    assert page_of(ProfileList, "more") is not KIND


def test_a_page_shows_how_much_it_holds() -> None:
    """And none of its contents."""
    assert repr(page("a", "b")) == "Page(2 items, has_more=None)"
    assert isinstance(page("a"), Page)
