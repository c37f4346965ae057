"""`Hellotext`: the client, which opens and closes what its views share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ._callbacks import check_callable
from ._core import Core
from ._families import Families
from .config import (
    EventFormat,
    Limits,
    Options,
    Retry,
    Timeouts,
    Token,
    business_id_from,
    check_choice,
    check_flag,
    check_proxy,
    check_ssl,
    check_text,
    instance_of,
    origin,
    token_from,
    url_from,
)
from .hooks import Hooks, hooks_of

if TYPE_CHECKING:
    import ssl as ssl_module

    from .limiter import RateState

__all__ = ["Families", "Hellotext"]


class Hellotext(Families):
    """The asyncio client of the Hellotext API.

    >>> async with Hellotext() as client:
    ...     created = await client.profiles.create(first_name="Will E")

    `token` comes from HELLOTEXT_API_TOKEN and `base_url` from HELLOTEXT_API_URL unless given.
    Building does no I/O; the first use, `open()` or ``async with`` opens it in the running loop,
    to which it belongs from then on. `allow_http` permits plain http beyond loopback;
    ``enabled=False`` runs everything and sends nothing. `strict` refuses what holds a key that the API is not known
    to have, in the parameters of an event or in what a family takes, instead of warning of it. `ssl` and `proxy`
    are for the connections.
    `name` stands in its repr, log lines and metrics, where a program has several clients.
    `idempotency_keys` sends a stable ``Idempotency-Key`` with each create and event, and then repeats them
    when no answer came; the vendor documents such a key for one public route only, so it is off unless you
    know that yours takes it. `business_id` (or HELLOTEXT_BUSINESS_ID) is the public id that
    `sessions.identify` needs. `on_throttle` is called with `rate()` after each request that is rate limited;
    `hooks`, one or several, with everything that happens.

    Raises ConfigurationError for a token or a URL that cannot be used.
    """

    def __init__(
        self,
        token: str | Token | None = None,
        *,
        name: str | None = None,
        base_url: str | None = None,
        event_format: EventFormat = "typed",
        timeouts: Timeouts | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        ssl: ssl_module.SSLContext | None = None,
        proxy: str | None = None,
        allow_http: bool = False,
        enabled: bool = True,
        on_throttle: Callable[[RateState], Any] | None = None,
        hooks: Hooks | Iterable[Hooks] | None = None,
        strict: bool = False,
        idempotency_keys: bool = False,
        business_id: str | None = None,
    ) -> None:
        options = Options(Retry() if retry is None else retry)
        secret = token_from(token)
        del token  # an error below may be shown with its locals
        core = Core(
            secret,
            origin(url_from(base_url), allow_http=check_flag(allow_http, "allow_http")),
            name=check_text(name, "name"),
            event_format=check_choice(event_format, ("typed", "object"), "event_format"),
            timeouts=Timeouts() if timeouts is None else instance_of(timeouts, Timeouts, "timeouts"),
            limits=Limits() if limits is None else instance_of(limits, Limits, "limits"),
            ssl=check_ssl(ssl),
            proxy=check_proxy(proxy),
            enabled=check_flag(enabled, "enabled"),
            on_throttle=check_callable(on_throttle, "on_throttle"),
            hooks=hooks_of(hooks),
            strict=check_flag(strict, "strict"),
            idempotency_keys=check_flag(idempotency_keys, "idempotency_keys"),
            business_id=business_id_from(business_id),
        )
        super().__init__(core, options)

    async def open(self) -> Self:
        """Open it in the running loop now rather than at the first use."""
        self._core.running()
        return self

    async def aclose(self) -> None:
        """Drain and close its queues, then its connections; calls still under way fail. Safe to call twice."""
        await self._core.aclose()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def set_token(self, token: str | Token) -> None:
        """Go on with another token; queues that a revoked one suspended resume."""
        self._core.token = token_from(token)
        for queue in list(self._core.queues):
            queue.resume()

    def rate(self) -> RateState:
        """What is known of the API's rate limit at this moment."""
        return self._core.rate()

    @property
    def name(self) -> str | None:
        """The name that it was given."""
        return self._core.name

    def __repr__(self) -> str:
        return f"Hellotext({self._core.origin!r}{'' if self.name is None else f', name={self.name!r}'})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a client is not pickled or copied: it holds a token and connections")
