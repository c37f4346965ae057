"""`Families`: the API family by family, queues, and requests of one's own, with the options of one view."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import msgspec

from ._core import CallSender, Core
from ._wire.call import Call, Idempotency
from ._wire.params import plain
from .config import Options, Retry, check_choice, instance_of
from .errors import InvalidParameter
from .queue.queue import EventQueue
from .queue.settings import Settings
from .queue.unknowns import Unknown, asked_by, flat
from .resources._reconcile import Reconciled, reconcile
from .resources.actions import Actions
from .resources.apps import Apps
from .resources.carts import Carts
from .resources.coupons import Coupons
from .resources.events import Events
from .resources.lists import ProfileLists
from .resources.messages import Messages
from .resources.objects import Objects
from .resources.orders import Orders
from .resources.products import Products
from .resources.profiles import Profiles
from .resources.properties import Properties
from .resources.sessions import Sessions
from .resources.templates import Templates

if TYPE_CHECKING:
    from os import PathLike

    from ._policy.retry_policy import Delivery
    from .fleet.stream import RedisStream
    from .fleet.worker import StreamWorker
    from .queue.outcome import Outcome
    from .queue.settings import Buffer

__all__ = ["Families"]

_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_BY_METHOD: Final[dict[str, Idempotency]] = {
    "GET": "safe", "PUT": "idempotent", "PATCH": "idempotent", "DELETE": "idempotent", "POST": "non_idempotent",
}  # fmt: skip
_OLD_NAMES: Final[dict[str, Idempotency]] = {
    "repeatable": "idempotent", "duplicable": "non_idempotent", "once": "at_most_once",
}  # fmt: skip


class Families:
    """The API, family by family, with the options of one view."""

    def __init__(self, core: Core, options: Options) -> None:
        self._core = core
        self._options = options
        sends = self._sends = CallSender(core, options)
        self.actions = Actions(sends, strict=core.strict)
        self.apps = Apps(sends, strict=core.strict)
        self.carts = Carts(sends, strict=core.strict)
        self.coupons = Coupons(sends, strict=core.strict)
        self.events = Events(sends, core.event_format, core.reports.before_send, strict=core.strict)
        self.lists = ProfileLists(sends, strict=core.strict)
        self.messages = Messages(sends, strict=core.strict)
        self.objects = Objects(sends, strict=core.strict)
        self.orders = Orders(sends, strict=core.strict)
        self.products = Products(sends, strict=core.strict)
        self.profiles = Profiles(sends, strict=core.strict)
        self.properties = Properties(sends, strict=core.strict)
        self.sessions = Sessions(sends, core.business_id)
        self.templates = Templates(sends, strict=core.strict)

    def with_options(
        self,
        *,
        deadline: float | None = None,
        wait: float | EllipsisType | None = ...,
        retry: Retry | None = None,
    ) -> Families:
        """A view with other options that shares connections and rate.

        `deadline`: seconds for a whole call. `wait`: None waits for the rate as long as the
        deadline allows, 0 raises RateLimited at once when there is no permit, seconds bound the
        wait. `retry` replaces the retry policy.
        """
        policy = self._options.retry if retry is None else instance_of(retry, Retry, "retry")
        if deadline is not None:
            policy = msgspec.structs.replace(policy, deadline=deadline)
            policy.__post_init__()
        patience = self._options.wait if isinstance(wait, EllipsisType) else wait
        return Families(self._core, Options(policy, patience))

    def event_queue(
        self,
        *,
        capacity: int = 10_000,
        max_bytes: int = 32 * 1024 * 1024,
        concurrency: int = 64,
        ordering: Literal["subject"] | None = "subject",
        strict_order: bool = False,
        delivery: Delivery = "careful",
        delivery_timeout: float | None = None,
        buffer: Buffer | None = None,
        dead_letters: str | PathLike[str] | None = None,
        on_outcome: Callable[[Outcome], Any] | None = None,
        priority: Literal["live", "background"] = "live",
        transport: Literal["pool"] | None = None,
    ) -> EventQueue:
        """A queue that delivers events in the background; use it with ``async with``.

        At `capacity` events or `max_bytes` of bodies in memory `track` raises QueueFull and
        `put` waits. At most `concurrency` events are in flight, one per subject (`ordering` None:
        no order). A failed event blocks later ones of its subject for up to 30 s, with
        `strict_order` until it ends. `delivery` says what is repeated ("careful",
        "at_least_once", "at_most_once"), `delivery_timeout` for how many seconds an event is tried
        (120, with a spool 24 hours). `buffer` (a SqliteSpool, or a RedisStream) keeps events through
        a crash; `dead_letters` is a file for events that end badly; `on_outcome` is called with
        every `Outcome`. `priority` "background" uses the part of the rate that live traffic does not.
        Events go over connections of their own; `transport` "pool" sends them through the pool that
        calls use.

        Raises ConfigurationError.
        """
        if delivery_timeout is None:
            delivery_timeout = 120 if buffer is None else 24 * 3600
        settings = Settings(
            capacity=capacity, max_bytes=max_bytes, concurrency=concurrency, ordering=ordering,
            strict_order=strict_order, delivery=delivery, delivery_timeout=delivery_timeout, buffer=buffer,
            dead_letters=dead_letters, on_outcome=on_outcome, priority=priority,
        )  # fmt: skip
        return self._queue(settings, check_choice(transport, (None, "pool"), "transport"))

    def _queue(self, settings: Settings, transport: Literal["pool"] | None) -> EventQueue:
        """A queue over this client, which adds to the settings what it knows itself."""
        core, reports = self._core, self._core.reports
        dead_letters = settings.dead_letters or getattr(settings.buffer, "dead_letters", None)
        settings = msgspec.structs.replace(
            settings,
            concurrency=min(settings.concurrency, core.limits.concurrency),
            on_outcome=reports.on_outcome(settings.on_outcome),
            log_outcome=reports.log_outcome,
            on_close=partial(reports.on_close, dead_letters=dead_letters),
            capture_context=reports.wants_context,
            before_send=reports.before_send,
            event_format=core.event_format,
            strict=core.strict,
            idempotency_keys=core.idempotency_keys,
            attempt_seconds=core.timeouts.total,
            limiter=lambda: core.running().limiter,
            wall=core.wall,
            account=lambda: (core.origin, core.token.header()),
        )
        queue = EventQueue(lambda: core.for_events(transport, settings.priority), settings)
        core.queues = {one for one in core.queues if not one.closed} | {queue}
        return queue

    def worker(
        self,
        stream: RedisStream,
        *,
        concurrency: int = 64,
        capacity: int = 10_000,
        max_bytes: int = 32 * 1024 * 1024,
        strict_order: bool = False,
        delivery: Delivery = "careful",
        delivery_timeout: float = 24 * 3600,
        on_outcome: Callable[[Outcome], Any] | None = None,
        priority: Literal["live", "background"] = "live",
    ) -> StreamWorker:
        """A worker that delivers a stream's events beside others; ``async with``, then ``await worker.run()``.

        The options are those of `event_queue`; dead letters are kept in the stream. Raises ConfigurationError.
        """
        from .fleet.stream import RedisStream
        from .fleet.worker import StreamWorker, WorkerBuffer

        buffer = WorkerBuffer(instance_of(stream, RedisStream, "stream"))
        queue = self.event_queue(
            capacity=capacity, max_bytes=max_bytes, concurrency=concurrency, strict_order=strict_order,
            delivery=delivery, delivery_timeout=delivery_timeout, buffer=buffer, on_outcome=on_outcome,
            priority=priority,
        )  # fmt: skip
        return StreamWorker(queue, buffer, drain=self._core.timeouts.total + 2)

    async def reconcile(
        self, *unknowns: Unknown | Iterable[Unknown], settle: float = 2, pages: int = 100
    ) -> list[Reconciled]:
        """Look up in the API what became of requests whose outcome is unknown; nothing is sent but GETs.

        `unknowns` are the OutcomeUnknown errors of calls, a queue's outcomes, or dead letters, one
        by one or in lists; there is one result for each, in their order. Of creates, the object is
        looked for (by reference, code, name, contact; a message by its receiver and content), of
        events an order that ``order.placed`` described. What the API cannot answer stays unknown,
        with the reason. An absence is believed only `settle` seconds after the request. At most
        `pages` pages of 100 are read of each collection.
        """
        given = [(one, asked_by(one)) for one in flat(unknowns)]
        return await reconcile(self._sends, given, settle=settle, pages=pages)

    async def request(
        self,
        method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
        path: str,
        *,
        query: Mapping[str, str | int | None] | None = None,
        json: Mapping[str, Any] | None = None,
        idempotency: Idempotency | None = None,
        repeat: str | None = None,
    ) -> Any:
        """Ask what has no family yet; answers the decoded JSON (None for an empty body).

        `path` is quoted already and starts with ``/``. `idempotency` decides what is
        retried; by default GET is "safe", PUT, PATCH and DELETE are "idempotent", POST is "non_idempotent".
        `repeat` is its old name and warns.
        """
        if method not in _BY_METHOD:
            raise InvalidParameter("method", f"expected one of {', '.join(_BY_METHOD)}")
        if not isinstance(path, str) or not _PATH.fullmatch(path) or ".." in path.split("/"):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidParameter("path", "expected a quoted path that starts with '/', without query or '..'")
        if repeat is not None:
            warnings.warn("request(repeat=) is now called idempotency=", DeprecationWarning, stacklevel=2)
            idempotency = idempotency or _OLD_NAMES.get(repeat, cast("Idempotency", repeat))
        body = None if json is None else {key: plain(value, key) for key, value in json.items()}
        returns = cast("type[Any]", Any)
        call = Call(method, path, returns, idempotency or _BY_METHOD[method], query=query, body=body)
        return await self._sends.send(call)
