"""`Hooks`: functions of a program's that a client calls when something happens.

Rules. A hook runs in the client's event loop and must not wait. What it raises is logged by its type
and changes nothing. Only `on_outage`, which is rare, may be an ``async def``: it runs as a task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec

from ._attempts import HttpAttempt
from ._callbacks import check_callable
from .errors import ConfigurationError

if TYPE_CHECKING:
    from ._events.event import Event
    from .limiter import RateState
    from .queue.outcome import Outcome

__all__ = ["Hooks", "HttpAttempt", "Outage", "hooks_of", "overridden"]

HookName = Literal["on_attempt", "on_outcome", "on_throttle", "on_outage", "before_send"]

ASYNC_ALLOWED: Final = frozenset({"on_outage"})


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """An outage of the API that began (`ended` is None), or ended.

    `client` is the client's name; `began` and `ended` are UTC; `reason` says in a word how the last
    request before it failed (``connect``, ``timeout``, ``HTTP 503`` …); `waiting` counts the events that wait
    in the client's queues.
    """

    client: str | None
    began: datetime
    ended: datetime | None
    reason: str
    waiting: int


class Hooks:
    """What a client calls when something happens. Subclass it, or give it functions.

    >>> class Alarm(Hooks):
    ...     async def on_outage(self, outage):
    ...         print("away since", outage.began, "with", outage.waiting, "events waiting")
    >>> client = Hellotext("token", hooks=[Alarm(), Hooks(on_outcome=print)])

    Raises ConfigurationError for an ``async def`` where a function is expected.
    """

    def __init__(
        self,
        *,
        on_attempt: Callable[[HttpAttempt], object] | None = None,
        on_outcome: Callable[[Outcome], object] | None = None,
        on_throttle: Callable[[RateState], object] | None = None,
        on_outage: Callable[[Outage], object] | None = None,
        before_send: Callable[[Event], Event | None] | None = None,
    ) -> None:
        given: dict[HookName, Callable[[Any], object] | None] = {
            "on_attempt": on_attempt,
            "on_outcome": on_outcome,
            "on_throttle": on_throttle,
            "on_outage": on_outage,
            "before_send": before_send,
        }
        for name, function in given.items():
            if function is not None:
                self.__dict__[name] = _checked(function, name)

    def on_attempt(self, attempt: HttpAttempt, /) -> None:
        """A request was made, of a call or for an event: called after each, in the task that made it."""

    def on_outcome(self, outcome: Outcome, /) -> None:
        """An event of a queue has its end."""

    def on_throttle(self, state: RateState, /) -> None:
        """A request was rate limited (429); `state` is the rate from now on."""

    def on_outage(self, outage: Outage, /) -> Awaitable[None] | None:
        """The API counts as away from now on, or is there again."""

    def before_send(self, event: Event, /) -> Event | None:
        """An event is handed in, in its caller's stack: return it, another one, or None to drop it.

        A dropped event is counted, and never sent. If it raises, the event is sent as it was given.
        """
        return event


def hooks_of(given: Hooks | Iterable[Hooks] | None) -> tuple[Hooks, ...]:
    """`given` as a tuple, each checked."""
    if given is None:
        return ()
    many = (given,) if isinstance(given, Hooks) else tuple(given) if isinstance(given, Iterable) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if many is None or not all(isinstance(one, Hooks) for one in many):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("hooks: expected None, a Hooks, or several of them")
    for one in many:
        for name in get_args(HookName):
            _checked(getattr(one, name), name)
    return many


def _checked(function: Callable[[Any], object], name: str) -> Callable[[Any], object]:
    if name in ASYNC_ALLOWED:
        if not callable(function):
            raise ConfigurationError(f"{name}: expected None or something to call")
        return function
    return check_callable(function, name)


def overridden(hooks: Iterable[Hooks], name: HookName) -> tuple[Callable[[Any], Any], ...]:
    """The functions of this name that do something."""
    own = [getattr(one, name) for one in hooks]
    default = getattr(Hooks, name)
    return tuple(function for function in own if getattr(function, "__func__", function) is not default)
