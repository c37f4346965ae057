"""Other vendors' clients, as their documentation shows them; each is imported only where it runs."""

from __future__ import annotations

import queue
from typing import Any

from .contender import Idle, Place
from .load import ACTION, CONNECTIONS, FIELDS, sessions

__all__ = ["AsyncPosthog", "CustomerIO", "Klaviyo", "Posthog", "PosthogTaking", "Segment", "SegmentTaking"]

THREADS = 4
"""Threads of those that send event by event; more of them only wait for each other."""


def _threads(batch: int) -> int:
    return THREADS if batch == 1 else 1


class Posthog(Idle):
    """posthog's queue and its threads; `batch` events a request."""

    def __init__(self, place: Place, batch: int = 1) -> None:
        from posthog import Posthog as Client

        self._client: Any = Client(
            "key",
            host=place.url,
            flush_at=batch,
            flush_interval=0.5,
            thread=_threads(batch),
            max_queue_size=100_000,
        )
        self._sessions = sessions(1_000_000)

    async def run(self, units: int) -> None:
        """Capture so many events and flush."""
        self._take(units)
        self._client.flush()

    def _take(self, units: int) -> None:
        for _ in range(units):
            self._client.capture(ACTION, distinct_id=next(self._sessions), properties=FIELDS)

    async def close(self) -> None:
        """Shut it down."""
        self._client.shutdown()


class PosthogTaking(Posthog):
    """``capture`` alone, with nothing sent."""

    def __init__(self, place: Place) -> None:
        from posthog import Posthog as Client

        self._client = Client("key", host=place.url, send=False, max_queue_size=100_000)
        self._sessions = sessions(1000)

    async def run(self, units: int) -> None:
        """Capture so many events."""
        self._take(units)

    async def close(self) -> None:
        """Do nothing: there is nothing to send."""


class AsyncPosthog(Idle):
    """posthog's asyncio client and its tasks, over httpx; `batch` events a request."""

    def __init__(self, place: Place, batch: int = 1) -> None:
        self._url = place.url
        self._batch = batch
        self._sessions = sessions(1_000_000)

    async def open(self) -> None:
        """Open it: its tasks belong to the running loop."""
        from posthog import AsyncPosthog as Client

        self._client: Any = Client(
            "key",
            host=self._url,
            flush_at=self._batch,
            flush_interval=0.5,
            thread=CONNECTIONS if self._batch == 1 else 1,
            max_queue_size=100_000,
        )

    async def run(self, units: int) -> None:
        """Capture so many events and flush."""
        for _ in range(units):
            self._client.capture(ACTION, distinct_id=next(self._sessions), properties=FIELDS)
        await self._client.flush()

    async def close(self) -> None:
        """Shut it down."""
        await self._client.shutdown()


class Segment(Idle):
    """segment's queue and its threads; `batch` events a request."""

    def __init__(self, place: Place, batch: int = 1) -> None:
        from segment.analytics import Client

        self._client: Any = Client(
            "key",
            host=place.url,
            upload_size=batch,
            thread=_threads(batch),
            max_queue_size=100_000,
        )
        self._sessions = sessions(1_000_000)

    async def run(self, units: int) -> None:
        """Track so many events and flush."""
        self._take(units)
        self._client.flush()

    def _take(self, units: int) -> None:
        for _ in range(units):
            self._client.track(anonymous_id=next(self._sessions), event=ACTION, properties=FIELDS)

    async def close(self) -> None:
        """Shut it down."""
        self._client.shutdown()


class SegmentTaking(Segment):
    """``track`` into its queue, with nothing sent."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._client.join()
        self._client.queue = queue.Queue(100_000)

    async def run(self, units: int) -> None:
        """Track so many events."""
        self._take(units)

    async def rest(self) -> None:
        """Empty the queue."""
        self._client.queue = queue.Queue(100_000)

    async def close(self) -> None:
        """Do nothing: there is nothing to send."""


class CustomerIO(Idle):
    """customerio: a synchronous call for each event, over a kept connection."""

    def __init__(self, place: Place, batch: int = 1) -> None:
        from customerio import CustomerIO as Client

        self._client: Any = Client("site", "key")
        self._client.base_url = f"{place.url}/api/v1"
        self._sessions = sessions(1_000_000)

    async def run(self, units: int) -> None:
        """Track so many events."""
        for _ in range(units):
            self._client.track(next(self._sessions), ACTION, FIELDS)


class Klaviyo(Idle):
    """klaviyo-api: a synchronous call for each event."""

    def __init__(self, place: Place, batch: int = 1) -> None:
        from klaviyo_api import KlaviyoAPI

        self._events: Any = KlaviyoAPI("key", test_host=place.url).Events
        self._sessions = sessions(1_000_000)

    async def run(self, units: int) -> None:
        """Create so many events."""
        for _ in range(units):
            self._events.create_event(self._event())

    def _event(self) -> dict[str, Any]:
        profile = {"type": "profile", "attributes": {"external_id": next(self._sessions)}}
        metric = {"type": "metric", "attributes": {"name": ACTION}}
        attributes = {"properties": FIELDS, "metric": {"data": metric}, "profile": {"data": profile}}
        return {"data": {"type": "event", "attributes": attributes}}
