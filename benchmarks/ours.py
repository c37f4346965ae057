"""This package's client, as a user gets it: everything switched on, through its public names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hellotext_async import Hellotext, Limits, Outcome, Profile, SqliteSpool
from hellotext_async._wire.codec import decode
from hellotext_async._wire.pages import page_of

from .contender import Idle, Place
from .load import ACTION, CONNECTIONS, FIELDS, TOKEN, Fields, sessions, shop
from .page import PAGE
from .raw import over, trusting

__all__ = [
    "Awaited", "Bulk", "Calls", "Decoded", "Queue", "Shop", "ShopBulk", "ShopTrack",
    "Spooled", "SpooledBulk", "SpooledShop", "Standing", "Track",
]  # fmt: skip

ROOM = 10_000
SPARE = 64
"""Requests that the client may have in flight beyond the queue's, so that its ceiling is not what is measured."""


class Queue(Idle):
    """``track`` every event, then ``flush``."""

    def __init__(
        self,
        place: Place,
        *,
        concurrency: int = CONNECTIONS,
        subjects: int = 1_000_000,
        standing: int = 0,
        enabled: bool = True,
        **options: Any,
    ) -> None:
        self._client = Hellotext(
            TOKEN,
            base_url=place.url,
            ssl=trusting(place),
            limits=Limits(concurrency=concurrency + SPARE),
            enabled=enabled,
        )
        self._standing = standing
        self._options: dict[str, Any] = {
            "capacity": standing + ROOM,
            "max_bytes": 1024 * (standing + ROOM),
            "concurrency": concurrency,
            **options,
        }
        self.sessions = sessions(subjects)
        self.sent = 0

    async def open(self) -> None:
        """Open the queue."""
        self.queue = await self._client.event_queue(**self._options).open()

    async def run(self, units: int) -> None:
        """Deliver so many events."""
        self._track(units)
        await self.queue.flush()

    def _track(self, units: int) -> None:
        track = self.queue.track
        for session in self._next(units):
            track(ACTION, session=session, **FIELDS)

    def _next(self, units: int) -> Iterable[str]:
        self.sent += units
        return islice(self.sessions, units)

    async def close(self) -> None:
        """Close it, and see that every event was delivered."""
        report = await self.queue.aclose(timeout=60)
        await self._client.aclose()
        if report.outcomes["delivered"] != self.sent:
            raise AssertionError(f"{self.sent} events were sent, but the report is {report}")


class Awaited(Queue):
    """Every receipt is awaited."""

    async def run(self, units: int) -> None:
        """Deliver so many events and receive the outcome of each."""
        track = self.queue.track
        receipts = [track(ACTION, session=session, **FIELDS) for session in self._next(units)]
        for receipt in receipts:
            await receipt


class Bulk(Queue):
    """``deliver`` over an iterable of events."""

    async def run(self, units: int) -> None:
        """Deliver so many events and receive the outcome of each."""
        async for _ in self.queue.deliver(self._events(units)):
            pass

    def _events(self, units: int) -> Iterable[Fields]:
        return ({"action": ACTION, "session": session, **FIELDS} for session in self._next(units))


class Spooled(Queue):
    """`Queue` over a `SqliteSpool`, synced at every commit, in a directory of its own."""

    def __init__(self, place: Place, **options: Any) -> None:
        self._into = TemporaryDirectory(prefix="bench-spool-")
        super().__init__(place, buffer=SqliteSpool(Path(self._into.name) / "spool.db"), **options)

    async def close(self) -> None:
        """Close it, see that every event was delivered, and remove the spool."""
        await super().close()
        self._into.cleanup()


class SpooledBulk(Spooled, Bulk):
    """`Bulk` over a `SqliteSpool`."""


class Standing(Queue):
    """As many events as a slice adds are waited for, while `standing` others wait in the queue."""

    def __init__(self, place: Place, **options: Any) -> None:
        super().__init__(place, on_outcome=self._ended, delivery_timeout=3600, **options)
        self._left = 0
        self._done: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Open the queue and fill it."""
        await super().open()
        for session in self._next(self._standing):
            self.queue.track(ACTION, session=session, **FIELDS)

    async def run(self, units: int) -> None:
        """Add so many events, and wait until so many have ended."""
        self._left = units
        done = self._done = asyncio.get_running_loop().create_future()
        for session in self._next(units):
            self.queue.track(ACTION, session=session, **FIELDS)
        await done

    def _ended(self, _: Outcome) -> None:
        self._left -= 1
        if self._left == 0 and self._done is not None and not self._done.done():
            self._done.set_result(None)


class Track(Queue):
    """``track`` alone: the client is switched off, and the queue is emptied between slices."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, subjects=1000, enabled=False)

    async def run(self, units: int) -> None:
        """Track so many events."""
        self._track(units)

    async def rest(self) -> None:
        """Empty the queue."""
        await self.queue.flush()


class Shop(Queue):
    """`Queue` with the shop's mix."""

    def __init__(self, place: Place, **options: Any) -> None:
        super().__init__(place, **options)
        self._shop = shop()

    def _track(self, units: int) -> None:
        self.sent += units
        track = self.queue.track
        for action, fields in islice(self._shop, units):
            track(action, **fields)


class ShopTrack(Shop, Track):
    """`Track` with the shop's mix."""


class ShopBulk(Shop, Bulk):
    """`Bulk` with the shop's mix."""

    def _events(self, units: int) -> Iterable[Fields]:
        self.sent += units
        return ({"action": action, **fields} for action, fields in islice(self._shop, units))


class SpooledShop(Shop, Spooled):
    """`Spooled` with the shop's mix."""


class Calls(Idle):
    """``client.events.track`` from 64 tasks: a call each, with its answer, retries and deadline."""

    def __init__(self, place: Place) -> None:
        self._client = Hellotext(TOKEN, base_url=place.url, ssl=trusting(place))

    async def open(self) -> None:
        """Open the client."""
        await self._client.open()

    async def run(self, units: int) -> None:
        """Make so many calls."""
        await over(units, CONNECTIONS, self._track)

    async def _track(self, turns: Iterable[int]) -> None:
        for _ in turns:
            await self._client.events.track(ACTION, session="s00000000000", **FIELDS)

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()


class Decoded(Idle):
    """A page of profiles from bytes to items, as ``client.profiles.list()`` does it."""

    def __init__(self, place: Place) -> None:
        self._page = page_of(Profile, "profiles")

    async def run(self, units: int) -> None:
        """Decode so many pages."""
        for _ in range(units):
            _ = decode(PAGE, self._page).items
