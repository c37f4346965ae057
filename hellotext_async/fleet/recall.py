"""What became of events that other processes deliver: asked of the server by their ids, while it is waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from weakref import ref

from .._clock import boottime
from .._log import logger
from ..errors import HellotextError, QueueClosed, SpoolError
from ..queue.entry import Entry, id_of, more_of
from ..queue.outcome import Outcome
from ..queue.settler import notify
from .commands import MOST
from .ending import end_tasks
from .layout import digest
from .record import has_ended, outcome_from

if TYPE_CHECKING:
    from .commands import Commands

__all__ = ["Recall"]

_log = logger("hellotext_async.fleet")

SHORTEST, LONGEST = 0.02, 0.5
FORGOTTEN: Final = "the server does not know the event any more: its window is over, or the server lost it"


class Recall:
    """Follows accepted events to their outcomes. It asks only for those that are waited for."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._entries: list[ref[Entry]] = []
        self._watched: set[Entry] = set()  # a watcher need not hold the event
        self._ahead: float | None = None
        self._logged = False
        self._asked: list[tuple[str, asyncio.Future[str | None]]] = []
        self._answering: asyncio.Task[None] | None = None
        self._over = False
        self._looking = asyncio.get_running_loop().create_task(self._look(), name="hellotext outcomes")
        self._looking.add_done_callback(self._end)

    def follow(self, entry: Entry) -> None:
        """The server has accepted it."""
        if self._over:
            _keep(entry)
        elif more_of(entry).watch is None:
            self._entries.append(ref(entry))
        else:
            self._watched.add(entry)

    async def anywhere(self, event_id: str) -> str | None:
        """What is remembered of an id, in whichever shard. SpoolError."""
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._asked.append((event_id, answer))
        if self._answering is None or self._answering.done():
            self._answering = asyncio.get_running_loop().create_task(self._answer(), name="hellotext answers")
        return await answer

    async def _answer(self) -> None:
        """Ask for what is to be known, with what comes meanwhile: all of one turn of the loop together."""
        while self._asked:
            asked = self._asked[:MOST]
            try:
                digests = [digest(event_id) for event_id, _ in asked]
                found = await self._commands.recall_anywhere(digests, await self._now())
            except Exception as error:
                _refuse(asked, error)
            else:
                for (_, answer), texts in zip(asked, found, strict=True):
                    if not answer.done():
                        answer.set_result(next(filter(has_ended, texts), texts[0] if texts else None))
            del self._asked[: len(asked)]

    async def _now(self) -> float:
        """The server's clock."""
        if self._ahead is None:
            now, _ = await self._commands.lease([0], "look")
            self._ahead = now - boottime()
        return boottime() + self._ahead

    async def _look(self) -> None:
        pause = SHORTEST
        while True:
            await asyncio.sleep(pause)
            self._watch()
            waited = list(self._watched)
            try:
                ended = sum([await self._ask(waited[at : at + MOST]) for at in range(0, len(waited), MOST)])
            except SpoolError:
                ended = 0
            except Exception as error:  # what waits must not wait for ever
                ended = 0
                if not self._logged:
                    self._logged = True
                    _log.error("outcomes of a stream's events cannot be looked up (%s)", type(error).__name__)
            pause = SHORTEST if ended else min(LONGEST, pause * 1.5)

    def _watch(self) -> None:
        """Those that are waited for by now are asked for; those that are not referenced any more are forgotten."""
        known = self._known()
        self._watched.update(entry for entry in known if entry.watch is not None)
        self._entries = [ref(entry) for entry in known if entry.watch is None]

    def _known(self) -> list[Entry]:
        return [entry for each in self._entries if (entry := each()) is not None]

    async def _ask(self, entries: list[Entry]) -> int:
        """How many have ended by now."""
        shard_of = self._commands.layout.shard_of
        wanted = [(shard_of(entry.subject, id_of(entry)), digest(id_of(entry))) for entry in entries]
        found = await self._commands.recall(wanted, await self._now())
        ended = 0
        for entry, text in zip(entries, found, strict=True):
            end = _end(entry, text)
            if end is not None and not entry.over:
                ended += 1
                self._watched.discard(entry)
                entry.state, entry.end = "ended" if isinstance(end, Outcome) else "kept", end
                notify(entry)
        return ended

    async def aclose(self) -> None:
        """Stop asking; those that wait learn that the event is kept."""
        await end_tasks(task for task in (self._looking, self._answering) if task is not None)
        _refuse(self._asked, QueueClosed("the producer was closed"))

    def _end(self, _: asyncio.Task[None]) -> None:
        """Nothing is asked any more: the producer is closed, or the program cancelled all its tasks."""
        self._over = True
        for entry in [*self._known(), *self._watched]:
            _keep(entry)


def _keep(entry: Entry) -> None:
    if not entry.over:
        entry.state, entry.end = "kept", QueueClosed("the producer was closed; the event is in the stream", kept=True)
        notify(entry)


def _refuse(asked: list[tuple[str, asyncio.Future[str | None]]], error: Exception) -> None:
    for _, answer in asked:
        if not answer.done():
            answer.set_exception(error)


def _end(entry: Entry, text: str | None) -> Outcome | HellotextError | None:
    if text is None:
        return SpoolError(FORGOTTEN)
    return outcome_from(text, id_of(entry), entry.action, entry.context)
