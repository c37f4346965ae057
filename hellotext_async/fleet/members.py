"""Which shards a worker owns: its heartbeat, the plan, leases taken and given back.

Rules. Time is the server's. A shard that is given back is released once nothing of it is in flight. A worker whose
token is refused gives its shards to the others, if there are any, and is no worker until it goes on.
What cannot be asked now is asked at the next beat: leases go on by the worker's steps.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from .._clock import boottime
from ..errors import SpoolError
from .link import Unreachable
from .plan import plan
from .record import Mark
from .tenure import Tenure

if TYPE_CHECKING:
    from collections.abc import Callable

    from .commands import Commands, Lease

__all__ = ["Members"]

BEAT: Final = 1.0
"""Seconds between two beats, or a tenth of a short lease; a third more or less, lest workers move together."""


class Members:
    """One worker among others: `tenures` are its shards."""

    def __init__(self, commands: Commands, ttl: float, on_change: Callable[[], None]) -> None:
        self._commands = commands
        self._ttl = ttl
        self._on_change = on_change
        self.id = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self.tenures: dict[int, Tenure] = {}
        self.workers: tuple[str, ...] = ()
        self.server_ahead = 0.0
        """The server's clock (Unix seconds) less CLOCK_BOOTTIME."""
        self.leaving = False
        """It takes no shards any more."""
        self.standing = False
        """The API refuses its token."""
        self._absent = False
        self._asked_for: tuple[str, Sequence[int]] | None = None
        """A token, and the shards that are being taken with it: whether they are its is not known yet."""
        self._beat = asyncio.Event()

    def beat_now(self) -> None:
        """Beat at once: a shard can be released."""
        self._beat.set()

    @property
    def shards(self) -> tuple[int, ...]:
        """Those whose events may be marked here."""
        return tuple(sorted(shard for shard, tenure in self.tenures.items() if tenure.active))

    def held(self, shard: int) -> Tenure | None:
        """The shard's tenure, if its events may be marked here."""
        tenure = self.tenures.get(shard)
        return tenure if tenure is not None and tenure.active else None

    async def run(self) -> None:
        """Beat, again and again."""
        pause = min(BEAT, self._ttl / 10)
        while True:
            try:
                async with asyncio.timeout(pause * random.uniform(0.67, 1.33)):
                    await self._beat.wait()
            except TimeoutError:
                pass
            self._beat.clear()
            try:
                await self.beat()
            except Unreachable:
                pass

    async def beat(self) -> None:
        """Renew the heartbeat, read which workers there are, and take and give shards. Unreachable, SpoolError."""
        await self._release()
        shards = range(self._commands.layout.shards)
        now, leases = await self._commands.lease(shards, "look")
        self.server_ahead = now - boottime()
        if self.leaving:
            return
        self._absent = self._absent and self.standing
        await self._be_seen(now)
        if self.standing:
            await self._stand_aside()
            return
        owners = {shard: self._owner(shard, lease) for shard, lease in leases.items()}
        planned = plan(owners, self.workers, self.id)
        for shard in planned.give:
            self.tenures[shard].leaving = True
        if planned.give:
            self._on_change()
            await self._release()
        if planned.take and not self.leaving:
            await self._take(planned.take)

    async def _stand_aside(self) -> None:
        """Leave the shards to the others; a worker that is alone keeps them, for no other would deliver."""
        if self._absent or not set(self.workers) - {self.id}:
            return
        self._absent = True
        for tenure in self.tenures.values():
            tenure.leaving = True
        self._on_change()
        await self._release()
        await self._commands.link.command("zrem", self._commands.layout.workers, self.id)

    async def _be_seen(self, now: float) -> None:
        who = self._commands.layout.workers
        found = await self._commands.link.pipeline(
            [
                ("ZREM", who, self.id) if self._absent else ("ZADD", who, now, self.id),
                ("ZREMRANGEBYSCORE", who, "-inf", now - 3 * self._ttl),
                ("ZRANGEBYSCORE", who, now - self._ttl / 2, "+inf"),
            ]
        )
        self.workers = tuple(sorted(worker.decode() for worker in found[2]))

    def _owner(self, shard: int, lease: Lease) -> str | None:
        """The worker that owns a shard, as the plan is to see it."""
        if not lease.owner:
            return None
        worker = lease.owner.partition("/")[0]
        if worker != self.id:
            return worker
        tenure = self.tenures.get(shard)
        # A lease of ours that is not used any more ends by itself.
        return worker if tenure is not None and tenure.active and tenure.owner == lease.owner else lease.owner

    async def _take(self, shards: Sequence[int]) -> None:
        free = [shard for shard in shards if shard not in self.tenures]
        if not free:
            return
        token = f"{self.id}/{next(self._numbers)}"
        sent = boottime()
        self._asked_for = token, free
        _, leases = await self._commands.lease(free, "take", token, self._ttl)
        taken = {shard: lease for shard, lease in leases.items() if lease.owner == token}
        layout = self._commands.layout
        found = await self._commands.link.pipeline([("HGETALL", layout.marks(shard)) for shard in taken])
        for (shard, lease), marks in zip(taken.items(), found, strict=True):
            tenure = Tenure(shard, token, lease.epoch, sent + self._ttl)
            tenure.left = {entry.decode(): Mark.of(text) for entry, text in marks.items()}
            self.tenures[shard] = tenure
        self._asked_for = None
        if taken:
            self._on_change()

    async def _release(self) -> None:
        """Give back what is leaving and idle."""
        by_owner: dict[str, list[Tenure]] = {}
        for tenure in list(self.tenures.values()):
            if tenure.leaving and tenure.idle:
                by_owner.setdefault(tenure.owner, []).append(tenure)
        for owner, tenures in by_owner.items():
            await self._commands.lease([tenure.shard for tenure in tenures], "release", owner)
            for tenure in tenures:
                tenure.alive = False
                self.end(tenure)

    def begin_again(self, tenure: Tenure) -> None:
        """Give the shard back, so that its next owner, who may be this worker, reads it from its start."""
        tenure.leaving = True
        self._on_change()

    def end(self, tenure: Tenure) -> None:
        """The shard is not ours any more."""
        if self.tenures.get(tenure.shard) is tenure:
            del self.tenures[tenure.shard]
        self._on_change()

    def stop(self) -> None:
        """Nothing is marked here any more."""
        for tenure in self.tenures.values():
            tenure.leaving = True

    async def leave(self, timeout: float) -> None:
        """Give everything back, as far as the server answers within `timeout` seconds."""
        self.stop()
        try:
            async with asyncio.timeout(timeout):
                await self._release()
                if self._asked_for is not None:
                    token, shards = self._asked_for
                    await self._commands.lease(shards, "release", token)
                await self._commands.link.command("zrem", self._commands.layout.workers, self.id)
        except (TimeoutError, SpoolError):
            pass
