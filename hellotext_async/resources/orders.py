"""Orders: what was sold, at which prices. Their steps are events: an order by itself is no purchase of anybody.

The API's document refers to orders and does not describe them. Source: the vendor's guide on orders.
"""

from typing import Any, Unpack

import msgspec

from .._events.parameters import OrderFields, OrderParameters
from .._wire.codec import Answer, Moment, Record
from .._wire.money import Money
from ._verbs import Lists, Retrieves

__all__ = ["Order", "OrderLine", "Orders"]


class OrderLine(Record, frozen=True, kw_only=True):
    """One line: `id` is the line's own, `product` the product or variant, `price` that of one piece."""

    id: str | None = None
    product: str | dict[str, Any] | None = None
    quantity: int | None = None
    price: Money | None = None


class Order(Answer, frozen=True, kw_only=True):
    """An order. `reference` is your own id of it within its `source`; `total` is computed by the API from the lines."""

    id: str
    type: str = "order"
    created_at: Moment | None = None
    name: str | None = None
    reference: str | int | None = None
    source: str | None = None
    delivery: str | None = None
    payment_method: str | None = None
    sales_channel: str | None = None
    items: list[OrderLine] = msgspec.field(default_factory=list[OrderLine])
    total: Money | None = None
    metadata: dict[str, Any] | None = None


class Orders(Retrieves[Order], Lists[Order]):
    """``client.orders``. No delete is documented; lines are changed by routes that no public source gives."""

    path, key, noun = "/v1/attribution/orders", "orders", "order"
    item = Order

    async def create(self, **fields: Unpack[OrderParameters]) -> Order:
        """Create an order: `items` name products by id, reference or SKU; a source of your own needs `delivery`.

        Nothing keeps a second one with the same reference from being made: after OutcomeUnknown
        look first (`client.reconcile` does).
        """
        return await self._post(Order, self._checked(fields, OrderParameters))

    async def update(self, id: str, /, **changes: Unpack[OrderFields]) -> Order:
        """Change what is passed of an order; not its lines, and no step of it (an event is that)."""
        return await self._patch(Order, id, self._checked(changes, OrderFields))
