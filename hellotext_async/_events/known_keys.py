"""What is done about an unknown key in an event's parameters or a resource's fields: a warning once, or a refusal.

Rules. The known keys are those of the TypedDicts in `parameters`, read from them. What is known is
decided by the parameter's name; for `object_parameters` by the action, and for a custom action
everything is known. The vendor may know more than this version, so the event is sent all the same.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args, get_type_hints, is_typeddict

from .._wire.params import shown
from .._wire.shapes import is_array, is_object
from ..errors import InvalidParameter
from .parameters import (
    AppParameters,
    CartParameters,
    CouponParameters,
    FormParameters,
    OrderParameters,
    ProductParameters,
    ProductVariantParameters,
    RefundParameters,
)

if TYPE_CHECKING:
    from .fields import Body

__all__ = [
    "SHAPES",
    "WITH_PARAMETERS",
    "UnknownParameterWarning",
    "check_inside",
    "check_parameters",
    "forget_warnings",
    "object_shape",
    "shapes_by_key",
    "unknown_keys",
]

SHAPES: Final[dict[str, tuple[type[Any], ...]]] = {
    "app_parameters": (AppParameters,),
    "coupon_parameters": (CouponParameters,),
    "form_parameters": (FormParameters,),
    "order_parameters": (OrderParameters,),
    "product_parameters": (ProductParameters,),
    "product_variant_parameters": (ProductVariantParameters,),
    "refund_parameters": (RefundParameters,),
}
"""The type of each parameter; the newer form's are in `object_shape`."""

_OBJECTS: Final[dict[str, tuple[type[Any], ...]]] = {
    "app": (AppParameters,),
    "cart": (CartParameters,),
    "coupon": (CouponParameters,),
    "form": (FormParameters,),
    "order": (OrderParameters,),
    "product": (ProductParameters, ProductVariantParameters),
    "refund": (RefundParameters,),
}
_OF_ITEM: Final = ("product_parameters", "product_variant_parameters")
_of_body: Final = attrgetter(*SHAPES, "object_parameters", "products")
_of_item: Final = attrgetter(*_OF_ITEM)
WITH_PARAMETERS: Final = frozenset({*SHAPES, "object_parameters", "products"})
"""The fields of an event that may hold parameters."""

_ROOT: Final = str(Path(__file__).parent.parent)
_MOST_WARNINGS: Final = 1000

_warned: set[tuple[str, str]] = set()


class UnknownParameterWarning(UserWarning):
    """A parameter of an event has a key that this version does not know: most often a misspelt one."""


class Unknown(NamedTuple):
    """A key that is not known: where it stands, and the known one that it most resembles."""

    place: str
    key: str
    nearest: str | None

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.place} has no key {shown(self.key)!r}{hint}"


class _Keys:
    """The keys of one or more TypedDicts, and the same for what stands behind some of them."""

    __slots__ = ("known", "nested")

    known: frozenset[str]
    nested: list[tuple[str, _Keys]]


def object_shape(action: str) -> tuple[type[Any], ...]:
    """The types of the `object_parameters` of a built-in action; none for any other."""
    return _OBJECTS.get(action.partition(".")[0], ())


def check_parameters(body: Body, *, builtin: bool, strict: bool = False) -> None:
    """Warn of the unknown keys in the parameters of `body`, once for each; with `strict` raise InvalidParameter.

    `builtin` says whether the action is one of the vendor's, whose `object_parameters` are known.
    """
    found = _of_body(body)
    if any(found) and not _known(body.action, builtin, found):
        for unknown in unknown_keys(body, builtin=builtin):
            _report(unknown, strict=strict)


def unknown_keys(body: Body, *, builtin: bool) -> Iterator[Unknown]:
    """Every key in the parameters of `body` that is not known."""
    *given, as_object, products = _of_body(body)
    for name, value in zip(SHAPES, given, strict=True):
        yield from _unknown(name, value, _keys(SHAPES[name]))
    if builtin:
        yield from _unknown("object_parameters", as_object, _keys(object_shape(body.action)))
    for at, item in enumerate(products or ()):
        for name in _OF_ITEM:
            yield from _unknown(f"products[{at}].{name}", getattr(item, name), _keys(SHAPES[name]))


