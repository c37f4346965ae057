"""What the queue needs of what is below it: permits, and attempts under them."""

from __future__ import annotations

from collections.abc import Coroutine
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .._attempts import EventInFlight
    from .._policy.evidence import Attempt
    from .._wire.call import Request
    from ..limiter import Permit

__all__ = ["Attempts"]


class Attempts(Protocol):
    """All that the queue knows of what is below it."""

    @property
    def breaker_open(self) -> bool:
        """Whether the circuit breaker is open: the server does not answer."""
        ...

    def try_acquire(self) -> Permit | None:
        """Leave to send one event, if there is one at once."""
        ...

    async def acquire(self) -> Permit:
        """Leave to send one event."""
        ...

    def cancel(self, permit: Permit) -> None:
        """The permit was not used."""
        ...

    def attempt(
        self,
        request: Request,
        permit: Permit,
        *,
        key: str | None = None,
        not_after: float = inf,
        event: EventInFlight | None = None,
    ) -> Coroutine[Any, Any, Attempt]:
        """One exchange, and what it proved; `key` is the subject of the `event`.

        Nothing is written from `not_after` on.
        """
        ...
