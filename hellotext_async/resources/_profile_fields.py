"""How a profile is written: the keywords of create and update, and the flat bracket keys that they become."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, TypeAlias, TypedDict, TypeVar

from .._wire.params import bracketed, plain
from .._wire.shapes import is_mapping, is_sequence
from ..errors import InvalidParameter
from ._profile import Address
from ._verbs import text

__all__ = ["NewProfile", "ProfileChanges", "body_of"]

# A mapping's keys are not covariant: each kind of mapping is spelled out.
T = TypeVar("T")
Named: TypeAlias = Mapping[str, T] | Mapping[None, T] | Mapping[str | None, T]
Texts: TypeAlias = Named[str | None]
Addresses: TypeAlias = Named[Address | str | None]


class ProfileChanges(TypedDict, total=False):
    """What `profiles.update` takes. What is not passed stays, None removes.

    `email`, `phone`
        Text is the default one; a mapping is name or id to text, with None as the default's key. A
        name that the profile does not have yet is added to it; without its default one, the next
        becomes the default. A phone is in e164 form, or local and then taken to be of the
        business's country.
    `address`
        An `Address`, or text that the API takes apart (its ``suggest``), is the default one; a
        mapping is name or id to those. An empty `Address` removes as None does.
    `properties`, `properties_by_id`
        Values by the property's name, or its kind if it has no name (``{"gender": "male"}``); by
        its id. A `Day` or a date is a day of the calendar, a list of text is tags.
    `lists`
        The ids or names of all lists it is on from then on; an empty list (or None) takes it off all.
    `session`, `reference`
        Its visitor's session, and its id in your own system. The document has neither: the vendor's
        own clients send them.
    """

    first_name: str | None
    last_name: str | None
    email: str | Texts | None
    phone: str | Texts | None
    address: Address | str | Addresses | None
    properties: Mapping[str, Any]
    properties_by_id: Mapping[str, Any]
    lists: list[str] | tuple[str, ...] | None
    session: str | None
    reference: str | int | None


class NewProfile(ProfileChanges, total=False):
    """What `profiles.create` takes, none of it required: the keywords of `ProfileChanges`."""


def body_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` as the flat bracket keys that the API takes."""
    body: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _FORMS:
            raise InvalidParameter(name, "a profile has no such parameter; values by kind or name go in properties={…}")
        body |= _FORMS[name](name, value)
    return body


def _text(name: str, value: Any) -> dict[str, Any]:
    return {name: "" if value is None else text(name, value)}


def _reference(name: str, value: Any) -> dict[str, Any]:
    return {name: plain(value, name)} if type(value) is int else _text(name, value)


def _texts(name: str, value: Any) -> dict[str, Any]:
    for entry in value.values() if is_mapping(value) else (value,):
        if entry is not None:
            text(name, entry)
    return bracketed(name, value)


def _addresses(name: str, value: Any) -> dict[str, Any]:
    if not is_mapping(value):
        return _address(name, value)
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        flat |= _address(name, entry) if key is None else bracketed(name, {key: _is_address(name, entry)})
    return flat


def _address(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value:
        return {f"{name}[suggest]": text(name, value)}
    return bracketed(name, _is_address(name, value))


def _is_address(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, Address)):
        return value
    raise InvalidParameter(name, "expected an Address, text, None, or a mapping of names to those")


def _contents(base: str) -> Callable[[str, Any], dict[str, Any]]:
    def form(name: str, value: Any) -> dict[str, Any]:
        if not is_mapping(value) or None in value:
            raise InvalidParameter(name, "expected a mapping of names, kinds or ids of properties to values")
        return bracketed(name, {key: _content(entry) for key, entry in value.items()}, inner=base)

    return form


def _content(value: Any) -> Any:
    """A date as the API writes it."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return {"day": value.day, "month": value.month, "year": value.year}
    return value


def _lists(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {name: []}
    if not is_sequence(value):
        raise InvalidParameter(name, "expected a list of ids or names")
    return {name: [text(f"{name}[{at}]", entry) for at, entry in enumerate(value)]}


_FORMS: Final[dict[str, Callable[[str, Any], dict[str, Any]]]] = {
    **dict.fromkeys(("first_name", "last_name", "session"), _text),
    **dict.fromkeys(("email", "phone"), _texts),
    "address": _addresses,
    "properties": _contents("property"),
    "properties_by_id": _contents("property_by_id"),
    "lists": _lists,
    "reference": _reference,
}
