"""The server's memory for an event: while it waits, and afterwards, while its id is remembered.

``python -m benchmarks.fleet_memory KIND`` measures once, in a separate process. The events end by the script of a
worker, without the requests.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from hellotext_async.fleet.commands import OVERHEAD, Commands, Ending, Step
from hellotext_async.fleet.layout import digest
from hellotext_async.fleet.record import decode

from .fleet_server import LEASE, TOGETHER, fill, kinds, serving, stream_at
from .ground import Ground
from .load import sessions
from .paired import ratio
from .row import Goal, Row

__all__ = ["EVENTS", "rows"]

EVENTS: Final = 100_000
OWNER: Final = "memory"
ROUNDS: Final = 2
BEYOND: Final = {"redis": Goal(60, 21, less=True), "valkey": Goal(30, 17, less=True)}
REMEMBERED: Final = {"redis": Goal(90, 82, less=True), "valkey": Goal(48, 39, less=True)}
"""Bytes of an entry beyond its field, and of a remembered id: the aim is what a bare stream, and a bare digest in
a hash, took before there was a protocol.
"""


class Memory(NamedTuple):
    """Bytes of the server for each event: its field, all that it takes while it waits, its id then, and when it has
    ended, and all that is left of it then.
    """

    field: float
    waiting: float
    waiting_id: float
    remembered_id: float
    remembered: float


async def _used(commands: Commands) -> int:
    """Without what belongs to connections and to the append-only file."""
    found: dict[str, Any] = await commands.link.command("info", "memory")
    return int(found["used_memory"] - found["mem_clients_normal"] - found["mem_aof_buffer"])


async def _end(commands: Commands) -> None:
    """The ends that a worker writes for delivered events."""
    layout = commands.layout
    _, leases = await commands.lease(range(layout.shards), "take", OWNER, LEASE)
    for shard in range(layout.shards):
        entries = await commands.link.command("xrange", layout.events(shard))
        ends = [_ending(entry.decode(), fields[b"e"]) for entry, fields in entries]
        for at in range(0, len(ends), TOGETHER):
            step = Step(shard, OWNER, leases[shard].epoch, ends=ends[at : at + TOGETHER])
            await commands.step([step], LEASE)


def _ending(entry: str, field: bytes) -> Ending:
    stored = decode(field)
    if stored is None:
        raise AssertionError("an entry that is no event")
    return Ending(entry, len(field) + OVERHEAD, digest(stored.event_id), "D1")


async def _usage(commands: Commands, names: list[str]) -> float:
    """Bytes for each event that these keys take."""
    found = await commands.link.pipeline([("MEMORY", "USAGE", name, "SAMPLES", 0) for name in names])
    return float(sum(size or 0 for size in found) / EVENTS)


async def _ids(commands: Commands) -> float:
    """The same for the remembered ids."""
    now, _ = await commands.lease([0], "look")
    shards = range(commands.layout.shards)
    return await _usage(commands, [key for shard in shards for key in commands.id_keys(shard, now)])


async def _measured(kind: str) -> Memory:
    with serving(kind) as url:
        stream = stream_at(url, "memory")
        commands = await stream.connect()
        layout = stream.layout
        before = await _used(commands)
        async with stream.producer() as producer:
            await fill(producer, islice(sessions(EVENTS), EVENTS))
        waiting = await _used(commands) - before
        fields = await commands.link.command("xrange", layout.events(0))
        ids = await _ids(commands)
        await _end(commands)
        ended = await _used(commands) - before
        found = Memory(
            sum(len(field[b"e"]) for _, field in fields) / len(fields),
            waiting / EVENTS, ids, await _ids(commands), ended / EVENTS,
        )  # fmt: skip
        await commands.link.aclose()
    return found


def _child(kind: str) -> Memory:
    command = [sys.executable, "-m", "benchmarks.fleet_memory", kind]
    return Memory(*json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def rows(_: Ground) -> Iterator[Row]:
    """By the memory of each kind of server."""
    for kind in kinds():
        found = [_child(kind) for _ in range(ROUNDS)]
        field = round(found[0].field)

        for name, goal, values in (
            (f"an event that waits, its field of {field} B and its id included", None, [one.waiting for one in found]),
            (
                "its entry beyond the field",
                BEYOND[kind],
                [one.waiting - one.waiting_id - one.field for one in found],
            ),
            ("its id", None, [one.waiting_id for one in found]),
            ("the id of an event that has ended", REMEMBERED[kind], [one.remembered_id for one in found]),
            ("all that is left of it", None, [one.remembered for one in found]),
        ):
            yield Row("fleet: memory of the server", f"{kind}: {name}", ratio(values), "B", goal)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measured(sys.argv[1]))))
