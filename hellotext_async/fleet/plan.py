"""Which shards a worker takes and gives back: a pure function of who owns what and which workers there are.

Rules. Every worker comes to the same shares from the same view: floor or ceil of shards / workers,
the larger shares to those that own most by now, so that as little as possible moves. Views may
differ for a moment: leases decide then, and the next plan mends it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

__all__ = ["Plan", "plan"]


class Plan(msgspec.Struct, frozen=True):
    """The shards to take, which are free, and those to give back."""

    take: tuple[int, ...] = ()
    give: tuple[int, ...] = ()


def plan(owners: Mapping[int, str | None], workers: Collection[str], me: str) -> Plan:
    """What `me` does, by the owner of every shard (None: free) and the workers that are there."""
    held: dict[str, list[int]] = {worker: [] for worker in sorted({*workers, me})}
    free: list[int] = []
    for shard, owner in sorted(owners.items()):
        if owner is None:
            free.append(shard)
        elif owner in held:
            held[owner].append(shard)
    shares = _shares(len(owners), {worker: len(shards) for worker, shards in held.items()})
    mine, share = held[me], shares[me]
    if len(mine) > share:
        return Plan(give=tuple(mine[share:]))
    start = 0
    for worker, shards in held.items():
        wanted = max(0, shares[worker] - len(shards))
        if worker == me:
            return Plan(take=tuple(free[start : start + wanted]))
        start += wanted
    raise AssertionError("a worker is among the workers")


def _shares(shards: int, held: Mapping[str, int]) -> dict[str, int]:
    """How many shards each worker is to own."""
    floor, more = divmod(shards, len(held))
    most_first = sorted(held, key=lambda worker: (-held[worker], worker))
    return {worker: floor + (place < more) for place, worker in enumerate(most_first)}
