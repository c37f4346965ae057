"""The transport of a client that is switched off: nothing is sent, and every call succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._wire.call import Reply

if TYPE_CHECKING:
    from .._wire.call import Request

__all__ = ["Silent"]

_COLLECTIONS: Final = ("actions", "apps", "carts", "coupons", "lists", "profiles", "properties")
_EMPTY: Final = ",".join(f'"{name}":[]' for name in _COLLECTIONS)
_DONE: Final = Reply(200, body=f'{{"id":"disabled","status":"received",{_EMPTY}}}'.encode())


class Silent:
    """Answers everything itself."""

    async def exchange(self, request: Request, /, *, total: float) -> Reply:
        """A success that came from nowhere."""
        return _DONE

    async def aclose(self) -> None:
        """Nothing to give back."""
