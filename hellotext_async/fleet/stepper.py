"""Makes durable what a worker does: one command at a time for all its shards, with what came meanwhile.

Rules. A command without a reply is repeated until there is one: it is idempotent. Each renews the
leases of its shards, counted from before it was sent; a shard with nothing to do is renewed alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from .._clock import boottime
from ..errors import SpoolError
from .link import Unreachable

if TYPE_CHECKING:
    from .commands import Commands, Step
    from .losses import Losses
    from .tenure import Tenure

__all__ = ["Stepper"]

PAUSE: Final = 0.1
MOST: Final = 400
"""Marks and ends in one command."""


class Stepper:
    """The steps of one worker."""

    def __init__(
        self,
        commands: Commands,
        losses: Losses,
        tenures: Callable[[], Iterable[Tenure]],
        on_end: Callable[[Tenure], None],
        on_loss: Callable[[Tenure], None],
        ttl: float,
    ) -> None:
        self._commands = commands
        self._losses = losses
        self._tenures = tenures
        self._on_end = on_end
        self._on_loss = on_loss
        self._ttl = ttl
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._over: SpoolError | None = None

    def committed(self) -> asyncio.Future[None]:
        """Done when what was asked of the tenures by now is durable, or refused. SpoolError."""
        if self._over is not None:
            raise self._over
        if not self._waiting:
            self._wake.set()
        committed = self._loop.create_future()
        self._waiting.append(committed)
        return committed

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Step, again and again."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._ttl / 12):
                        await self._wake.wait()
                self._wake.clear()
                await self._answer_all()
        finally:
            self._over = SpoolError("the queue makes nothing durable any more")
            _answer(self._waiting, self._over)

    async def _answer_all(self) -> None:
        """Step, and answer those that waited for it."""
        waiting, self._waiting = self._waiting, []
        try:
            await self._step_all()
        except BaseException as error:
            _answer(waiting, error)
            raise
        _answer(waiting)

    async def _step_all(self) -> None:
        """One command, or several if there is much to do."""
        batch: list[Tenure] = []
        steps: list[Step] = []
        size = 0
        renew_before = boottime() + self._ttl * 5 / 6
        for tenure in list(self._tenures()):
            if (tenure.until < renew_before or tenure.pending) and tenure.alive:
                step = tenure.step()
                if size and size + len(step.marks) + len(step.ends) > MOST:
                    await self._step(batch, steps)
                    batch, steps, size = [], [], 0
                batch.append(tenure)
                steps.append(step)
                size += len(step.marks) + len(step.ends)
        if steps:
            await self._step(batch, steps)

    async def _step(self, tenures: Sequence[Tenure], steps: Sequence[Step]) -> None:
        while True:
            sent, before = boottime(), self._losses.before()
            try:
                results = await self._commands.step(steps, self._ttl)
            except Unreachable:
                await asyncio.sleep(PAUSE)
                continue
            break
        lost = self._losses.look({s.shard: r.added for s, r in zip(steps, results, strict=True) if r.ours}, before)
        for tenure, result in zip(tenures, results, strict=True):
            tenure.under_way = False
            if result.ours:
                tenure.until = sent + self._ttl
                if tenure.shard in lost or tenure.lost(result.before):
                    tenure.note_again()
                    self._on_loss(tenure)
                    self._wake.set()
            else:
                tenure.alive = False
                self._on_end(tenure)


def _answer(waiting: Sequence[asyncio.Future[None]], error: BaseException | None = None) -> None:
    for committed in waiting:
        if committed.done():
            continue
        if error is None:
            committed.set_result(None)
        elif isinstance(error, SpoolError):
            committed.set_exception(error)
            committed.exception()  # perhaps it was never awaited
        else:
            committed.cancel()
