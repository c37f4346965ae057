"""Carts: what a profile has in its cart at a moment.

The API's document gives the routes and stops there; the fields are those of the vendor's later
guides.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

import msgspec

from .._wire.codec import Answer, Moment
from ._verbs import Deletes, Lists, Retrieves

__all__ = ["Cart", "CartFields", "Carts"]


class Cart(Answer, frozen=True, kw_only=True):
    """A shopping cart. `items` are as the API gives them; other fields are in `raw`."""

    id: str
    type: str = "cart"
    created_at: Moment | None = None
    reference: str | int | None = None
    source: str | None = None
    items: list[Any] = msgspec.field(default_factory=list[Any])


class CartFields(TypedDict, total=False):
    """What `carts.create` and `carts.update` take.

    An item is a ``product`` (id, reference, sku, or its fields) with the ``quantity`` that is in
    the cart; `reference` is your own id, unique within its `source`.
    """

    reference: str | int
    source: str | None
    items: Sequence[Mapping[str, Any]]


class Carts(Retrieves[Cart], Lists[Cart], Deletes):
    """``client.carts``. What customers do with carts is tracked as ``cart.added``, ``.removed`` and ``.abandoned``."""

    path, key, noun = "/v1/attribution/carts", "carts", "cart"
    item = Cart

    async def create(self, **fields: Unpack[CartFields]) -> Cart:
        """Create a cart."""
        return await self._post(Cart, self._checked(fields, CartFields))

    async def update(self, id: str, /, **changes: Unpack[CartFields]) -> Cart:
        """Change what is passed of a cart."""
        return await self._patch(Cart, id, self._checked(changes, CartFields))
