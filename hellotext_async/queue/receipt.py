"""`Receipt`: one accepted event, from acceptance to its outcome; what the caller holds is what is queued.

Rules. It costs no future until somebody awaits it, and no outcome until somebody looks. Awaiting
it never raises for a bad outcome, and cancelling the wait never cancels the delivery.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, cast

import msgspec

from .. import _process
from .._process import Process
from ..errors import HellotextError
from .outcome import Outcome

if TYPE_CHECKING:
    from .._policy.evidence import Attempt
    from .._wire.call import Idempotency

__all__ = ["MadeId", "Receipt", "Trouble"]

_PREFIXES: dict[Process, str] = {}


def _prefix() -> str:
    """A forked child makes ids of its own."""
    here = _process.here
    return _PREFIXES.get(here) or _PREFIXES.setdefault(here, secrets.token_hex(6))


_numbers = itertools.count(1)

Watcher = Callable[["Outcome | HellotextError"], None]


class Trouble(msgspec.Struct):
    """What went wrong with an event so far; most events never have one.

    `attempts` made, the `last` of them, the last one that may have been applied (`doubt`) and how
    many of those there were (`doubts`), the seconds for which its own failures held its subject
    (`held`), and whether it `holds` it still.
    """

    attempts: int = 0
    last: Attempt | None = None
    doubt: Attempt | None = None
    doubts: int = 0
    held: float = 0.0
    holds: bool = True


class MadeId(str):
    """An id that was made for an event by an earlier process, and came back from a spool."""

    __slots__ = ()


class Receipt(msgspec.Struct, eq=False, weakref=True):
    """One event that a queue took. ``await receipt`` gives its `Outcome`.

    `_place` is 0 in memory. In a spool it is None or a future until the event is safe, then its number, or the error.
    """

    _action: str
    _body: bytes | None
    _subject: str | None
    _repeat: Idempotency
    _at: float
    _id: str | int | None = None
    _trouble: Trouble | None = None
    _place: Any = 0
    _end: Any = None

    @property
    def event_id(self) -> str:
        """The caller's id of the event, else one made for it."""
        if isinstance(self._id, str):
            return str(self._id)
        if self._id is None:
            self._id = next(_numbers)
        return f"{_prefix()}-{self._id}"

    @property
    def _given(self) -> bool:
        """Whether the id is the caller's."""
        return type(self._id) is str

    @property
    def action(self) -> str:
        """The event's action."""
        return self._action

    @property
    def outcome(self) -> Outcome | None:
        """The outcome, if there is one yet."""
        end = self._end
        if type(end) is float:
            end = self._end = Outcome(verdict="delivered", event_id=self.event_id, action=self._action, waited=end)
        return end if isinstance(end, Outcome) else None

    def done(self) -> bool:
        """Whether there is anything more to wait for."""
        return self._end is not None and not isinstance(self._end, asyncio.Future) and not callable(self._end)

    @property
    def stored(self) -> bool:
        """Whether a spool has it safe (a queue in memory has nothing to store)."""
        return self._seq > 0

    @property
    def _seq(self) -> int:
        """Its number in the spool, 0 if it has none."""
        return self._place if isinstance(self._place, int) else 0

    def __await__(self) -> Generator[Any, None, Outcome]:
        return self._wait().__await__()

    async def _wait(self) -> Outcome:
        if isinstance(self._end, HellotextError):
            raise self._end
        outcome = self.outcome
        return outcome if outcome is not None else await asyncio.shield(self._future())

    async def accepted(self) -> None:
        """Return once the queue has accepted the event; SpoolError if it could not."""
        if isinstance(self._place, int):
            return
        if isinstance(self._place, HellotextError):
            raise self._place
        if self._place is None:
            self._place = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._place)

    def _future(self) -> asyncio.Future[Outcome]:
        end: asyncio.Future[Outcome] | Any = self._end
        if isinstance(end, asyncio.Future):
            return cast("asyncio.Future[Outcome]", end)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        watcher, self._end = self._end, future
        if watcher is not None:
            self._watch(watcher)
        return future

    def _watch(self, watcher: Watcher) -> None:
        """Call `watcher` with the outcome, or the error if there will be none; at once if that is known."""
        if self._end is None:
            self._end = watcher
        elif (outcome := self.outcome) is not None:
            watcher(outcome)
        elif isinstance(self._end, HellotextError):
            watcher(self._end)
        else:
            self._future().add_done_callback(lambda done: _pass_on(done, watcher))

    def _delivered(self, waited: float) -> None:
        """Delivered at the first attempt; its outcome is made when somebody looks."""
        if self._end is None:
            self._end = waited
            self._body = self._subject = None
        else:
            self._finish(Outcome(verdict="delivered", event_id=self.event_id, action=self._action, waited=waited))

    def _finish(self, end: Outcome | HellotextError) -> None:
        """The end, once: an outcome, or an error for those who wait for what will not come."""
        waiting, self._end = self._end, end
        self._body = self._subject = self._trouble = None
        if waiting is None:
            return
        if isinstance(waiting, asyncio.Future):
            _settle(waiting, end)  # pyright: ignore[reportUnknownArgumentType]
        else:
            waiting(end)

    def _accept(self, place: int | HellotextError) -> None:
        """It is accepted and has its place in the spool, or an error says why it has none."""
        waiting, self._place = self._place, place
        if isinstance(waiting, asyncio.Future):
            _settle(waiting, place)  # pyright: ignore[reportUnknownArgumentType]

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("action", self._action), ("done", self.done())]

    def __repr__(self) -> str:
        state = self.outcome.verdict if self.outcome else "ended" if self.done() else "waiting"
        return f"Receipt({self._action!r}, {state})"


def _pass_on(done: asyncio.Future[Outcome], watcher: Watcher) -> None:
    if done.cancelled():
        return
    error = done.exception()
    if error is None:
        watcher(done.result())
    elif isinstance(error, HellotextError):
        watcher(error)


def _settle(future: asyncio.Future[Any], value: object) -> None:
    if future.done():
        return
    if isinstance(value, HellotextError):
        future.set_exception(value)
        future.exception()  # retrieved here, so that nobody is told of an error that nobody awaits
    else:
        future.set_result(value)
