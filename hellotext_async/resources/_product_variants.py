"""Variants of products, as verbs of their parent. Source: the vendor's guide on products."""

from typing import Unpack

from .._events.parameters import VariantChanges, VariantFields
from .._wire.call import Call
from ._product import ProductVariant
from ._verbs import ByName, Deleted, Deletes, Retrieves

__all__ = ["HasVariants", "NewVariant"]


class NewVariant(VariantFields):
    """What `products.create_variant` takes."""

    name: str


class HasVariants(ByName):
    """The verbs of products that are about their variants; each takes an id, a reference or a SKU."""

    async def create_variant(self, product: str, /, **fields: Unpack[NewVariant]) -> ProductVariant:
        """Add a variant to a product."""
        path = self._at(product, "variants")
        body = self._checked(fields, NewVariant)
        return await self._sends.send(Call("POST", path, ProductVariant, "non_idempotent", body=body))

    async def retrieve_variant(self, variant: str, /) -> ProductVariant:
        """The variant with this id, reference or SKU."""
        return await _Variants(self._sends).retrieve(variant)

    async def update_variant(self, variant: str, /, **changes: Unpack[VariantChanges]) -> ProductVariant:
        """Change what is passed of a variant."""
        return await _Variants(self._sends)._patch(ProductVariant, variant, self._checked(changes, VariantChanges))

    async def delete_variant(self, variant: str, /) -> Deleted:
        """Delete a variant."""
        return await _Variants(self._sends).delete(variant)


class _Variants(ByName, Retrieves[ProductVariant], Deletes):
    path, noun = "/v1/attribution/variants", "product_variant"
    item = ProductVariant
