"""What an event may hold: its keywords for editors, and the one struct that judges them at run time.

Rules. `EventBody` decides what is valid, and nothing else does: values of other types (Decimal,
date, UUID, Enum, Mapping, subclasses of str and numbers) are turned into plain ones and judged by
the same struct. None is the same as absent.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, Final, Generic, TypeAlias, TypedDict, TypeVar, cast
from uuid import UUID

import msgspec
from msgspec import Meta

from .._wire.params import is_id, plain
from ..errors import InvalidParameter
from .parameters import (
    AppParameters,
    CouponParameters,
    FormParameters,
    OrderParameters,
    ProductParameters,
    ProductVariantParameters,
    RefundParameters,
)

__all__ = [
    "EVENT_FIELDS",
    "PLAIN",
    "Body",
    "CartProduct",
    "EventBody",
    "EventFields",
    "Item",
    "Level1",
    "Scalar",
    "read",
]

Amount = int | float | Decimal
Parameters = Mapping[str, Any]


class CartProduct(TypedDict, total=False):
    """One entry of `products`: `product` (id, reference or sku) or the parameters of a new one, and a `quantity`.

    In ``cart.added`` the quantity is what is in the cart afterwards, not what was added (the
    vendor's later guides).
    """

    product: str
    product_variant: str
    product_parameters: ProductParameters
    product_variant_parameters: ProductVariantParameters
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
    app_parameters: AppParameters | None
    cart: str | None
    products: Sequence[CartProduct] | None
    coupon: str | None
    coupon_parameters: CouponParameters | None
    form: str | None
    form_parameters: FormParameters | None
    order: str | None
    order_parameters: OrderParameters | None
    product: str | None
    product_parameters: ProductParameters | None
    product_variant: str | None
    product_variant_parameters: ProductVariantParameters | None
    refund: str | None
    refund_parameters: RefundParameters | None
    object: str | None
    object_parameters: Parameters | None
    object_type: str | None


_Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]  # larger ones are checked one by one
_Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
# msgspec has no recursive types: deeper values than these are checked one by one, and then judged by `_Checked`.
Scalar: TypeAlias = str | _Int | _Finite | bool | None
Level1: TypeAlias = Scalar | list[Scalar] | dict[str, Scalar]
_Level2: TypeAlias = Scalar | list[Level1] | dict[str, Level1]
_Level3: TypeAlias = Scalar | list[_Level2] | dict[str, _Level2]
_Unchecked: TypeAlias = dict[str, Scalar | list[_Level3] | dict[str, _Level3]]
_Checked: TypeAlias = dict[str, Any]
J = TypeVar("J")
_Text = Annotated[str, Meta(min_length=1)]
_Id = Annotated[str, Meta(min_length=1, max_length=64)]


class Item(msgspec.Struct, Generic[J], forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One entry of `products`."""

    product: _Text | None = None
    product_variant: _Text | None = None
    product_parameters: J | None = None
    product_variant_parameters: J | None = None
    quantity: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None


class EventBody(msgspec.Struct, Generic[J], forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """An event as the API takes it, and our own `event_id` and `order_key`, which are cleared before it is encoded.

    `J` is the type of its JSON objects: spelled out to judge what a caller gave, any once each value was checked.
    """

    action: str = ""
    event_id: _Text | None = None
    order_key: _Text | None = None
    profile: _Id | None = None
    session: _Id | None = None
    amount: int | _Finite | Decimal | None = None
    currency: _Text | None = None
    metadata: J | None = None
    tracked_at: Annotated[datetime, Meta(tz=True)] | int | _Finite | None = None
    url: _Text | None = None
    app: _Id | None = None
    app_parameters: J | None = None
    cart: _Id | None = None
    products: Annotated[list[Item[J]], Meta(min_length=1)] | None = None
    coupon: _Id | None = None
    coupon_parameters: J | None = None
    form: _Id | None = None
    form_parameters: J | None = None
    order: _Id | None = None
    order_parameters: J | None = None
    product: _Text | None = None
    product_parameters: J | None = None
    product_variant: _Text | None = None
    product_variant_parameters: J | None = None
    refund: _Id | None = None
    refund_parameters: J | None = None
    object: _Text | None = None
    object_parameters: J | None = None
    object_type: _Text | None = None


Body: TypeAlias = EventBody[_Checked]
_CHECKED: Final = Body


class _Fast(EventBody[_Unchecked]):
    """A class of its own: msgspec would hash the whole type of an alias at every conversion."""


PLAIN: Final = cast("type[Body]", _Fast)
"""What an event of plain values is converted to, at once."""
for _kind in (PLAIN, _CHECKED):  # now, since two threads that convert to a type for the first time can crash msgspec
    msgspec.convert({}, _kind)

EVENT_FIELDS: Final = frozenset(EventFields.__annotations__)
_IDS: Final = frozenset({"profile", "session", "app", "cart", "coupon", "form", "order", "refund"})
_ITEM_OBJECTS: Final = ("product", "product_variant", "product_parameters", "product_variant_parameters")
_objects_of: Final = attrgetter(*_ITEM_OBJECTS)
_NONE_OF_THEM: Final = (None,) * len(_ITEM_OBJECTS)
_MILLISECONDS: Final = 100_000_000_000
"""Unix seconds of the year 5138: a larger number is milliseconds."""
_PLACE: Final = re.compile(r" - at (?:`key` in )?`\$\.?([^`]*)`")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")


def read(action: str, fields: Mapping[str, Any], first: type[Body] = PLAIN) -> Body:
    """The checked event; a snapshot, so that nothing the caller changes later changes it.

    It is of the type `first` if it fits. Raises InvalidParameter, naming the field.
    """
    if not isinstance(action, str) or not action:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidParameter("action", "expected text that is not empty")
    try:
        body = msgspec.convert(fields, first)
    except Exception:  # besides ValidationError: text that UTF-8 cannot carry, numbers too large to compare
        if first is not PLAIN:
            return read(action, fields)
        body = _normalised(fields)
    if body.action:
        raise InvalidParameter("action", "given twice")
    body.action = action if type(action) is str else str.__str__(action)
    _check(body, fields)
    return body


def _check(body: Body, fields: Mapping[str, Any]) -> None:
    """What the types alone cannot say."""
    for name in fields:
        if name in _IDS and (value := getattr(body, name)) is not None and not is_id(value):
            raise InvalidParameter(name, "expected an id: 1 to 64 letters, digits, '_' or '-'")
    if body.profile is None and body.session is None:
        raise InvalidParameter("profile", "an event needs a profile or a session")
    if body.currency is not None and body.amount is None:
        raise InvalidParameter("amount", "a currency needs an amount")
    if body.tracked_at is not None:
        body.tracked_at = _seconds(body.tracked_at)
    if body.products is not None:
        _check_items(body.products)
    if body.amount is not None and type(body.amount) is not float:
        plain(body.amount, "amount")
        if isinstance(fields["amount"], str):  # which msgspec takes for a Decimal
            raise InvalidParameter("amount", "expected a number, in major units of the currency")
    if body.event_id is not None:
        body.event_id = _own_text(body.event_id, "event_id")
    if body.order_key is not None:
        body.order_key = _own_text(body.order_key, "order_key")


def _seconds(moment: datetime | float) -> int:
    try:
        value = moment.timestamp() if isinstance(moment, datetime) else moment
        if -_MILLISECONDS < value < _MILLISECONDS:
            return int(value)
    except (ValueError, OverflowError):  # a date that has no number, such as pandas' NaT
        raise InvalidParameter("tracked_at", "expected a moment that Unix seconds can say") from None
    raise InvalidParameter("tracked_at", "expected Unix seconds; this looks like milliseconds")


def _check_items(items: list[Item[_Checked]]) -> None:
    for index, item in enumerate(items):
        if _objects_of(item) == _NONE_OF_THEM:
            raise InvalidParameter(f"products[{index}]", f"expected one of: {', '.join(_ITEM_OBJECTS)}")


def _own_text(text: str, name: str) -> str:
    """An exact str that UTF-8 can carry: it is kept in files, where the encoder of the body does not see it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidParameter(name, "expected text that UTF-8 can carry") from None
    return text if type(text) is str else str.__str__(text)


def _normalised(fields: Mapping[str, Any]) -> Body:
    """`fields` in plain values, judged by the struct; InvalidParameter names the field that it refuses."""
    for name in fields:
        if name not in EVENT_FIELDS:
            raise InvalidParameter(name, "an event has no such field")
    values = {name: _plain(value, name) for name, value in fields.items()}
    try:
        return msgspec.convert(values, _CHECKED)
    except Exception:
        for name, value in values.items():
            _judge(name, value)
        raise


def _judge(name: str, value: Any) -> None:
    """InvalidParameter if the struct refuses this field."""
    try:
        msgspec.convert({name: value}, _CHECKED)
    except msgspec.ValidationError as error:
        message = str(error)
    except Exception:
        message = "a value that cannot be sent"
    else:
        return
    place, unknown = _PLACE.search(message), _UNKNOWN.search(message)
    name = place[1].removesuffix("[...]") if place else name
    if unknown:
        raise InvalidParameter(f"{name}.{unknown[1]}", "there is no such field")
    raise InvalidParameter(name, message.partition(" - at ")[0].lower())


def _plain(value: Any, name: str) -> Any:
    value = plain(value, name)
    return str(value) if isinstance(value, UUID) else value
