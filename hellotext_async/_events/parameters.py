"""What the `…_parameters` of an event may hold, key by key, for editors, type checkers and `known_keys`.

Rules. These TypedDicts are the one table: checks at run time and the pages of the documentation
are made from them. The API's document names none of these keys; the source of each type is the
vendor's guides, or what the vendor's own clients send, and its docstring says which. A key that
is not here is sent all the same (`known_keys` says what is done about it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias, TypedDict

from .._wire.money import Money

__all__ = [
    "AppParameters",
    "CartItem",
    "CartParameters",
    "CouponParameters",
    "FormParameters",
    "MoneyParameters",
    "OrderFields",
    "OrderItem",
    "OrderParameters",
    "ProductFields",
    "ProductParameters",
    "ProductVariantParameters",
    "RefundParameters",
    "VariantChanges",
    "VariantFields",
]

Amount: TypeAlias = int | float | Decimal


class MoneyParameters(TypedDict, total=False):
    """Money as a mapping: `amount` in major units (89.9, not 8990), `currency` by ISO 4217.

    The converted pair is what the vendor's WordPress plugin sends beside them.
    """

    amount: Amount
    currency: str
    converted_amount: Amount
    converted_currency: str


Price: TypeAlias = Money | MoneyParameters


class _Described(TypedDict, total=False):
    """What every new thing may have.

    `reference` (your own id of it) together with `source` (the system that it is from) finds the
    one that exists already (the vendor's guide on external tracking). `property_by_id` holds
    values of properties that the business has added to its objects, by their ids.
    """

    reference: str | int
    source: str
    metadata: Mapping[str, Any]
    property_by_id: Mapping[str, Any]


class VariantFields(_Described, total=False):
    """What a variant may have besides its name."""

    sku: str
    price: Price


class VariantChanges(VariantFields, total=False):
    """A variant, as a product's create and update take it. Source: the vendor's guide on products."""

    name: str


class ProductVariantParameters(VariantChanges, total=False):
    """A new variant of a product, in an event.

    `product` is the parent, by id, reference or SKU, or described itself, where no `product`
    stands beside these parameters (the vendor's VTEX client).
    """

    product: str | ProductParameters


class ProductFields(_Described, total=False):
    """What a product may have besides its name."""

    sku: str
    description: str
    brand: str
    url: str
    image_url: str
    price: Price
    categories: Sequence[str]
    collection: Sequence[str]
    tags: Sequence[str]
    variants: Sequence[VariantChanges]


class ProductParameters(ProductFields, total=False):
    """A new product; `name` is required. Source: the vendor's guide on products.

    `image_url` is public, since the API fetches the picture. There is no key for stock.
    """

    name: str


class OrderItem(TypedDict, total=False):
    """One line of an order: a `product` or variant by id, reference or SKU (or described), how many, and at what price.

    `quantity` is a whole number from 1. Without a `price`, for one piece, the product's own counts.
    Source: the vendor's guide on orders. One line for each product: lines of the same are not kept apart.
    """

    product: str | ProductParameters | ProductVariantParameters
    quantity: int
    price: Price


class OrderFields(_Described, total=False):
    """What an order has besides its lines. `delivery` is ``deliver`` or ``collect``."""

    name: str
    delivery: str
    payment_method: str
    sales_channel: str


class OrderParameters(OrderFields, total=False):
    """A new order. Source: the vendor's guide on orders; `total` as its WordPress plugin sends it.

    `delivery` is ``deliver`` or ``collect``, and needed for a source of your own. `reference` makes
    later events of the order find it.
    """

    items: Sequence[OrderItem]
    total: Price


class CartItem(TypedDict, total=False):
    """One line of a cart in the newer form: `quantity` is what is in the cart afterwards."""

    product: str | ProductParameters | ProductVariantParameters
    quantity: int
    price: Price


class CartParameters(TypedDict, total=False):
    """A cart in the newer form of events (`object_parameters`). Source: the vendor's guide on custom stores."""

    reference: str | int
    source: str
    items: Sequence[CartItem]
    metadata: Mapping[str, Any]


class CouponParameters(_Described, total=False):
    """A new coupon: what `client.coupons.create` takes. Source: the API's document (`type`: WordPress plugin)."""

    code: str
    description: str
    destination_url: str
    type: str


class RefundParameters(_Described, total=False):
    """A new refund. Source: what the vendor's WordPress plugin sends; no guide describes one."""

    name: str
    amount: Amount
    currency: str
    total: Price


class FormParameters(_Described, total=False):
    """A new form. No source describes one: `name` is inferred from the other objects."""

    name: str


class AppParameters(_Described, total=False):
    """A new app: the keys of `client.apps.create`. Source: the API's document."""

    name: str
    image_url: str
