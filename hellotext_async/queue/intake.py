"""From a call to acceptance: room, the store, and what a cancelled `put` takes back.

Rules. What `put` waits for is accepted by `put` itself, when it resumes: cancelled before it
returns, the event is never sent. Whoever puts or tracks an id that is on its way joins it. What is
withdrawn or forgotten is gone from the store before what came later is appended.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, cast

from .._clock import time_of
from ..errors import HellotextError, NotAccepted, NotSent
from .entry import Entry, watch
from .outcome import Outcome
from .receipt import on_accepted
from .settler import notify, notify_accepted
from .tasks import Batch

if TYPE_CHECKING:
    from .._events.prepare import Prepared
    from .core import Core
    from .settler import Settler
    from .store import Appended, LastGroup, Store
    from .worker import Worker

__all__ = ["Intake"]

WAITING = ("offered", "pending", "stored")


class Intake:
    """Takes events for one core and one store."""

    def __init__(self, core: Core, store: Store, settler: Settler, worker: Worker) -> None:
        self._core = core
        self._store = store
        self._settler = settler
        self._worker = worker
        self._durable = store.durable
        self._loop = asyncio.get_running_loop()
        self._time = time_of(self._loop)
        self._new: Batch[Entry | str] = Batch()  # what is new; entries that are withdrawn, ids that are forgotten
        self._taken_back = False  # whether there is one that is not new
        self.withdrawn: set[Entry] = set()
        self._putting: dict[Entry, int] = {}
        self._coming: dict[Entry, None] = {}
        self._failure: HellotextError | None = None
        self._lock = threading.Lock()  # of the two above, which other threads use

    def enter(self, ready: Prepared, context: object) -> Entry | None:
        """The event, or the one that has its id; None if there is no room."""
        if ready.event_id is not None and (first := self._core.ids.known(ready.event_id)) is not None:
            self._join(first)
            return first
        core = self._core
        entry = core.enter(ready, core.clock.at(self._time()), context)
        if entry is None:
            return None
        if self._durable:
            self._new.put(entry)
        elif self._worker.listens:
            self._worker.wake()
        return entry

    def make(self, ready: Prepared, context: object) -> Entry | None:
        """An event that another thread hands over; None if there is no room for it and those that are coming."""
        entry = self._core.new(ready, 0.0, context)
        entry.state = "offered"
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if not self._core.capacity.has_room_for(len(ready.body), more=len(self._coming)):
                return None
            self._coming[entry] = None
        return entry

    def arrive(self, entry: Entry, closed: HellotextError | None) -> None:
        """An event that another thread made comes in."""
        with self._lock:
            if self._coming.pop(entry, entry) is not None:
                return  # the queue died meanwhile
        if entry.event_id is not None and (first := self._core.ids.known(entry.event_id)) is not None:
            self._join(first)
            self._follow(entry, first)
            return
        self._core.arrive(entry)
        if closed is not None:
            self._refuse(entry, closed)
        else:
            self.admit()

    async def put(self, ready: Prepared, context: object) -> Entry:
        """The event, or the one that has its id, once it is accepted."""
        entry = self._offered(ready, context)
        if entry.state in ("offered", "pending"):
            try:
                await on_accepted(entry, self._loop)
            except BaseException:
                self._give_up(entry)
                raise
        self._join(entry)
        if entry.state == "refused" and isinstance(entry.end, HellotextError):
            raise entry.end
        return entry

    def _offered(self, ready: Prepared, context: object) -> Entry:
        if ready.event_id is not None and (first := self._core.ids.known(ready.event_id)) is not None:
            if first in self._putting:
                self._putting[first] += 1
            return first
        entry = self._core.offer(ready, self._worker.now(), context)
        if entry.state in WAITING:
            self._putting[entry] = 1
            if entry.state == "pending":
                self._new.put(entry)
        elif self._worker.listens:
            self._worker.wake()
        return entry

    def _join(self, first: Entry) -> None:
        """A call has the event, and returns: it is wanted, whichever `put` of it is cancelled."""
        self._putting.pop(first, None)
        if first.state == "stored":
            self._accept(first)

    def _give_up(self, entry: Entry) -> None:
        """A `put` was cancelled; its event may be wanted no more."""
        if entry not in self._putting:
            return
        self._putting[entry] -= 1
        if self._putting[entry] or entry.state == "pending":  # what is being stored is withdrawn when it is
            return
        del self._putting[entry]
        if entry.state in WAITING:
            self._withdraw(entry)

    def _withdraw(self, entry: Entry) -> None:
        stored = entry.state == "stored"
        self._refuse(entry, NotSent("cancelled", attempts=0))
        if stored and self._durable:
            self.withdrawn.add(entry)
            self._take_back(entry)

    def allow_resubmission(self, event_id: str) -> None:
        """An event that ended badly may come again under its id."""
        self._core.ids.allow_resubmission(event_id)
        if self._durable:
            self._take_back(event_id)

    def _take_back(self, what: Entry | str) -> None:
        self._taken_back = True
        self._new.put(what)

    def _refuse(self, entry: Entry, end: Outcome | HellotextError) -> None:
        self._putting.pop(entry, None)
        self._core.refuse(entry, end)
        notify(entry)
        self._settler.freed.set()
        self._settler.settled.check()

    def _follow(self, entry: Entry, first: Entry) -> None:
        """The event is the one that came first under its id, and becomes what that becomes."""
        follower = _Follower(entry, self._core)
        if first.state not in WAITING:
            follower.accepted(first)
        watch(first, follower)

    def _accept(self, entry: Entry) -> None:
        """From here on the event is the queue's."""
        notify_accepted(entry)  # first: the store remembers what is waited for
        aside = self._store.place(entry, crowded=self._core.crowded)
        self._core.accept(entry, aside=aside)
        if aside:
            self._settler.freed.set()  # nothing else may be left whose end makes room
        if self._worker.listens:
            self._worker.wake()
        self._settler.settled.check_soon()

    async def append(self) -> None:
        """Have the store keep what is new, again and again."""
        while True:
            taken = await self._new.take()
            batch = await self._new_of(taken)
            try:
                answers = await self._store.append(batch)
            except HellotextError as error:
                for entry in batch:
                    self._refuse(entry, error)
                raise
            for entry, answer in zip(batch, answers, strict=True):
                self._appended(entry, answer)
            self._settler.settled.check()

    async def _new_of(self, batch: list[Entry | str]) -> list[Entry]:
        """What is new among it; what is withdrawn or forgotten is gone from the store first."""
        if self._taken_back:
            self._taken_back = False
            for event_id in [one for one in batch if isinstance(one, str)]:
                await self._store.allow_resubmission(event_id)
            gone = [one for one in batch if isinstance(one, Entry) and one in self.withdrawn]
            await self._store.finish(gone, [None] * len(gone))
            self.withdrawn.difference_update(gone)
            batch = [one for one in batch if isinstance(one, Entry) and one.state == "pending"]
        return cast("list[Entry]", batch)

    def _appended(self, entry: Entry, answer: Appended) -> None:
        if answer == "stored":
            self._stored(entry)
        elif answer == "aside" or isinstance(answer, Entry):
            self._putting.pop(entry, None)
            self._core.adopt(entry)
            self._settler.freed.set()
            notify_accepted(entry)
            if isinstance(answer, Entry):
                self._follow(entry, answer)
        else:
            self._refuse(entry, answer)

    def _stored(self, entry: Entry) -> None:
        """It is durable, or has its room in memory: `put` accepts it, if it was put, or withdraws it."""
        putters = self._putting.get(entry)
        if putters is None:
            self._accept(entry)
            return
        entry.state = "stored"
        if putters:
            notify_accepted(entry)
        else:
            self._putting[entry] = 1
            self._give_up(entry)

    def admit(self) -> None:
        """Let in those that wait for room and have it by now."""
        for entry in self._core.admit(self._worker.now()):
            if self._durable:
                self._new.put(entry)
            else:
                self._stored(entry)

    def close(self, error: HellotextError) -> None:
        """Nothing is let in any more; what is stored is accepted by the `put` that is about to return."""
        for entry in list(self._core.waiters):
            self._refuse(entry, error)

    def fail(self, error: HellotextError, last: LastGroup | None) -> None:
        """The queue died: what the store has by its `last` group is accepted, what it has not is nowhere."""
        with self._lock:
            self._failure, coming = error, list(self._coming)
        for entry in coming:
            self.arrive(entry, error)
        self.close(error)
        new = set(self._new.drain())
        for entry, answer in () if last is None else last.appended:
            self._appended(entry, answer)
        for entry in list(self._core.pending):
            if entry.state == "stored":
                self._join(entry)
            elif last is None and entry not in new:
                self._refuse(entry, NotAccepted("the queue died while the event was stored", may_be_accepted=True))
            else:
                self._refuse(entry, error)


class _Follower:
    """The same event came twice, by way of the store or of another thread: the second ends as the first does."""

    over = False

    def __init__(self, entry: Entry, core: Core) -> None:
        self._entry = entry
        self._core = core

    def accepted(self, entry: Entry, /) -> None:
        """So is the second; it is not counted."""
        second = self._entry
        if second.state == "offered":
            second.state = "aside"
            notify_accepted(second)

    def ended(self, entry: Entry, /) -> None:
        """So the second ends."""
        self._core.follow(self._entry, entry)
        notify(self._entry)
