"""Properties: the attributes that profiles can have, such as phone, company, birthday or one of your own."""

from typing import Literal, NotRequired, TypedDict, Unpack

from .._wire.codec import Answer, Moment
from ..errors import InvalidParameter
from ._verbs import Deletes, Lists, Retrieves

__all__ = ["NewProperty", "Properties", "Property", "PropertyChanges", "PropertyKind"]

PropertyKind = Literal["address", "email", "phone", "checkbox", "date", "number", "tags", "text", "url"]


class Property(Answer, frozen=True, kw_only=True):
    """A property. New ones are there on all profiles at once; `profile` is the only one that has it, if any.

    `kind` says what its values look like. `position` counts within the kind: phones, e-mails and
    mercadolibre are shown first. `unique` means that no two profiles have the same value.
    """

    id: str
    type: str = "property"
    created_at: Moment | None = None
    kind: str | None = None
    name: str | None = None
    position: int | None = None
    profile: str | None = None
    unique: bool | None = None


class NewProperty(TypedDict):
    """What `properties.create` takes. `profile` is an id, required for the kinds address, email and phone.

    `unique` is False unless given; birthdays, checkboxes, dates, genders, lists and tags ignore it.
    """

    kind: PropertyKind
    name: NotRequired[str | None]
    profile: NotRequired[str | None]
    unique: NotRequired[bool]


class PropertyChanges(TypedDict, total=False):
    """What `properties.update` takes; `position` None moves it to the bottom."""

    name: str
    position: int | None
    unique: bool


class Properties(Retrieves[Property], Lists[Property], Deletes):
    """``client.properties``. Values are set on profiles; deleting a property removes its value from every profile."""

    path, key, noun = "/v1/properties", "properties", "property"
    item = Property

    async def create(self, **fields: Unpack[NewProperty]) -> Property:
        """Define a property. A name that begins with a digit or holds braces is ValidationFailed."""
        body = self._checked(fields, NewProperty)
        if body["kind"] in ("address", "email", "phone") and not body.get("profile"):
            raise InvalidParameter("profile", f"required for the kind {body['kind']}")
        return await self._post(Property, body)

    async def update(self, id: str, /, **changes: Unpack[PropertyChanges]) -> Property:
        """Change what is passed of a property."""
        body = self._checked(changes, PropertyChanges)
        if body.get("position", 0) is None:
            body["position"] = ""  # the document's way to the bottom
        return await self._patch(Property, id, body)
