"""The transport of a client that is switched off: nothing is sent, and every call succeeds."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from .._wire.call import Reply

if TYPE_CHECKING:
    from .._wire.call import Request

__all__ = ["DisabledTransport"]

_COLLECTIONS: Final = (
    "actions", "apps", "carts", "coupons", "lists", "messages", "objects", "orders", "products", "profiles",
    "properties", "templates",
)  # fmt: skip
_EMPTY: Final = ",".join(f'"{name}":[]' for name in _COLLECTIONS)
_SUCCESS: Final = Reply(200, body=f'{{"id":"disabled","status":"received",{_EMPTY}}}'.encode())


class DisabledTransport:
    """Answers every request itself; no API gave these answers."""

    async def exchange(self, request: Request, /, *, total: float, not_after: float = inf) -> Reply:
        """A fixed success."""
        return _SUCCESS

    def abort(self) -> None:
        """There is nothing to close."""

    async def aclose(self) -> None:
        """There is nothing to close."""
