"""Carts: what a profile has in its cart at a moment. The document lists the routes only; the fields are the guides'."""

from datetime import datetime
from typing import Any, TypedDict, Unpack

from .._wire.codec import Answer
from ._verbs import Deletes, Lists, Retrieves, checked


class Cart(Answer, frozen=True, kw_only=True):
    """A shopping cart. `items` are as the API gives them; other fields are in `raw`."""

    id: str
    type: str = "cart"
    created_at: datetime | None = None
    reference: str | int | None = None
    source: str | None = None
    items: list[Any] = []


class CartFields(TypedDict, total=False):
    """What `carts.create` and `carts.update` take; an item is a `product` with a `quantity`."""

    reference: str | int
    source: str | None
    items: list[dict[str, Any]]


class Carts(Retrieves[Cart], Lists[Cart], Deletes):
    """``client.carts``"""

    path, key, noun = "/v1/attribution/carts", "carts", "cart"
    item = Cart

    async def create(self, **fields: Unpack[CartFields]) -> Cart:
        """Create a cart."""
        return await self._post(Cart, checked(fields, CartFields))

    async def update(self, id: str, /, **changes: Unpack[CartFields]) -> Cart:
        """Change what is passed of a cart."""
        return await self._patch(Cart, id, checked(changes, CartFields))
