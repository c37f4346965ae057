"""Lists: logical groups of profiles, reached by id or by name."""

from datetime import datetime
from typing import TypedDict, Unpack

from .._wire.call import Call
from .._wire.codec import Answer
from .._wire.params import id_segment, name_segment
from ._profile import Profile
from ._verbs import Deletes, Lists, Retrieves, checked


class ProfileList(Answer, frozen=True, kw_only=True):
    """A list of profiles."""

    id: str
    type: str = "list"
    name: str | None = None
    created_at: datetime | None = None


class NewList(TypedDict):
    """What `lists.create` takes."""

    name: str


class ListChanges(TypedDict, total=False):
    """What `lists.update` takes."""

    name: str


class ProfileLists(Retrieves[ProfileList], Lists[ProfileList], Deletes):
    """``client.lists``. Every verb takes a list's id or its name."""

    path, key, noun = "/v1/lists", "lists", "list"
    item = ProfileList

    @staticmethod
    def _segment(id: str) -> str:
        return name_segment(id)

    async def create(self, **fields: Unpack[NewList]) -> ProfileList:
        """Create a list."""
        return await self._post(ProfileList, checked(fields, NewList))

    async def update(self, id_or_name: str, /, **changes: Unpack[ListChanges]) -> ProfileList:
        """Rename a list."""
        return await self._patch(ProfileList, id_or_name, checked(changes, ListChanges))

    async def add_profile(self, id_or_name: str, profile: str, /) -> Profile:
        """Put a profile on a list, if it is not there already; answers the profile."""
        return await self._membership("POST", id_or_name, profile)

    async def remove_profile(self, id_or_name: str, profile: str, /) -> Profile:
        """Take a profile off a list, if it is there; answers the profile."""
        return await self._membership("DELETE", id_or_name, profile)

    async def _membership(self, method: str, id_or_name: str, profile: str) -> Profile:
        path = self._at(id_or_name, "profiles", id_segment(profile, "profile"))
        return await self._sends.send(Call(method, path, Profile, "repeatable"))
