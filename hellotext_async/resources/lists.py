"""Lists: logical groups of profiles, reached by id or by name."""

from typing import TypedDict, Unpack

from .._wire.call import Call
from .._wire.params import id_segment, name_segment
from ._profile import Profile, ProfileList
from ._upsert import find_or_create, found
from ._verbs import ByName, Deletes, Lists, Retrieves

__all__ = ["ListChanges", "NewList", "ProfileList", "ProfileLists"]


class ListChanges(TypedDict, total=False):
    """What `lists.update` takes."""

    name: str


class NewList(TypedDict):
    """What `lists.create` takes."""

    name: str


class ProfileLists(ByName, Retrieves[ProfileList], Lists[ProfileList], Deletes):
    """``client.lists``. Every verb takes a list's id or its name."""

    path, key, noun = "/v1/lists", "lists", "list"
    item = ProfileList

    async def create(self, **fields: Unpack[NewList]) -> ProfileList:
        """Create a list."""
        return await self._post(ProfileList, self._checked(fields, NewList))

    async def ensure(self, name: str, /) -> ProfileList:
        """The list with this name, created if there is none; see `_upsert` for programs that do so at the same time."""

        name_segment(name, "name")

        async def find() -> ProfileList | None:
            there = await found(self.retrieve(name))  # by id too: what has another name is not it
            return there if there is not None and there.name == name else None

        return (await find_or_create(find, lambda: self.create(name=name), self.delete))[0]

    async def update(self, id_or_name: str, /, **changes: Unpack[ListChanges]) -> ProfileList:
        """Rename a list. By its id if you can: a repeat after a lost answer does not find the old name any more."""
        return await self._patch(ProfileList, id_or_name, self._checked(changes, ListChanges))

    async def add_profile(self, id_or_name: str, profile: str, /) -> Profile:
        """Put a profile on a list, unless it is there already; answers the profile."""
        return await self._membership("POST", id_or_name, profile)

    async def remove_profile(self, id_or_name: str, profile: str, /) -> Profile:
        """Take a profile off a list, if it is there; answers the profile."""
        return await self._membership("DELETE", id_or_name, profile)

    async def _membership(self, method: str, id_or_name: str, profile: str) -> Profile:
        path = self._at(id_or_name, "profiles", id_segment(profile, "profile"))
        return await self._sends.send(Call(method, path, Profile, "idempotent"))
