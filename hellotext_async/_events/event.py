"""`Event`: one occurrence as a value, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack, final

from ..errors import InvalidParameter
from .actions import require_trackables
from .fields import EVENT_FIELDS, Body, EventFields, read
from .prepare import plain_fields

if TYPE_CHECKING:
    _Attributes = Body  # every field can be read as an attribute, with its type
else:
    _Attributes = object

__all__ = ["Event", "fields_of"]


class _Holder:
    __slots__ = ("_body",)

    _body: Body


@final
class Event(_Holder, _Attributes):
    """One occurrence: its `action` and its `fields`; immutable, and checked when made.

    >>> Event("order.placed", order="wx4Vn4no", profile="MzYwlE50", amount=89.9, currency="USD")
    Event('order.placed')

    Raises InvalidParameter, naming the field. Every field can be read as an attribute (None when
    absent). A repr shows the action only: the rest is a customer's data.
    """

    __slots__ = ()

    def __init__(self, /, action: str, **fields: Unpack[EventFields]) -> None:
        body = read(action, fields)
        require_trackables(body)
        object.__setattr__(self, "_body", body)

    @classmethod
    def of(cls, value: Event | Mapping[str, Any]) -> Event:
        """`value` if it is an Event, else the Event that a mapping with an ``action`` describes."""
        if isinstance(value, Event):
            return value
        fields = fields_of(value)
        return cls(fields.pop("action", ""), **fields)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The fields that were given, in plain values."""
        found = plain_fields(self._body)
        del found["action"]
        return MappingProxyType(found)

    def body(self) -> Body:
        """A copy of what it holds, for the encoder to change."""
        return copy(self._body)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "action" or name in EVENT_FIELDS:
                return getattr(self._body, name)
            raise AttributeError(name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("an Event does not change")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self._body == other._body

    def __hash__(self) -> int:
        return hash((self.action, self.event_id, self.profile))

    def __repr__(self) -> str:
        return f"Event({self.action!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.action, dict(self.fields))


def _rebuild(action: str, fields: dict[str, Any]) -> Event:
    return Event(action, **fields)


def fields_of(value: object) -> dict[str, Any]:
    """`value` as keywords if it is a mapping of an event."""
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    raise InvalidParameter("event", "expected an Event or a mapping")
