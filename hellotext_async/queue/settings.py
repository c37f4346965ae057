"""How a queue is set up, checked when it is given."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from .._callbacks import check_callable
from .._policy.retry_policy import Delivery
from ..config import EventFormat, check_choice, check_flag
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from .._events.event import Event
    from ..limiter import Limiter
    from .outcome import Outcome, Report
    from .store import Store

__all__ = ["Buffer", "Settings"]


class Buffer(Protocol):
    """What a user gives a queue to keep its events in: it makes the store."""

    @property
    def dead_letters(self) -> Path | None:
        """The file of dead letters; None: the store keeps them."""
        ...

    def store(self, settings: Settings) -> Store:
        """The store of one queue, in the running loop."""
        ...


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `client.event_queue()` was asked for.

    `log_outcome` is called with the outcomes that are not delivered at the first attempt, `on_outcome` with all, and
    `on_close` with the report of the close. `capture_context` keeps with each event the context it was handed in.
    `attempt_seconds` is how long one attempt may last, `limiter` what the queue's requests are paced by, `wall`
    the wall clock (Unix seconds). `account` answers something that differs for events of another business.
    """

    capacity: int = 10_000
    max_bytes: int = 32 * 1024 * 1024
    concurrency: int = 64
    ordering: Literal["subject"] | None = "subject"
    strict_order: bool = False
    delivery: Delivery = "careful"
    delivery_timeout: float = 120
    buffer: Buffer | None = None
    dead_letters: str | PathLike[str] | None = None
    on_outcome: Callable[[Outcome], Any] | None = None
    event_format: EventFormat = "typed"
    strict: bool = False
    idempotency_keys: bool = False
    before_send: Callable[[Event], Event | None] | None = None
    log_outcome: Callable[[Outcome], Any] | None = None
    on_close: Callable[[Report], Any] | None = None
    capture_context: bool = False
    priority: Literal["live", "background"] = "live"
    attempt_seconds: float = 20
    limiter: Callable[[], Limiter] | None = None
    wall: Callable[[], float] = time.time
    account: Callable[[], object] = type(None)

    def __post_init__(self) -> None:
        for name in ("capacity", "max_bytes", "concurrency"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigurationError(f"{name}: expected a whole number from 1")
        timeout = self.delivery_timeout
        if not isinstance(timeout, (int, float)) or isinstance(timeout, bool) or math.isnan(timeout) or timeout <= 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("delivery_timeout: expected seconds above 0")
        check_choice(self.ordering, ("subject", None), "ordering")
        check_flag(self.strict_order, "strict_order")
        check_choice(self.delivery, ("careful", "at_least_once", "at_most_once"), "delivery")
        check_choice(self.priority, ("live", "background"), "priority")
        if self.buffer is not None and not hasattr(self.buffer, "store"):
            raise ConfigurationError("buffer: expected None or a spool, such as SqliteSpool(path)")
        if not isinstance(self.dead_letters, (str, PathLike, type(None))):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError("dead_letters: expected None or a path")
        check_callable(self.on_outcome, "on_outcome")
