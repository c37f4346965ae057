"""Properties: the attributes that profiles can have."""

from datetime import datetime
from typing import Literal, TypedDict, Unpack

from .._wire.codec import Answer
from ..errors import InvalidParameter
from ._verbs import Deletes, Lists, Retrieves, checked

PropertyKind = Literal["address", "email", "phone", "checkbox", "date", "number", "tags", "text", "url"]


class Property(Answer, frozen=True, kw_only=True):
    """A property. `position` counts within its kind; `profile` is the one it belongs to, if to one only."""

    id: str
    type: str = "property"
    created_at: datetime | None = None
    kind: str | None = None
    name: str | None = None
    position: int | None = None
    profile: str | None = None
    unique: bool | None = None


class _NewProperty(TypedDict):
    kind: PropertyKind


class NewProperty(_NewProperty, total=False):
    """What `properties.create` takes; `profile` is required for address, email and phone."""

    name: str | None
    profile: str | None
    unique: bool


class PropertyChanges(TypedDict, total=False):
    """What `properties.update` takes; `position` None moves it to the bottom."""

    name: str
    position: int | None
    unique: bool


class Properties(Retrieves[Property], Lists[Property], Deletes):
    """``client.properties``. Deleting a property removes it from every profile."""

    path, key, noun = "/v1/properties", "properties", "property"
    item = Property

    async def create(self, **fields: Unpack[NewProperty]) -> Property:
        """Create a property. A name may not begin with a digit or hold braces (ValidationFailed).

        `unique` says that no two profiles may have the same value; birthday, checkbox, date, gender,
        list and tags ignore it.
        """
        body = checked(fields, NewProperty)
        if body["kind"] in ("address", "email", "phone") and not body.get("profile"):
            raise InvalidParameter("profile", f"required for the kind {body['kind']}")
        return await self._post(Property, body)

    async def update(self, id: str, /, **changes: Unpack[PropertyChanges]) -> Property:
        """Change what is passed of a property."""
        body = checked(changes, PropertyChanges)
        return await self._patch(Property, id, {k: "" if v is None else v for k, v in body.items()})
