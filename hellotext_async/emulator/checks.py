"""What the fields of the uniform families may hold: each check returns the value to store, or refuses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .draft import valid_name
from .forms import is_array, is_object
from .refusal import refuse
from .values import CREATABLE, finite, is_empty, truth

if TYPE_CHECKING:
    from .store import Store

__all__ = [
    "Check",
    "anything",
    "kind",
    "money",
    "objects",
    "one_of",
    "owner",
    "position",
    "property_name",
    "short",
    "text",
    "url",
    "yes_or_no",
]

Check = Callable[["Store", str, Any], Any]


def _check(allowed: Callable[[Any], bool]) -> Check:
    def check(_: Store, name: str, value: Any) -> Any:
        if not allowed(value):
            raise refuse("invalid", name)
        return value

    return check


def _is_text(value: Any) -> bool:
    return value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool))


anything = _check(lambda _: True)
text = _check(_is_text)
short = _check(lambda value: value is None or (isinstance(value, str) and len(value) <= 140))
url = _check(lambda value: is_empty(value) or (isinstance(value, str) and re.match(r"https?://", value) is not None))


def one_of(*values: str) -> Check:
    """One of these texts."""
    return _check(lambda value: value in values)


kind = _check(lambda value: value in CREATABLE)
objects = _check(lambda value: is_array(value) and all(is_object(item) for item in value))


def money(_: Store, name: str, value: Any) -> Any:
    """An amount in major units, and a currency of three letters; or none."""
    if value is None:
        return None
    if not is_object(value) or not finite(value.get("amount")):
        raise refuse("invalid", name)
    currency = value.get("currency")
    if currency is not None and not (isinstance(currency, str) and re.fullmatch(r"[A-Za-z]{3}", currency)):
        raise refuse("invalid", name)
    return value


def yes_or_no(_: Store, name: str, value: Any) -> bool:
    """True or false."""
    return truth(value, name)


def property_name(_: Store, name: str, value: Any) -> str | None:
    """The name of a property, or none."""
    if is_empty(value):
        return None
    if isinstance(value, str) and valid_name(value):
        return value
    raise refuse("invalid", name)


def position(_: Store, name: str, value: Any) -> int | None:
    """A place; None, from an empty value, is the bottom."""
    if is_empty(value):
        return None
    if re.fullmatch(r"[0-9]{1,9}", str(value)):
        return int(value)
    raise refuse("invalid", name)


def owner(store: Store, name: str, value: Any) -> Any:
    """A profile. The document's own example gives the id of a property, so that passes too."""
    if is_empty(value):
        return None
    return value if store.properties.find(value) is not None else store.profiles.get(value, name)["id"]
