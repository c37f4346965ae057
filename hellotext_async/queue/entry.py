"""`Entry`: one event inside the queue, from the call that took it to its end. The queue's loop alone changes it."""

from __future__ import annotations

import itertools
import secrets
from typing import TYPE_CHECKING, Final, Generic, Literal, Protocol, TypeVar, overload

import msgspec

from .. import _process
from .._attempts import AboutEvent
from .outcome import Outcome

if TYPE_CHECKING:
    from contextvars import Context

    from .._policy.evidence import Attempt
    from .._process import Process
    from .._wire.call import Idempotency
    from ..errors import HellotextError

__all__ = [
    "LIFE", "AttemptHistory", "Entry", "More", "State", "Watcher",
    "end_of", "id_of", "more_of", "new_id", "watch",
]  # fmt: skip

T = TypeVar("T")

State = Literal["offered", "pending", "stored", "queued", "aside", "in_flight", "delivered", "ended", "kept", "refused"]

LIFE: Final[dict[State, frozenset[State]]] = {
    # It waits for room, or for the first of its id.
    "offered": frozenset(("pending", "stored", "queued", "aside", "refused")),
    # The store is about to make it durable.
    "pending": frozenset(("stored", "queued", "aside", "ended", "refused", "kept")),
    # It is durable, or has room in memory; the `put` that waits for it has not resumed.
    "stored": frozenset(("queued", "aside", "refused", "kept")),
    # It is accepted, and waits for its turn, or to be retried.
    "queued": frozenset(("in_flight", "ended", "kept")),
    # It is accepted, and waits in the store only, or is another's second coming.
    "aside": frozenset(("queued", "ended", "kept")),
    # It is being sent, or its end is being committed.
    "in_flight": frozenset(("queued", "delivered", "ended", "kept")),
    # It was delivered at the first attempt; it has another outcome; the store keeps it; it was never accepted.
    "delivered": frozenset(),
    "ended": frozenset(),
    "kept": frozenset(),
    "refused": frozenset(),
}
"""The life of an event: which states follow which."""

OVER: Final = frozenset(state for state, following in LIFE.items() if not following)
"""The states in which nothing more becomes of an event."""


class AttemptHistory(msgspec.Struct):
    """What went wrong with an event so far; most events never have one.

    `attempts` made, the `last` of them, the last one that may have been applied (`last_uncertain`) and how
    many of those there were (`uncertain_count`), the seconds for which its own failures held its subject
    (`blocked_for`), and whether it `blocks_subject` it now.
    """

    attempts: int = 0
    last: Attempt | None = None
    last_uncertain: Attempt | None = None
    uncertain_count: int = 0
    blocked_for: float = 0.0
    blocks_subject: bool = True

    @classmethod
    def read(cls, attempts: int, uncertain_count: int, uncertain: Attempt) -> AttemptHistory:
        """What a store kept of the attempts of an earlier process; `uncertain` stands for those that may have been
        applied.
        """
        last = uncertain if uncertain_count else None
        return cls(attempts=attempts, last=last, last_uncertain=last, uncertain_count=uncertain_count)


class Watcher(Protocol):
    """What waits for an event."""

    @property
    def over(self) -> bool:
        """Whether it waits no more."""
        ...

    def accepted(self, entry: Entry, /) -> None:
        """It is accepted, or never will be: then it has an end."""
        ...

    def ended(self, entry: Entry, /) -> None:
        """It has its end."""
        ...


class More(msgspec.Struct, eq=False):
    """What most events in memory never have; see `Entry`, by which it is read and changed."""

    event_id: str | None = None
    has_caller_id: bool = False
    key: int = 0
    history: AttemptHistory | None = None
    watch: Watcher | None = None
    context: object = None
    enqueued_in: Context | None = None
    end: Outcome | HellotextError | None = None


def more_of(entry: Entry) -> More:
    """What most events never have, made if it is not there: several fields are read or set at once."""
    more = entry.more
    if more is None:
        with _process.id_lock:  # an id may be asked for in another thread
            more = entry.more
            if more is None:
                more = entry.more = More()
    return more


