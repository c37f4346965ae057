"""A time limit that is used again and again."""

from __future__ import annotations

import asyncio

import pytest

from hellotext_async._watchdog import Limit


async def _waiting(limit: Limit, reached: asyncio.Event) -> None:
    with limit:
        reached.set()
        await asyncio.Event().wait()


async def _begun(limit: Limit) -> asyncio.Task[None]:
    reached = asyncio.Event()
    task = asyncio.create_task(_waiting(limit, reached))
    await reached.wait()
    return task


async def test_what_expires_ends_with_a_timeout_and_is_not_cancelled() -> None:
    """Each time anew, and however often it is said."""
    limit = Limit()
    for _ in range(2):
        task = await _begun(limit)
        limit.expire()
        limit.expire()
        with pytest.raises(TimeoutError):
            await task
        assert task.cancelling() == 0


async def test_a_cancellation_stays_one_whether_or_not_the_limit_expires() -> None:
    """It is never taken for the end of a time limit."""
    limit = Limit()
    for expires in (False, True):
        task = await _begun(limit)
        task.cancel()
        if expires:
            limit.expire()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelling() == 1


async def test_what_has_ended_does_not_expire() -> None:
    """The task goes on, and the next that the limit is for as well."""
    limit = Limit()
    with limit:
        pass
    limit.expire()
    with limit:
        await asyncio.sleep(0)


async def test_an_error_inside_stays_what_it_is() -> None:
    """Also if the limit expires meanwhile."""
    limit = Limit()
    with pytest.raises(ValueError), limit:
        limit.expire()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            raise ValueError from None
    await asyncio.sleep(0)


async def test_limits_are_nested() -> None:
    """The outer one ends the inner one's task as well."""
    outer, inner = Limit(), Limit()
    with pytest.raises(TimeoutError), outer, inner:
        outer.expire()
        await asyncio.sleep(0)
    with outer:
        with pytest.raises(TimeoutError), inner:
            inner.expire()
            await asyncio.sleep(0)
        await asyncio.sleep(0)
