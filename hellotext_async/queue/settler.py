"""The ends of events: the letter is durable, then it is committed, then it is counted and the receipt resolved."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import TYPE_CHECKING, Final

from .._callbacks import call_back
from .._log import logger
from .._wire.call import EVENTS_PATH
from ..errors import Asked, SpoolError
from .decide import outcome_of
from .entry import end_of
from .letters import Letter
from .outcome import Outcome
from .store import Finish
from .tasks import Batch, Conditions, Flag

if TYPE_CHECKING:
    from .core import Core
    from .decide import End
    from .entry import Entry
    from .letters import LetterFile
    from .settings import Settings
    from .store import LastGroup, Store
    from .tasks import Tasks

__all__ = ["Settler", "notify", "notify_accepted"]

ONCE: Final = Finish("delivered", 1)
LETTER_PAUSE: Final = 1.0
"""Seconds before letters that could not be written are tried again."""

MOST_UNWRITTEN: Final = 10_000
"""Letters that wait to be tried again; the events of others stay in the store until the next opening."""

Ended = tuple["Entry", Outcome]
_Dead = tuple[Letter, "Entry", Outcome]

_log = logger("hellotext_async.queue")


class Settler:
    """Takes events whose attempts are over to their outcome."""

    def __init__(self, core: Core, store: Store, letters: LetterFile | None, settings: Settings) -> None:
        self._core = core
        self._store = store
        self._letters = letters
        self._on_outcome = settings.on_outcome
        self._log_outcome = settings.log_outcome
        self._wall = settings.wall
        self._dead: Batch[Ended] = Batch()
        self._unpersisted: Batch[tuple[Entry, Outcome | None, Finish]] = Batch()
        self._finishing: list[tuple[Entry, Outcome | None, Finish]] = []
        self._unwritten: list[_Dead] = []
        self.freed = Flag()
        self.settled = Conditions()

    def start(self, tasks: Tasks) -> None:
        """Begin."""
        tasks.spawn(self._finish())
        if self._letters is not None:
            tasks.spawn(self._write_letters(self._letters))

    def settle(self, entry: Entry, end: End, clock: float) -> None:
        """An event in flight ends so."""
        outcome = outcome_of(entry, end, clock)
        if outcome.verdict == "unknown" and outcome.error is not None:
            outcome.error.asked = Asked("POST", EVENTS_PATH, entry.body, self._wall() - outcome.waited)
        if self._letters is not None and not outcome.delivered:
            self._dead.put((entry, outcome))
        elif self._store.durable:
            self._unpersisted.put((entry, outcome, Finish.of(outcome)))
        else:
            self._resolve(entry, outcome)

    def settle_delivered(self, entry: Entry, clock: float) -> None:
        """An event in flight was delivered at its first attempt."""
        if self._store.durable:
            self._unpersisted.put((entry, None, ONCE))
        else:
            self._resolve_delivered(entry, clock)

    async def _write_letters(self, letters: LetterFile) -> None:
        """Have letters written; those that cannot be are tried again."""
        while True:
            if self._unwritten:
                await asyncio.sleep(LETTER_PAUSE)
                dead = self._dead.drain()
            else:
                dead = await self._dead.take()
            at = self._wall()
            self._unwritten += [(Letter.of(entry, outcome, at), entry, outcome) for entry, outcome in dead]
            if not await self.try_letters(letters):
                await self._stay(dead)
                del self._unwritten[MOST_UNWRITTEN:]

    async def try_letters(self, letters: LetterFile) -> bool:
        """Whether all letters could be written: then the store forgets their events."""
        unwritten = self._unwritten
        try:
            if unwritten:
                await letters.write([letter for letter, _, _ in unwritten])
        except (OSError, SpoolError) as error:
            _log.error("%d dead letters not written (%s)", len(unwritten), _why(error))
            return False
        for _, entry, end in unwritten:
            self._unpersisted.put((entry, end, Finish.of(end)))
        self._unwritten = []
        return True

    async def _stay(self, dead: list[Ended]) -> None:
        """Their receipts are resolved, and they stay in the store: marked as sent where the outcome is unknown."""
        await self._store.requeue([entry for entry, outcome in dead if outcome.verdict != "unknown"])
        for entry, outcome in dead:
            self._resolve(entry, outcome)

    def settling(self) -> set[Entry]:
        """The events in flight whose end is known, and not yet safe."""
        ends = chain(self._finishing, self._unpersisted)
        return {entry for entry, *_ in ends} | {entry for entry, _ in self._dead} | {one[1] for one in self._unwritten}

    async def _finish(self) -> None:
        while True:
            ended = self._finishing = await self._unpersisted.take()
            await self._store.finish([entry for entry, _, _ in ended], [end for _, _, end in ended])
            self._resolve_finished(asyncio.get_running_loop().time())

    def _resolve_finished(self, now: float) -> None:
        clock, finished = self._core.clock.at(now), self._finishing
        self._finishing = []
        for entry, outcome, _ in finished:
            if outcome is not None:
                self._resolve(entry, outcome)
            else:
                self._resolve_delivered(entry, clock)

    def _resolve(self, entry: Entry, outcome: Outcome) -> None:
        if not entry.over:  # it is, if its letter could not be written at first
            self._core.finish(entry, outcome)
            if self._log_outcome is not None:
                call_back("on_outcome", self._log_outcome, outcome)
            self._call_hook(entry)

    def _resolve_delivered(self, entry: Entry, clock: float) -> None:
        core, more = self._core, entry.more
        core.finish_delivered(entry, clock)
        if self._on_outcome is not None or (more is not None and more.watch is not None):
            self._call_hook(entry)
            return
        if core.short_of_room:
            self.freed.set()
        self.settled.check_soon()

    def _call_hook(self, entry: Entry) -> None:
        notify(entry)
        if self._on_outcome is not None and isinstance(outcome := end_of(entry), Outcome):
            call_back("on_outcome", self._on_outcome, outcome)
        if self._core.short_of_room:
            self.freed.set()
        self.settled.check()

    def fail(self, last: LastGroup, now: float) -> None:
        """The queue died; what its store has finished all the same has its outcome."""
        finished = set(last.finished)
        self._finishing = [ended for ended in self._finishing if ended[0] in finished]
        self._resolve_finished(now)

    def settle_now(self, now: float) -> None:
        """Everything at once, for a queue whose loop is ending: nothing can wait any more."""
        dead = [(entry, outcome) for _, entry, outcome in self._unwritten]  # also what was cut off being written
        self._unwritten = []
        dead += self._dead.drain()
        if dead and self._letters is not None:
            try:
                self._letters.write_now([Letter.of(entry, outcome, self._wall()) for entry, outcome in dead])
            except (OSError, SpoolError) as error:
                _log.error("%d dead letters not written (%s)", len(dead), _why(error))
        for entry, outcome in dead:
            self._resolve(entry, outcome)
        self._finishing += self._unpersisted.drain()
        self._resolve_finished(now)


def _why(error: OSError | SpoolError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else str(error)


def notify_accepted(entry: Entry) -> None:
    """Resolve what waits for the event's acceptance; what waited for that alone is forgotten."""
    more = entry.more
    if more is not None and more.watch is not None:
        more.watch.accepted(entry)
        if more.watch.over:
            more.watch = None


def notify(entry: Entry) -> None:
    """Resolve what waits for the event's end."""
    more = entry.more
    if more is not None and more.watch is not None:
        watcher, more.watch = more.watch, None
        watcher.ended(entry)
