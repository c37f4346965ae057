"""What a profile is: the customer, the values of its properties, and the forms in which they are given."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypedDict

import msgspec

from .._wire.codec import Answer
from .._wire.params import bracketed, known, plain
from ..errors import InvalidParameter


class Street(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A street and a house number."""

    name: str | None = None
    number: str | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """An address. `latitude` and `longitude` are text in scientific notation (``-0.349044168e2``)."""

    city: str | None = None
    country: str | None = None
    latitude: str | None = None
    longitude: str | None = None
    notes: str | None = None
    postal_code: str | None = None
    region: str | None = None
    street: Street | None = None
    subregion: str | None = None

    def __repr__(self) -> str:
        """Where somebody lives is not shown."""
        return "Address(…)"


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A date as the API writes it: the value of kinds ``date`` and ``birthday``."""

    day: int
    month: int
    year: int | None = None

    def __repr__(self) -> str:
        return "Day(…)"


_KINDS: Final[dict[str, Any]] = {
    "address": Address, "birthday": Day, "checkbox": bool, "company": str, "date": Day, "email": str, "gender": str,
    "mercadolibre": str, "number": float, "phone": str, "tags": list[str], "text": str, "url": str,
}  # fmt: skip


class PropertyValue(Answer, frozen=True, kw_only=True):
    """One value of a profile: its `kind`, the property's `name` if it has one, and the value.

    `value` has the type of its kind: `Address`, `Day`, bool, float, a list of str, or str. Of an
    unknown kind, or where it does not fit, it is `raw_value`: the JSON as it came. `verified` is
    told of e-mails and phones.
    """

    id: str | None = None
    kind: str | None = None
    name: str | None = None
    raw_value: Any = msgspec.field(name="value", default=None)
    verified: bool | None = None

    @property
    def value(self) -> Any:
        """The value in the type of its kind."""
        shape = _KINDS.get(self.kind or "")
        if shape is None or self.raw_value is None:
            return self.raw_value
        try:
            return msgspec.convert(self.raw_value, shape)
        except msgspec.ValidationError:
            return self.raw_value

    def to_dict(self) -> dict[str, Any]:
        """As the API documents it."""
        return entry(super().to_dict())


def entry(built: dict[str, Any]) -> dict[str, Any]:
    """A value as the document shows it: `verified` only where it is told, addresses without a `name`."""
    absent = [key for key in ("verified",) if built.get(key) is None]
    if built.get("kind") == "address" and built.get("name") is None:
        absent.append("name")
    return {key: value for key, value in built.items() if key not in absent}


class ListOfProfile(Answer, frozen=True, kw_only=True):
    """A list that a profile is on."""

    id: str
    type: str = "list"
    name: str | None = None
    created_at: datetime | None = None


class Profile(Answer, frozen=True, kw_only=True):
    """A customer. `state` is ``unconfirmed``, ``subscribed`` or ``unsubscribed`` by the document."""

    id: str
    type: str = "profile"
    blocked: bool | None = None
    created_at: datetime | None = None
    emails: list[str] = []
    first_name: str | None = None
    last_name: str | None = None
    lists: list[ListOfProfile] = []
    phones: list[str] = []
    properties: list[PropertyValue] = []
    state: str | None = None
    verified_emails: list[str] = []
    verified_phones: list[str] = []

    def to_dict(self) -> dict[str, Any]:
        """As the API documents it."""
        built = super().to_dict()
        built["properties"] = [entry(value) for value in built["properties"]]
        return built


Values = Mapping[str | None, str | None]
Addresses = Mapping[str | None, Address | str | None]


class ProfileFields(TypedDict, total=False):
    """What a profile is created with and what of it can be changed; None removes.

    `email`, `phone`
        One value is the default one; a mapping is name (or id, on update) to value, None its default.
    `address`
        An `Address`; text that the API takes apart (its ``suggest``); or a mapping of names to those.
    `properties`, `properties_by_id`
        Values by the property's name (its kind if it has none), or by its id.
    `lists`
        The ids or names of the lists it is on from then on; an empty list takes it off all.
    `session`, `reference`
        The visitor's session, and the customer's id in your system (the vendor's own clients send them).
    """

    first_name: str | None
    last_name: str | None
    email: str | Values | None
    phone: str | Values | None
    address: Address | str | Addresses | None
    properties: Mapping[str, Any] | None
    properties_by_id: Mapping[str, Any] | None
    lists: list[str]
    session: str | None
    reference: str | int | None


_FIELDS: Final = frozenset(ProfileFields.__annotations__)


def body_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` as the flat bracket keys that the API takes."""
    known(given, _FIELDS, "a profile")
    body: dict[str, Any] = {}
    for name, value in given.items():
        body |= _FORMS.get(name, _scalar)(name, value)
    return body


def _scalar(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {name: ""}
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise InvalidParameter(name, "expected text")
    return {name: plain(value, name)}


def _texts(name: str, value: Any) -> dict[str, Any]:
    for entry in value.values() if isinstance(value, Mapping) else (value,):  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if entry is not None and not isinstance(entry, str):
            raise InvalidParameter(name, "expected text, None, or a mapping of names to those")
    return bracketed(name, value)


def _address(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        flat: dict[str, Any] = {}
        for key, entry in value.items():  # pyright: ignore[reportUnknownVariableType]
            flat |= _one_address(name, entry) if key is None else bracketed(name, {key: _checked(name, entry)})
        return flat
    return _one_address(name, value)


def _one_address(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value:
        return {f"{name}[suggest]": plain(value, name)}
    return {name: "" if value is None or value == "" else plain(_checked(name, value), name)}


def _checked(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, Address)):
        return value
    raise InvalidParameter(name, "expected an Address, text, None, or a mapping of names to those")


def _by(base: str) -> Any:
    def form(name: str, value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise InvalidParameter(name, "expected a mapping of properties to values")
        if None in value:
            raise InvalidParameter(name, "expected the name, kind or id of a property as a key")
        return bracketed(name, value, inner=base)

    return form


def _lists(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):  # pyright: ignore[reportUnknownVariableType]
        raise InvalidParameter(name, "expected a list of ids or names; an empty one takes it off all lists")
    return {name: list(value)}  # pyright: ignore[reportUnknownArgumentType]


_FORMS: Final[dict[str, Any]] = {
    "email": _texts,
    "phone": _texts,
    "address": _address,
    "properties": _by("property"),
    "properties_by_id": _by("property_by_id"),
    "lists": _lists,
}
