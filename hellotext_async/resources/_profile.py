"""What a profile is: the customer, the values of its properties, and the lists it is on."""

import math
from typing import Any, Final, TypeAlias

import msgspec

from .._wire.codec import Answer, Moment, Record
from .._wire.coerce import CoercionError, coerce
from .._wire.kinds import convert

__all__ = [
    "Address",
    "Content",
    "Created",
    "Day",
    "Profile",
    "ProfileList",
    "PropertyValue",
    "Street",
    "Updated",
    "Verified",
]


class Street(Record, frozen=True, kw_only=True):
    """A street and the number in it."""

    name: str | None = None
    number: str | None = None


class Address(Record, frozen=True, kw_only=True):
    """An address: the value of the kind ``address``, and how one is given to a profile.

    `country` is a two-letter code in the document's example. `latitude` and `longitude` are
    degrees as text in scientific notation (``-0.349044168e2``), kept as they came.
    """

    city: str | None = None
    country: str | None = None
    latitude: str | None = None
    longitude: str | None = None
    notes: str | None = None
    postal_code: str | None = None
    region: str | None = None
    street: Street | None = None
    subregion: str | None = None

    @property
    def latitude_degrees(self) -> float | None:
        """The latitude as a number; None if there is none."""
        return _degrees(self.latitude)

    @property
    def longitude_degrees(self) -> float | None:
        """The longitude as a number; None if there is none."""
        return _degrees(self.longitude)


def _degrees(text: str | None) -> float | None:
    try:
        found = float(text or "nan")
    except ValueError:
        return None
    return found if math.isfinite(found) else None


class Day(Record, frozen=True, kw_only=True):
    """A day of the calendar as the API writes it: the value of the kinds ``date`` and ``birthday``."""

    day: int
    month: int
    year: int | None = None


Content: TypeAlias = Address | Day | bool | float | str | list[Any] | dict[str, Any] | None
"""The value of a property: by its kind, else as it came."""

_KINDS: Final[dict[str | None, Any]] = {
    "address": Address, "birthday": Day, "checkbox": bool, "company": str, "date": Day, "email": str, "gender": str,
    "mercadolibre": str, "number": float, "phone": str, "tags": list[str], "text": str, "url": str,
}  # fmt: skip


class PropertyValue(Record, frozen=True, kw_only=True):
    """One value of a profile: its `kind`, and the property's `name` if it has one.

    `raw_value` is the value as it came. `verified` is known for e-mails and phones only.
    """

    id: str | None = None
    kind: str | None = None
    name: str | None = None
    raw_value: Any = msgspec.field(name="value", default=None)
    verified: bool | None = None

    @property
    def value(self) -> Content:
        """The value in the type of its kind.

        An `Address` (address; what of it does not fit is None), a `Day` (birthday, date), a bool
        (checkbox), a float (number), a list of text (tags), else text. It is `raw_value` when the
        kind is unknown or the value does not fit it.
        """
        kind = _KINDS.get(self.kind)
        content: Content = self.raw_value
        if kind is None or content is None:
            return content
        try:
            return coerce(content, kind) if kind is Address else convert(content, kind, strict=False)
        except (CoercionError, msgspec.ValidationError, RecursionError):
            return content

    def to_dict(self) -> dict[str, Any]:
        """As the document shows it: `verified` only where it is known, addresses without a `name`."""
        built = super().to_dict()
        for key in ("verified", "name") if self.kind == "address" else ("verified",):
            if built[key] is None:
                del built[key]
        return built


class ProfileList(Answer, frozen=True, kw_only=True):
    """A list: a logical group of profiles."""

    id: str
    type: str = "list"
    name: str | None = None
    created_at: Moment | None = None


class Profile(Answer, frozen=True, kw_only=True):
    """A customer, with everything the business knows of them.

    `state` says whether they receive promotional messages: ``unconfirmed`` at first,
    ``subscribed`` or ``unsubscribed``. `phones` are in e164 form (``+59898000001``); the verified
    ones, and the verified e-mails, are known to be the customer's own.
    """

    id: str
    type: str = "profile"
    blocked: bool | None = None
    created_at: Moment | None = None
    emails: list[str] = msgspec.field(default_factory=list[str])
    first_name: str | None = None
    last_name: str | None = None
    lists: list[ProfileList] = msgspec.field(default_factory=list[ProfileList])
    phones: list[str] = msgspec.field(default_factory=list[str])
    properties: list[PropertyValue] = msgspec.field(default_factory=list[PropertyValue])
    state: str | None = None
    verified_emails: list[str] = msgspec.field(default_factory=list[str])
    verified_phones: list[str] = msgspec.field(default_factory=list[str])


class Created(Answer, frozen=True, kw_only=True):
    """The answer to a create: the `id` and no more."""

    id: str


class Updated(Answer, frozen=True, kw_only=True):
    """The answer to an update: the `id`, and `updated`."""

    id: str
    updated: bool = True


class Verified(Answer, frozen=True, kw_only=True):
    """The answer to verify and unverify: whether it is `verified` now."""

    verified: bool | None = None
