"""What a product is, and a variant of it. Source: the vendor's guide on products."""

from typing import Any

import msgspec

from .._wire.codec import Answer, Moment
from .._wire.money import Money

__all__ = ["Product", "ProductVariant"]


class ProductVariant(Answer, frozen=True, kw_only=True):
    """A variant of a product, such as a size."""

    id: str
    type: str = "product_variant"
    created_at: Moment | None = None
    name: str | None = None
    reference: str | int | None = None
    sku: str | None = None
    price: Money | None = None
    metadata: dict[str, Any] | None = None


class Product(Answer, frozen=True, kw_only=True):
    """A product. The first of its `variants` may be a default one that mirrors it. There is no field for stock."""

    id: str
    type: str = "product"
    created_at: Moment | None = None
    name: str | None = None
    reference: str | int | None = None
    source: str | None = None
    sku: str | None = None
    description: str | None = None
    brand: str | None = None
    url: str | None = None
    image_url: str | None = None
    price: Money | None = None
    categories: list[Any] = msgspec.field(default_factory=list[Any])
    collection: list[Any] = msgspec.field(default_factory=list[Any])
    tags: list[Any] = msgspec.field(default_factory=list[Any])
    variants: list[ProductVariant] = msgspec.field(default_factory=list[ProductVariant])
    metadata: dict[str, Any] | None = None
