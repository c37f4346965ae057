"""Has the server forget ids that are older than the window, and than every event that waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from .._clock import boottime

if TYPE_CHECKING:
    from .commands import Limits
    from .members import Members
    from .stepper import Stepper

__all__ = ["prune"]

PRUNE: Final = 60.0
"""Seconds between two looks; a quarter of the window if that is less."""


async def prune(limits: Limits, members: Members, stepper: Stepper) -> None:
    """Do so in the shards that are owned here, again and again."""
    span = limits.bucket_ms
    while True:
        await asyncio.sleep(min(PRUNE, limits.window / 4))
        now_ms = int((members.server_ahead + boottime()) * 1000)
        for tenure in members.tenures.values():
            oldest = tenure.oldest_ms(now_ms)
            if tenure.active and oldest is not None:
                tenure.keep_from(min(now_ms // span - 2, oldest // span))
        stepper.wake()
