"""Products and their variants: what is sold.

The API's document refers to them and does not describe them. Source: the vendor's guide on products.
"""

from typing import Unpack

from .._events.parameters import ProductFields, ProductParameters, VariantChanges, VariantFields
from .._wire.call import Call
from ._product import Product, ProductVariant
from ._verbs import ByName, Deleted, Deletes, Lists, Retrieves, checked

__all__ = ["NewProduct", "NewVariant", "Product", "ProductVariant", "Products"]


class NewProduct(ProductFields):
    """What `products.create` takes."""

    name: str


class NewVariant(VariantFields):
    """What `products.create_variant` takes."""

    name: str


class Products(ByName, Retrieves[Product], Lists[Product], Deletes):
    """``client.products``. Every verb takes an id, a reference or a SKU; a reference may repeat over sources."""

    path, key, noun = "/v1/attribution/products", "products", "product"
    item = Product

    async def create(self, **fields: Unpack[NewProduct]) -> Product:
        """Create a product, with its variants if there are any; a reference that exists is not recognised."""
        return await self._post(Product, checked(fields, NewProduct))

    async def update(self, key: str, /, **changes: Unpack[ProductParameters]) -> Product:
        """Change what is passed of a product.

        `variants` replaces all there are, and an empty list deletes them all: leave it out to keep them.
        """
        return await self._patch(Product, key, checked(changes, ProductParameters))

    async def create_variant(self, product: str, /, **fields: Unpack[NewVariant]) -> ProductVariant:
        """Add a variant to a product."""
        path = self._at(product, "variants")
        body = checked(fields, NewVariant)
        return await self._sends.send(Call("POST", path, ProductVariant, "non_idempotent", body=body))

    async def retrieve_variant(self, variant: str, /) -> ProductVariant:
        """The variant with this id, reference or SKU."""
        return await _Variants(self._sends).retrieve(variant)

    async def update_variant(self, variant: str, /, **changes: Unpack[VariantChanges]) -> ProductVariant:
        """Change what is passed of a variant."""
        return await _Variants(self._sends)._patch(ProductVariant, variant, checked(changes, VariantChanges))

    async def delete_variant(self, variant: str, /) -> Deleted:
        """Delete a variant."""
        return await _Variants(self._sends).delete(variant)


class _Variants(ByName, Retrieves[ProductVariant], Deletes):
    path, noun = "/v1/attribution/variants", "product_variant"
    item = ProductVariant