def check_inside(name: str, value: Any, shape: type[Any], *, strict: bool = False) -> None:
    """Warn of the unknown keys inside `value`, which stands under `name` in a mapping of the TypedDict `shape`.

    With `strict` raise InvalidParameter.
    """
    for key, inner in _keys((shape,)).nested:
        if key == name:
            for unknown in _unknown(name, value, inner):
                _report(unknown, strict=strict)


def _known(action: str, builtin: bool, found: tuple[Any, ...]) -> bool:
    """Whether every key is known, as fast as possible: every event is checked."""
    *given, as_object, products = found
    for shapes, value in zip(SHAPES.values(), given, strict=True):
        if value and not _fits(value, _keys(shapes)):
            return False
    if as_object and builtin and not _fits(as_object, _keys(object_shape(action))):
        return False
    return not products or all(
        value is None or _fits(value, _keys(SHAPES[name]))
        for item in products
        for name, value in zip(_OF_ITEM, _of_item(item), strict=True)
    )


def _fits(value: dict[str, Any], keys: _Keys) -> bool:
    if not keys.known.issuperset(value):
        return False
    for name, inner in keys.nested:
        if name in value:
            found = value[name]
            if is_object(found):
                if not _fits(found, inner):
                    return False
            elif is_array(found):
                for entry in found:
                    if is_object(entry) and not _fits(entry, inner):
                        return False
    return True


def _unknown(place: str, value: Any, keys: _Keys) -> Iterator[Unknown]:
    if is_array(value):
        for at, entry in enumerate(value):
            yield from _unknown(f"{place}[{at}]", entry, keys)
    if is_object(value):
        for key in value:
            if key not in keys.known:
                yield Unknown(place, key, next(iter(get_close_matches(key, sorted(keys.known), n=1)), None))
        for name, inner in keys.nested:
            yield from _unknown(f"{place}.{name}", value.get(name), inner)


def _report(unknown: Unknown, *, strict: bool) -> None:
    """Warn of it once; with `strict` refuse it."""
    if strict:
        hint = f"; did you mean {unknown.nearest!r}?" if unknown.nearest else ""
        raise InvalidParameter(
            f"{unknown.place}.{shown(unknown.key)}", f"no such key is known, and the client is strict{hint}"
        )
    kind = (unknown.place.rpartition("]")[2], unknown.key)
    if kind in _warned or len(_warned) >= _MOST_WARNINGS:
        return
    _warned.add(kind)
    end = "" if unknown.nearest else "."
    warnings.warn(f"{unknown}{end} It is sent all the same.", UnknownParameterWarning, stacklevel=_outside())


def forget_warnings() -> None:
    """Warn again of keys that were warned of."""
    _warned.clear()


def _outside() -> int:
    """The level of the nearest frame that is not of this package, as `_warn` counts."""
    frame, level = sys._getframe(1), 1  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_ROOT):
        frame, level = frame.f_back, level + 1
    return level


_compiled: dict[tuple[type[Any], ...], _Keys] = {}


def _keys(shapes: tuple[type[Any], ...]) -> _Keys:
    """The keys of `shapes`, read from them the first time."""
    found = _compiled.get(shapes)
    if found is None:
        found = _Keys()
        inner = shapes_by_key(shapes)
        found.known, found.nested = frozenset(inner), []
        _compiled[shapes] = found  # before what it holds: products hold variants, and variants their product
        found.nested = [(name, _keys(held)) for name, held in inner.items() if held]
    return found


def shapes_by_key(shapes: tuple[type[Any], ...]) -> dict[str, tuple[type[Any], ...]]:
    """Every key of `shapes`, with the TypedDicts that may stand behind it."""
    hints = [hint for shape in shapes for hint in get_type_hints(shape).items()]
    return {
        name: tuple(dict.fromkeys(held for key, hint in hints if key == name for held in _typed_dicts_in(hint)))
        for name, _ in hints
    }


def _typed_dicts_in(hint: Any) -> Iterator[type[Any]]:
    """The TypedDicts that a value of this type may hold at its top, or as the elements of a list."""
    if is_typeddict(hint):
        yield hint
    for part in get_args(hint):
        yield from _typed_dicts_in(part)
