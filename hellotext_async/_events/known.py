"""Events whose parameters have known keys only, judged in one step: what most programs track.

Rules. The structs are made from the TypedDicts of `parameters`, as `known_keys` reads them. Nothing
is refused here: what does not fit is judged by `fields.read` and by `known_keys`, which say what is wrong.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Union, cast

import msgspec
from msgspec import UNSET, UnsetType

from .fields import PLAIN, Body, Item, Level1, Scalar
from .known_keys import SHAPES, shapes_by_key

__all__ = ["KNOWN", "given"]

_DEPTH: Final = 3
"""Of an order's parameters: lines, their products, and their prices. What is deeper is judged elsewhere."""

_structs: dict[tuple[tuple[type[Any], ...], int], type[msgspec.Struct]] = {}


def _struct(shapes: tuple[type[Any], ...], depth: int) -> type[msgspec.Struct]:
    """The keys of `shapes` as a struct; where one holds objects with known keys, so do its fields."""
    made = _structs.get((shapes, depth))
    if made is None:
        fields = [(key, Union[_value(held, depth), UnsetType], UNSET) for key, held in shapes_by_key(shapes).items()]  # noqa: UP007
        made = msgspec.defstruct("Parameters", fields, forbid_unknown_fields=True, gc=False)
        _structs[shapes, depth] = made
    return made


def _value(held: tuple[type[Any], ...], depth: int) -> Any:
    if not held:
        return Level1
    if not depth:
        return Scalar
    struct: Any = _struct(held, depth - 1)
    return Union[Scalar, struct, list[Union[Scalar, struct]]]  # noqa: UP007


def _of(kind: type[msgspec.Struct], name: str, replaced: dict[str, Any]) -> type[msgspec.Struct]:
    """`kind` with other types for some fields, every one of which may be absent."""
    fields = [
        (field.name, Union[replaced[field.name], None] if field.name in replaced else field.type, field.default)  # noqa: UP007
        for field in msgspec.structs.fields(kind)
    ]
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True, omit_defaults=True, gc=False)


_parameters: dict[str, Any] = {name: _struct(shapes, _DEPTH) for name, shapes in SHAPES.items()}
_item: Any = _of(
    Item[dict[str, Level1]], "Item", {name: of for name, of in _parameters.items() if name.startswith("product")}
)
# The keys of `object_parameters` depend on the action: an event with them does not fit.
_items: Any = Annotated[list[_item], msgspec.Meta(min_length=1)]
_known = _of(PLAIN, "KnownEvent", {**_parameters, "products": _items, "object_parameters": None})

KNOWN: Final = cast("type[Body]", _known)
"""What an event is converted to if every key of its parameters is known. Its parameters are structs."""
msgspec.convert({}, KNOWN)  # now, for the same reason as in `fields`


def given(parameters: object, key: str) -> object:
    """The value of a key of parameters, be they a mapping or a struct; None if there is none."""
    if isinstance(parameters, dict):
        return cast("dict[str, object]", parameters).get(key)
    value = getattr(parameters, key, None)
    return None if value is UNSET else value
