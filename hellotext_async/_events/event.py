"""`Event`: one occurrence as a value, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Unpack, final

from ..errors import InvalidParameter
from .actions import demand
from .fields import EventFields
from .prepare import prepare, validated

__all__ = ["Event"]


@final
class Event:
    """One occurrence: its `action` and its `fields`; immutable, and checked when made.

    >>> Event("order.placed", order="wx4Vn4no", profile="MzYwlE50", amount=89.9, currency="USD")
    Event('order.placed')

    Raises InvalidParameter, naming the field. Every field can be read as an attribute (None when
    absent). A repr shows the action only: the rest is a customer's data.
    """

    __slots__ = ("_fields", "action")

    action: str
    _fields: dict[str, Any]

    def __init__(self, action: str, **fields: Unpack[EventFields]) -> None:
        given = {name: _snapshot(value) for name, value in validated(action, fields).items()}
        demand(action, given)
        del given["action"]
        object.__setattr__(self, "action", action)
        object.__setattr__(self, "_fields", given)
        prepare(action, given)

    @classmethod
    def of(cls, value: Event | Mapping[str, Any]) -> Event:
        """`value` if it is an Event, else the Event that a mapping with an ``action`` describes."""
        return value if isinstance(value, Event) else cls(**fields_of(value))

    @property
    def fields(self) -> Mapping[str, Any]:
        """The fields that were given, in plain values."""
        return MappingProxyType(self._fields)

    def __getattr__(self, name: str) -> Any:
        if name in EventFields.__annotations__:
            return self._fields.get(name)
        raise AttributeError(name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("an Event does not change")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and (self.action, self._fields) == (other.action, other._fields)

    def __hash__(self) -> int:
        return hash((self.action, self._fields.get("event_id"), self._fields.get("profile")))

    def __repr__(self) -> str:
        return f"Event({self.action!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.action, self._fields)


def _snapshot(value: Any) -> Any:
    """A copy of what could be changed from outside."""
    if isinstance(value, dict):
        return {key: _snapshot(inner) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_snapshot(inner) for inner in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _rebuild(action: str, fields: dict[str, Any]) -> Event:
    return Event(action, **fields)


def fields_of(value: object) -> dict[str, Any]:
    """`value` as keywords if it is a mapping of an event."""
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    raise InvalidParameter("event", "expected an Event or a mapping")
