"""Creates or updates the profiles in a file, and accounts for every row."""

from __future__ import annotations

import argparse
import asyncio
from functools import partial
from typing import Any, Final

from ..client import Hellotext
from ..errors import APIError, ConfigurationError, HellotextError, InvalidParameter, OutcomeUnknown, Unauthorized
from ..resources._profile_fields import NewProfile
from .closing import unless
from .file_run import FileRun, run_over_file
from .lines import Chunks
from .progress import Progress, showing
from .reasons import reason_of
from .rows import Row

__all__ = ["run"]

FIELDS: Final = frozenset(NewProfile.__annotations__)
TICK: Final = 0.5
"""Seconds between two looks at the progress."""


async def run(args: argparse.Namespace) -> int:
    """Import, and report."""
    if args.checkpoint and (args.file == "-" or args.dry_run):
        raise ConfigurationError("--checkpoint needs a file, and a dry run writes none")
    return await run_over_file(_Import, args)


class _Import(FileRun):
    """One run: the input, the client, and the account."""

    good = "imported"
    known = FIELDS
    announcements = ("reading no further; finishing what was begun (again: end now)", "ending now")

    async def run(self) -> None:
        """Import everything, or up to what makes going on useless."""
        async with self.client() as client:
            chunks = Chunks(self.source.descriptor)
            with showing("importing", self.source.size) as progress:
                watch = asyncio.create_task(self._watch(client, chunks, progress))
                try:
                    await unless(self.stop.now, self._feed(client, chunks))
                finally:
                    watch.cancel()
                    await asyncio.wait([watch])
                self._show(client, chunks, progress)
        self.tally.stopped = self.stop.is_set()

    async def _watch(self, client: Hellotext, chunks: Chunks, progress: Progress) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._show(client, chunks, progress)

    def _show(self, client: Hellotext, chunks: Chunks, progress: Progress) -> None:
        self.tally.rate = client.rate().rate
        progress(self.tally.position(chunks.read), self.tally.status_line(self.source.size, chunks.read))
        self.save()

    async def _feed(self, client: Hellotext, chunks: Chunks) -> None:
        room = asyncio.Semaphore(self.args.concurrency)
        async with asyncio.TaskGroup() as under_way:
            async for row, fields in self.read(chunks, self._profile):
                try:
                    await room.acquire()
                except asyncio.CancelledError:
                    self.tally.end(row, "abandoned")
                    raise
                task = under_way.create_task(self._send(client, row, fields))
                task.add_done_callback(partial(self._over, room, row))

    def _over(self, room: asyncio.Semaphore, row: Row, task: asyncio.Task[None]) -> None:
        """A row has ended; one that was cut off is read again by the next run."""
        room.release()
        if task.cancelled():
            self.tally.end(row, "abandoned")

    def _profile(self, row: Row, fields: dict[str, Any]) -> dict[str, Any]:
        if isinstance(lists := fields.get("lists"), str):
            fields["lists"] = [name.strip() for name in lists.split(";") if name.strip()]
        if not fields.get("phone") and not fields.get("email"):
            raise InvalidParameter("phone", "a row needs a phone or an email")
        return fields

    async def _send(self, client: Hellotext, row: Row, fields: dict[str, Any]) -> None:
        try:
            await client.profiles.upsert(**fields)
        except InvalidParameter as error:
            self.tally.bad(row, reason_of(error, FIELDS))
        except OutcomeUnknown as error:
            self.tally.reasons.add(row.line, f"unknown: {reason_of(error)}")
            self.tally.end(row, "unknown")
        except APIError as error:
            self._fail(row, error, "rejected" if error.status in (400, 404, 413, 422) else "failed")
        except HellotextError as error:
            self._fail(row, error, "failed")
        else:
            self.tally.end(row, "valid" if self.args.dry_run else "imported")

    def _fail(self, row: Row, error: HellotextError, outcome: str) -> None:
        if isinstance(error, Unauthorized):
            self.end(error)
        self.tally.reasons.add(row.line, f"{outcome}: {reason_of(error, FIELDS)}")
        self.tally.end(row, outcome)
