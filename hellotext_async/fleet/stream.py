"""`RedisStream`: accepted events on a Redis or Valkey server, for many producers and many workers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from ..errors import ConfigurationError
from .commands import Limits
from .layout import Layout
from .link import REPLY_TIMEOUT
from .location import StreamLocation

if TYPE_CHECKING:
    from ..config import EventFormat
    from ..queue.settings import Settings
    from .dead_letters import StreamLetters
    from .producer import Producer
    from .store import RedisStore

__all__ = ["RedisStream"]

GIB: Final = 1024**3
DAY: Final = timedelta(days=1)
LEASE: Final = 30.0


class RedisStream(StreamLocation):
    """Where a fleet keeps its events: producers enqueue, workers deliver, all under one `name`.

    `url` is ``redis://``, ``rediss://`` or ``unix://`` of a Redis (from 7.0) or Valkey server, or of a
    node of a cluster. `shards` bounds the number of workers, and is fixed when the stream is first
    used, as is `window`: how long ids of events are remembered (a timedelta, or seconds). `max_bytes`
    bounds what waits, and the dead letters: each shard has an equal part of it. `lease` is for how many
    seconds a worker owns its shards without a sign of life: what a crash holds up. It is to be a quarter
    more than a client's ``timeouts.total``, or more.

    Building it does no I/O. Raises ConfigurationError; processes whose `shards` or `window` differ
    get one when they open it.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        shards: int = 64,
        window: timedelta | float = DAY,
        max_bytes: int = GIB,
        lease: float = LEASE,
    ) -> None:
        if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("url: expected redis://host:port, rediss:// or unix://")
        if not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or max_bytes < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("max_bytes: expected a whole number from 1")
        seconds = window.total_seconds() if isinstance(window, timedelta) else window
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 1 <= seconds < 1e9:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("window: expected a time from 1 s")
        if not isinstance(lease, (int, float)) or isinstance(lease, bool) or not 0.5 <= lease <= 3600:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("lease: expected seconds from 0.5 to 3600")
        super().__init__(url, Layout(name, shards), Limits(max(1, max_bytes // shards), float(seconds)), float(lease))

    def producer(
        self,
        *,
        full: Literal["wait", "raise"] = "wait",
        timeout: float = REPLY_TIMEOUT,
        capacity: int = 10_000,
        event_format: EventFormat = "typed",
        strict: bool = False,
    ) -> Producer:
        """What takes events for the stream, without a client, a token or the API; use it with ``async with``.

        When the stream is `full`, an event waits for room, or raises QueueFull. An event that the server
        does not answer for within `timeout` seconds is NotAccepted; `capacity` events may wait here for
        its reply, then `track` raises QueueFull. `event_format` and `strict` are those of a client.
        """
        from .producer import Producer

        return Producer(
            self, full=full, timeout=timeout, capacity=capacity, event_format=event_format, strict=strict
        )  # fmt: skip

    def letters(self) -> StreamLetters:
        """What `DeadLetters` reads and changes."""
        from .dead_letters import StreamLetters

        return StreamLetters(self)

    @property
    def dead_letters(self) -> None:
        """The file of dead letters: they are in the stream."""
        return None

    def store(self, settings: Settings) -> RedisStore:
        """The store of one queue, in the running loop."""
        from .store import RedisStore

        return RedisStore(self, settings)

    def __repr__(self) -> str:
        return f"RedisStream({self.name!r})"
