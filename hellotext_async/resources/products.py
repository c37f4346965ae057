"""Products and their variants: what is sold.

The API's document refers to them and does not describe them. Source: the vendor's guide on products.
"""

from collections.abc import Mapping
from typing import Any, Unpack

from .._events.parameters import ProductFields, ProductParameters
from .._wire.params import name_segment
from ..errors import InvalidParameter
from ._product import Product
from ._product_variants import HasVariants
from ._upsert import find_or_create, found
from ._verbs import Deletes, Lists, Retrieves

__all__ = ["NewProduct", "Products"]


class NewProduct(ProductFields):
    """What `products.create` takes."""

    name: str


class Products(HasVariants, Retrieves[Product], Lists[Product], Deletes):
    """``client.products``. Every verb takes an id, a reference or a SKU; a reference may repeat over sources."""

    path, key, noun = "/v1/attribution/products", "products", "product"
    item = Product

    async def create(self, **fields: Unpack[NewProduct]) -> Product:
        """Create a product, with its variants if there are any; a reference that exists is not recognised."""
        return await self._post(Product, self._checked(fields, NewProduct))

    async def update(self, key: str, /, **changes: Unpack[ProductParameters]) -> Product:
        """Change what is passed of a product.

        `variants` replaces all there are, and an empty list deletes them all: leave it out to keep them.
        """
        return await self._patch(Product, key, self._checked(changes, ProductParameters))

    async def upsert(self, **fields: Unpack[NewProduct]) -> Product:
        """Update the product with this `reference` (of this `source`), else this `sku`; or create it.

        A lost answer is looked up before anything is sent again. Two programs that create it at the
        same moment keep one product, if the API finds the older of two by their reference.
        """
        body = self._checked(fields, NewProduct)
        name = "reference" if "reference" in body else "sku"
        key = body.get(name)
        if key is None:
            raise InvalidParameter("reference", "upsert needs a reference or a sku")
        name_segment(str(key), name)
        product, created = await find_or_create(
            lambda: self._find(str(key), body), lambda: self._post(Product, body), self.delete
        )
        return product if created else await self._patch(Product, product.id, body)

    async def _find(self, key: str, like: Mapping[str, Any]) -> Product | None:
        """The one that is like this in what identifies it; a reference may find that of another source first."""
        there = await found(self.retrieve(key))
        if there is None or _same(there, like):
            return there
        return await anext((product async for product in self.list() if _same(product, like)), None)


def _same(product: Product, like: Mapping[str, Any]) -> bool:
    names = ("reference", "source") if "reference" in like else ("sku",)
    return all(str(getattr(product, name)) == str(like[name]) for name in names if name in like)