class Rare(Generic[T]):
    """A field of an entry that is kept in its `more`, which is made when the first of them is set."""

    def __init__(self, name: str, absent: T) -> None:
        self._name = name
        self._absent = absent

    @overload
    def __get__(self, entry: None, owner: object) -> Rare[T]: ...
    @overload
    def __get__(self, entry: Entry, owner: object) -> T: ...
    def __get__(self, entry: Entry | None, owner: object) -> Rare[T] | T:
        if entry is None:
            return self
        more = entry.more
        if more is None:
            return self._absent
        value: T = getattr(more, self._name)
        return value

    def __set__(self, entry: Entry, value: T) -> None:
        if entry.more is not None or value is not self._absent:
            setattr(more_of(entry), self._name, value)


class Entry(msgspec.Struct, eq=False, weakref=True):
    """One event: what is sent, and how far it is. Many wait at once, so what most never have takes no room in it.

    `at` is when it was accepted, on the delivery clock; once delivered, the seconds that took.
    `has_caller_id` says that `event_id` is the caller's; another id is made when it is asked for. `key`
    belongs to the store. `enqueued_in` is the context in which it was handed in, for hooks that ask
    for it. The body is empty once it is not needed in memory. What it ended in is `end_of`: most
    events are delivered at once, and it is not asked for.
    """

    action: str
    body: bytes
    subject: str | None
    idempotency: Idempotency
    at: float
    state: State = "pending"
    more: More | None = None

    event_id = Rare[str | None]("event_id", None)
    has_caller_id = Rare[bool]("has_caller_id", False)
    key = Rare[int]("key", 0)
    history = Rare[AttemptHistory | None]("history", None)
    watch = Rare[Watcher | None]("watch", None)
    context = Rare[object]("context", None)
    enqueued_in = Rare["Context | None"]("enqueued_in", None)
    end = Rare["Outcome | HellotextError | None"]("end", None)

    @property
    def over(self) -> bool:
        """Whether it has its end."""
        return self.state in OVER

    def described(self) -> AboutEvent:
        """What is reported of it at an attempt."""
        made = 0 if self.history is None else self.history.attempts
        return AboutEvent(id_of(self), self.action, made + 1, self.enqueued_in)


def end_of(entry: Entry) -> Outcome | HellotextError | None:
    """The outcome of an event, or the error that says why it has none; None: it goes on."""
    more = entry.more
    if entry.state == "delivered" and (more is None or more.end is None):
        event_id, more = id_of(entry), more_of(entry)
        more.end = Outcome(
            verdict="delivered", event_id=event_id, action=entry.action, waited=entry.at, context=more.context
        )
    return None if more is None else more.end


class Several:
    """Several watchers of one event; those that gave up waiting are dropped in time."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = list(watchers)

    @property
    def over(self) -> bool:
        """Whether none of them waits any more."""
        return all(watcher.over for watcher in self._watchers)

    def add(self, watcher: Watcher) -> None:
        """One more."""
        if len(self._watchers) >= 16:
            self._watchers = [one for one in self._watchers if not one.over]
        self._watchers.append(watcher)

    def accepted(self, entry: Entry, /) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.accepted(entry)

    def ended(self, entry: Entry, /) -> None:
        """Pass it on."""
        for watcher in self._watchers:
            watcher.ended(entry)


def watch(entry: Entry, watcher: Watcher) -> None:
    """Let `watcher` know what becomes of `entry`, at once if it has its end."""
    if entry.over:
        watcher.ended(entry)
        return
    more = more_of(entry)
    if more.watch is None:
        more.watch = watcher
    elif isinstance(more.watch, Several):
        more.watch.add(watcher)
    else:
        more.watch = Several(more.watch, watcher)


_prefixes: dict[Process, str] = {}
_numbers = itertools.count(1)


def id_of(entry: Entry) -> str:
    """The event's id; one is made if the caller gave none, the same for every thread. A forked child makes its own."""
    more = entry.more
    if more is not None and more.event_id is not None:
        return more.event_id
    more = more_of(entry)
    with _process.id_lock:
        if more.event_id is None:
            more.event_id = new_id()
        return more.event_id


def new_id() -> str:
    """An id for an event that no other thread knows yet."""
    here = _process.current_process
    prefix = _prefixes.get(here) or _prefixes.setdefault(here, secrets.token_hex(6))
    return f"{prefix}-{next(_numbers)}"
