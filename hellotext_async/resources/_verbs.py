"""What is uniform over the families: retrieve, list, delete, and the checks before a create or update.

A family gives its place (`path`, the collection's `key`, its `noun`) and its `item` as class
attributes, inherits the verbs it has, and writes out `create` and `update`, whose keywords are
its own. Verbs raise InvalidParameter when awaited, `list` at the call.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Generic,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec

from .._events.known_keys import check_inside
from .._wire.call import Call, Idempotency
from .._wire.codec import Answer
from .._wire.kinds import convert
from .._wire.pages import page_of, paging
from .._wire.params import id_segment, name_segment, plain, reject_unknown
from ..errors import InvalidParameter
from ._listing import Listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._wire.call import Sends

__all__ = ["ByName", "Deleted", "Deletes", "Family", "Lists", "Pages", "Retrieves", "checked", "text"]

E = TypeVar("E", bound=Answer)

_ANY_OF: Final[Any] = Union  # types are made of types here, which checkers do not follow
_LIST_OF: Final[Any] = Sequence


class Deleted(Answer, frozen=True, kw_only=True):
    """The answer to a delete: the `id`, its `type` and `deleted`."""

    id: str
    type: str | None = None
    deleted: bool = True


class Family:
    """A part of the API below one path."""

    path: ClassVar[str]
    key: ClassVar[str] = ""
    noun: ClassVar[str] = ""

    def __init__(self, sends: Sends, *, strict: bool = False) -> None:
        self._sends = sends
        self._strict = strict

    def _checked(self, given: Mapping[str, Any], shape: type[Any]) -> dict[str, Any]:
        """`checked`; with `strict` an unknown key inside a field is refused too."""
        return checked(given, shape, strict=self._strict)

    @staticmethod
    def _segment(id: str) -> str:
        """How an id stands in the path."""
        return id_segment(id)

    def _at(self, id: str, *more: str) -> str:
        return "/".join((self.path, self._segment(id), *more))

    async def _post(
        self, returns: type[E], body: Mapping[str, object], *, idempotency: Idempotency = "non_idempotent"
    ) -> E:
        return await self._sends.send(Call("POST", self.path, returns, idempotency, body=body))

    async def _patch(self, returns: type[E], id: str, body: Mapping[str, object]) -> E:
        return await self._sends.send(Call("PATCH", self._at(id), returns, "idempotent", body=body))


class ByName(Family):
    """Families whose objects go by a name (a reference, a SKU) as well as by their id."""

    @staticmethod
    def _segment(id: str) -> str:
        return name_segment(id)


class Retrieves(Family, Generic[E]):
    """Families with one object behind each id."""

    item: type[E]

    async def retrieve(self, id: str, /) -> E:
        """The object behind `id`; NotFound if there is none."""
        return await self._sends.send(Call("GET", self._at(id), self.item, "safe"))


class Deletes(Family):
    """Families whose objects can be deleted."""

    async def delete(self, id: str, /) -> Deleted:
        """Delete the object behind `id`. A repeat that finds it gone counts as done; NotFound on the first try."""
        gone = Deleted(id=id, type=self.noun)
        return await self._sends.send(Call("DELETE", self._at(id), Deleted, "idempotent", if_missing=gone))


class Pages(Family, Generic[E]):
    """Families with a collection that is paged; those without a sort have `Lists`."""

    item: type[E]

    def _listing(self, query: Mapping[str, str | int | None]) -> Listing[E]:
        return Listing(self._sends, Call("GET", self.path, page_of(self.item, self.key), "safe", query=query))


class Lists(Pages[E]):
    """Families with a plain collection."""

    def list(
        self, *, limit: int | None = None, starting_after: str | None = None, ending_before: str | None = None
    ) -> Listing[E]:
        """The collection, newest first: at most `limit` a page (the API's default is 25).

        `starting_after` and `ending_before` are ids, exclusive. Await it for a page, iterate it for all.
        """
        return self._listing(paging(limit=limit, starting_after=starting_after, ending_before=ending_before))


def text(name: str, value: object) -> str:
    """`value` if it is text."""
    if isinstance(value, str):
        return str(plain(value, name))
    raise InvalidParameter(name, "expected text")


def checked(given: Mapping[str, Any], shape: type[Any], *, strict: bool = False) -> dict[str, Any]:
    """`given` if it fits the TypedDict `shape`; InvalidParameter for a key unknown, missing or mistyped.

    An unknown key further inside warns once, with `strict` it is refused.
    """
    fields = _fields_of(shape)
    reject_unknown(given, frozenset(fields), "this call")
    for name in sorted(shape.__required_keys__):
        if name not in given:
            raise InvalidParameter(name, "required")
    body = {name: _fitting(name, plain(value, name), fields[name]) for name, value in given.items()}
    for name, value in body.items():
        if isinstance(value, (dict, list)):
            check_inside(name, value, shape, strict=strict)
    return body


def _fitting(name: str, value: Any, kind: Any) -> Any:
    try:
        return convert(value, kind)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        inner = place.strip("`").removeprefix("$")
    except UnicodeEncodeError:
        raise InvalidParameter(name, "expected text that UTF-8 can carry") from None
    if problem.startswith("Invalid enum value"):
        problem = f"expected one of: {', '.join(get_args(kind))}"
    raise InvalidParameter(f"{name}{inner}", problem[:1].lower() + problem[1:])


_kinds: dict[type[Any], dict[str, Any]] = {}


def _fields_of(shape: type[Any]) -> dict[str, Any]:
    found = _kinds.get(shape)
    if found is None:
        found = _kinds[shape] = {name: _flat(hint) for name, hint in get_type_hints(shape).items()}
    return found


def _flat(hint: Any) -> Any:
    """`hint` with any object of JSON for what is described by keys: msgspec takes no union of two such types."""
    if is_typeddict(hint) or (inspect.isclass(hint) and issubclass(hint, msgspec.Struct)):
        return dict[str, Any]
    origin: Any = get_origin(hint)
    parts = get_args(hint)
    if origin in (Union, UnionType):
        return _ANY_OF[tuple(dict.fromkeys(_flat(part) for part in parts))]
    if origin is Sequence:
        return _LIST_OF[_flat(parts[0])]
    return hint
