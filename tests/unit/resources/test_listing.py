"""Collections: one page, every item, every page."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import Any

import pytest

from hellotext_async.errors import InvalidParameter, UnexpectedResponse
from hellotext_async.resources.lists import ProfileLists
from hellotext_async.resources.profiles import Profiles
from tests.unit.recording import Recording


def page(*ids: str, **more: Any) -> dict[str, Any]:
    return {"lists": [{"id": i} for i in ids], **more}


def lists(*pages: dict[str, Any]) -> tuple[ProfileLists, Recording]:
    sends = Recording(*pages)
    return ProfileLists(sends), sends


async def test_nothing_is_asked_before_it_is_awaited() -> None:
    """Awaiting it requests one page."""
    family, sends = lists(page("a", "b"), page("c"))
    listing = family.list(limit=2)
    assert not sends.calls
    assert [item.id for item in (await listing).items] == ["a", "b"]
    assert sends.asked == [("GET", "/v1/lists?limit=2")]


async def test_a_task_reads_one_page() -> None:
    """Task groups and `create_task` take it as it is; each await is a request of its own."""
    family, sends = lists(page("a"), page("b"), page("c"))
    listing = family.list()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(listing)
    assert [item.id for item in task.result().items] == ["a"]
    assert [[item.id for item in (await listing).items] for _ in range(2)] == [["b"], ["c"]]
    assert len(sends.calls) == 3


async def test_a_task_that_reads_a_page_can_be_cancelled() -> None:
    """Before it begins, and while the request is under way; nothing warns of a coroutine that was never awaited."""

    class Hanging:
        ended = 0

        async def send(self, call: Any, /) -> Any:
            try:
                await asyncio.sleep(60)
            finally:
                Hanging.ended += 1

        async def pause(self, seconds: float, /) -> None:
            raise AssertionError

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for turns in (0, 2):
            task = asyncio.create_task(ProfileLists(Hanging()).list())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        ProfileLists(Hanging()).list().close()
        gc.collect()
    assert Hanging.ended == 1


async def test_iterating_gives_every_item_of_every_page() -> None:
    """Until an empty page, each requested after the last id of the previous one."""
    family, sends = lists(page("a", "b"), page("c"), page())
    assert [item.id async for item in family.list(limit=2)] == ["a", "b", "c"]
    assert [target.partition("?")[2] for _, target in sends.asked] == [
        "limit=2",
        "limit=2&starting_after=b",
        "limit=2&starting_after=c",
    ]


async def test_it_ends_at_has_more_false() -> None:
    """No request for a page that is known to be empty."""
    family, sends = lists(page("a", has_more=True), page("b", has_more=False))
    assert [item.id async for item in family.list()] == ["a", "b"]
    assert len(sends.calls) == 2


async def test_pages_come_one_by_one() -> None:
    """With their items and has_more; an empty one is not yielded."""
    family, _ = lists(page("a", "b"), page("c", has_more=True), page("d"), page())
    found = [([item.id for item in one.items], one.has_more) async for one in family.list().pages()]
    assert found == [(["a", "b"], None), (["c"], True), (["d"], None)]


async def test_backwards_it_goes_by_the_first_id() -> None:
    """`ending_before` requests earlier items, page after page."""
    family, sends = lists(page("d", "e"), page("b", "c"), page())
    assert [item.id async for item in family.list(ending_before="f")] == ["d", "e", "b", "c"]
    assert [target.partition("=")[2] for _, target in sends.asked] == ["f", "d", "b"]


async def test_items_that_could_not_be_read_do_not_end_it() -> None:
    """The cursor is the last one that has an id."""
    family, sends = lists({"lists": [{"id": "a"}, "{...}"]}, page("b", has_more=False))
    assert [item.id async for item in family.list()] == ["a", "b"]
    assert sends.asked[1] == ("GET", "/v1/lists?starting_after=a")


@pytest.mark.parametrize("unread", ["{...}", {"name": "no id"}, {"id": None}, None])
async def test_a_page_of_which_nothing_could_be_read_is_not_the_end(unread: Any) -> None:
    """What follows it cannot be asked for: an error, since a list that ends early looks like a whole one."""
    family, _ = lists(page("a"), {"lists": [unread]}, page("c", has_more=False))
    with pytest.raises(UnexpectedResponse):
        _ = [item async for item in family.list(limit=1)]


@pytest.mark.parametrize(
    "pages",
    [
        [page("a", "b"), page("a", "b")],
        [page("a"), page("b"), page("a")],
        [page("a"), page("b"), page("c"), page("x", "b")],
    ],
)
async def test_a_cursor_that_comes_back_is_an_error(pages: list[dict[str, Any]]) -> None:
    """An API that ignores the cursor, or that repeats one, does not cause an endless loop."""
    family, sends = lists(*pages)
    with pytest.raises(UnexpectedResponse):
        async for _ in family.list():
            pass
    assert len(sends.calls) == len(pages)


async def test_a_listing_can_be_used_again() -> None:
    """It starts from the first page."""
    family, sends = lists(page("a", has_more=False))
    listing = family.list()
    assert [item.id async for item in listing] == [item.id async for item in listing] == ["a"]
    assert (await listing).items[0].id == "a"
    assert len(sends.calls) == 3


async def test_an_early_end_asks_no_further() -> None:
    """Breaking out of the loop is enough."""
    family, sends = lists(page("a", "b"), page("c"))
    async for _ in family.list():
        break
    assert len(sends.calls) == 1


def test_bad_arguments_are_raised_at_the_call() -> None:
    """Not when it is awaited: the error belongs to this line."""
    family, _ = lists(page())
    with pytest.raises(InvalidParameter):
        family.list(limit=0)
    with pytest.raises(InvalidParameter) as caught:
        Profiles(Recording()).list(sort="name")  # type: ignore[arg-type]
    assert str(caught.value) == "sort: expected one of: activity, alphabetically, created_at"


async def test_profiles_are_sorted_as_asked() -> None:
    """The sort is sent with every page."""
    sends = Recording({"profiles": [{"id": "a"}]}, {"profiles": []})
    assert [one.id async for one in Profiles(sends).list(sort="alphabetically", limit=1)] == ["a"]
    assert [target.partition("?")[2] for _, target in sends.asked] == [
        "limit=1&sort=alphabetically",
        "limit=1&starting_after=a&sort=alphabetically",
    ]
