"""Objects: structures of your own (an appointment, a ticket), whose instances events are about.

The API's document does not have them. Source: the vendor's guide on objects. Instances are made by
events (`object_parameters` with `object_type`), and no public source gives a route for them.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict, Unpack

import msgspec

from .._wire.codec import Answer, Moment, Record
from ._verbs import Deletes, Lists, Retrieves

__all__ = ["NewObject", "NewObjectProperty", "ObjectChanges", "ObjectProperty", "ObjectStructure", "Objects"]


class ObjectProperty(Record, frozen=True, kw_only=True):
    """What instances of a structure can hold: a `kind` of value under a `name`."""

    id: str | None = None
    kind: str | None = None
    name: str | None = None
    required: bool | None = None
    unique: bool | None = None


class ObjectStructure(Answer, frozen=True, kw_only=True):
    """A structure: its `name` is an event's `object_type`, its `title` what people read."""

    id: str
    type: str = "object"
    created_at: Moment | None = None
    name: str | None = None
    title: str | None = None
    properties: list[ObjectProperty] = msgspec.field(default_factory=list[ObjectProperty])


class NewObjectProperty(TypedDict):
    """One property of a structure; with the `id` of one that is there, that one. `unique` and `required`: False unless
    given.
    """

    kind: str
    name: str
    required: NotRequired[bool]
    unique: NotRequired[bool]
    id: NotRequired[str]


class ObjectChanges(TypedDict, total=False):
    """What `objects.update` takes; the `name` does not change."""

    title: str
    properties: Sequence[NewObjectProperty]


class NewObject(TypedDict):
    """What `objects.create` takes; the `name` is in the singular."""

    name: str
    title: str
    properties: NotRequired[Sequence[NewObjectProperty]]


class Objects(Retrieves[ObjectStructure], Lists[ObjectStructure], Deletes):
    """``client.objects``. Deleting a structure deletes its instances, for ever."""

    path, key, noun = "/v1/objects", "objects", "object"
    item = ObjectStructure

    async def create(self, **fields: Unpack[NewObject]) -> ObjectStructure:
        """Create a structure. A name in use is ValidationFailed."""
        return await self._post(ObjectStructure, self._checked(fields, NewObject))

    async def update(self, id: str, /, **changes: Unpack[ObjectChanges]) -> ObjectStructure:
        """Change the title or the properties of a structure."""
        return await self._patch(ObjectStructure, id, self._checked(changes, ObjectChanges))
