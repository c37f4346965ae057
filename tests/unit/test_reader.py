"""What a worker reads of its shards, and which remembered ids it removes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from types import SimpleNamespace
from typing import Any

from hellotext_async._clock import boottime
from hellotext_async.fleet.commands import Limits
from hellotext_async.fleet.layout import Layout
from hellotext_async.fleet.pruning import prune
from hellotext_async.fleet.reader import Item, Reader
from hellotext_async.fleet.record import encode
from hellotext_async.fleet.tenure import Tenure
from tests.harness.clock import virtual_time

FIELD = encode("x", False, "page.viewed", None, "idempotent", b"{}")
LIMITS = Limits(1 << 20, 4.0)


class Server:
    """One entry in every shard; one shard is lost while they are read."""

    layout = Layout("test", 2)

    def __init__(self, lost: Tenure) -> None:
        self.link = self
        self._lost = lost

    async def read(self, streams: Sequence[tuple[str, str]], count: int) -> list[tuple[bytes, list[Any]]]:
        self._lost.leaving = True
        return [(name.encode(), [(b"1-0", [b"e", FIELD])]) for name, after in streams if after == "0-0"]


@virtual_time
async def test_what_was_read_of_a_shard_that_left_meanwhile_is_dropped() -> None:
    """Its next owner reads it; entries of the other shards are kept."""
    kept, lost = (Tenure(shard, "me", 1, inf) for shard in range(2))
    server: Any = Server(lost)
    found: asyncio.Future[list[Item]] = asyncio.get_running_loop().create_future()
    reader = Reader(server, lambda: [kept, lost], found.set_result, most=100, most_bytes=1 << 20)
    running = asyncio.ensure_future(reader.run())
    assert [(item.tenure, item.entry) for item in await found] == [(kept, "1-0")]
    assert (kept.cursor, lost.cursor) == ("1-0", "0-0")
    running.cancel()


@virtual_time
async def test_ids_are_removed_where_it_is_known_which_events_are_left() -> None:
    """Ids of waiting events are kept, however old; of a shard that is lost or was not read, all are."""
    idle, waits, unread, leaves = (Tenure(shard, "me", 1, inf) for shard in range(4))
    span = LIMITS.bucket_ms
    now = 100 * span + span / 2
    idle.cursor = leaves.cursor = "1-0"
    waits.entries = {f"{7 * span}-0": None}
    leaves.leaving = True
    members: Any = SimpleNamespace(
        server_ahead=now / 1000 - boottime(), tenures={one.shard: one for one in (idle, waits, unread, leaves)}
    )
    woken = asyncio.Event()
    stepper: Any = SimpleNamespace(wake=woken.set)
    running = asyncio.ensure_future(prune(LIMITS, members, stepper))
    await woken.wait()
    running.cancel()
    assert [one.step().keep_from for one in (idle, waits, unread, leaves)] == [98, 7, None, None]
