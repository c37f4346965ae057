"""The fields of an event: their types for editors, and the check of each at run time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypedDict

from .._wire.params import id_segment, plain
from ..errors import InvalidParameter

__all__ = ["CHECKS", "OURS", "CartProduct", "EventFields"]

Amount = int | float | Decimal
Parameters = Mapping[str, Any]


class CartProduct(TypedDict, total=False):
    """One entry of `products`: `product` (id, reference or sku) or the parameters of a new one, and a `quantity`.

    In ``cart.added`` the quantity is what is in the cart afterwards, not what was added (the
    vendor's later guides).
    """

    product: str
    product_variant: str
    product_parameters: Parameters
    product_variant_parameters: Parameters
    quantity: int


class EventFields(TypedDict, total=False):
    """Everything an event can be tracked with; None is the same as absent.

    `profile`, `session`
        Ids; at least one. A session of another profile is refused by the API.
    `amount`, `currency`
        Money in major units and its ISO 4217 code; a currency only together with an amount.
    `tracked_at`
        When it happened: an aware datetime or Unix seconds; sent in whole seconds.
    `event_id`, `order_key`
        Ours, never sent: the event's id in your own system, and the subject to keep order by.
    The rest are trackables as the API's document names them, an existing one by its id, a new one
    by its ``…_parameters``; `object`, `object_parameters` and `object_type` are the newer form.
    """

    event_id: str | None
    order_key: str | None
    profile: str | None
    session: str | None
    amount: Amount | None
    currency: str | None
    metadata: Parameters | None
    tracked_at: datetime | float | None
    url: str | None
    app: str | None
    app_parameters: Parameters | None
    cart: str | None
    products: Sequence[CartProduct] | None
    coupon: str | None
    coupon_parameters: Parameters | None
    form: str | None
    form_parameters: Parameters | None
    order: str | None
    order_parameters: Parameters | None
    product: str | None
    product_parameters: Parameters | None
    product_variant: str | None
    product_variant_parameters: Parameters | None
    refund: str | None
    refund_parameters: Parameters | None
    object: str | None
    object_parameters: Parameters | None
    object_type: str | None


Check = Callable[[Any, str], Any]
_ENTRY: Final = frozenset(CartProduct.__annotations__)
_ENTRY_OBJECTS: Final = _ENTRY - {"quantity"}
MILLISECONDS: Final = 100_000_000_000
"""Unix seconds of the year 5138: a larger number is milliseconds."""


def _text(value: Any, name: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise InvalidParameter(name, "expected text that is not empty")


def _amount(value: Any, name: str) -> Any:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        if math.isfinite(value):
            return plain(value, name)
        raise InvalidParameter(name, "expected a finite number")
    raise InvalidParameter(name, "expected a number, in major units of the currency")


def _parameters(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return plain(value, name)
    raise InvalidParameter(name, "expected a mapping")


def _moment(value: Any, name: str) -> int:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidParameter(name, "expected a datetime with a time zone")
        value = value.timestamp()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidParameter(name, "expected an aware datetime or Unix seconds")
    if value >= MILLISECONDS:
        raise InvalidParameter(name, "expected Unix seconds; this looks like milliseconds")
    return int(value)


def _products(value: Any, name: str) -> list[Any]:
    if not isinstance(value, (list, tuple)) or not value:
        raise InvalidParameter(name, "expected a list of products that is not empty")
    return [_product(entry, f"{name}[{i}]") for i, entry in enumerate(value)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _product(entry: Any, name: str) -> Any:
    if not isinstance(entry, Mapping) or not _ENTRY_OBJECTS.intersection(entry):  # pyright: ignore[reportUnknownArgumentType]
        raise InvalidParameter(name, f"expected a mapping with one of: {', '.join(sorted(_ENTRY_OBJECTS))}")
    for key, value in entry.items():  # pyright: ignore[reportUnknownVariableType]
        if key not in _ENTRY:
            raise InvalidParameter(f"{name}.{key}", "a product has no such field")
        check = _ENTRY_CHECKS[key]  # pyright: ignore[reportUnknownArgumentType]
        check(value, f"{name}.{key}")
    return plain(entry, name)


def _quantity(value: Any, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise InvalidParameter(name, "expected a whole number from 0")


_ENTRY_CHECKS: Final[dict[str, Check]] = {
    "product": _text,
    "product_variant": _text,
    "product_parameters": _parameters,
    "product_variant_parameters": _parameters,
    "quantity": _quantity,
}

OURS: Final = ("event_id", "order_key")

IDS: Final = frozenset({"profile", "session", "app", "cart", "coupon", "form", "order", "refund"})
TEXTS: Final = frozenset({"product", "product_variant", "object", "object_type", "currency", "url", *OURS})
MAPPINGS: Final = frozenset({"metadata", *(name for name in EventFields.__annotations__ if "parameters" in name)})

CHECKS: Final[dict[str, Check]] = {
    **dict.fromkeys(IDS, id_segment),
    **dict.fromkeys(TEXTS, _text),
    **dict.fromkeys(MAPPINGS, _parameters),
    "amount": _amount,
    "tracked_at": _moment,
    "products": _products,
}
