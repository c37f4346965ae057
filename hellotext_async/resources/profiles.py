"""Profiles: the customers of a business, each one's characteristics and history in one object."""

from typing import Final, Literal, Unpack, get_args

from .._wire.pages import paging
from ..errors import InvalidParameter, ValidationFailed
from ._consent import Consent
from ._listing import Listing
from ._profile import Created, Profile, Updated
from ._profile_fields import NewProfile, ProfileChanges, body_of
from ._upsert import contacts_of, has_contact, is_taken
from ._verbs import Deletes, Pages, Retrieves

__all__ = ["ProfileSort", "Profiles"]

ProfileSort = Literal["activity", "alphabetically", "created_at"]
_SORTS: Final = get_args(ProfileSort)


class Profiles(Consent, Retrieves[Profile], Pages[Profile], Deletes):
    """``client.profiles``

    `delete` clears a profile: its properties go, its conversations stay, and subscribing it again
    restores it (the API's document).
    """

    path, key, noun = "/v1/profiles", "profiles", "profile"
    item = Profile

    async def create(self, **fields: Unpack[NewProfile]) -> Created:
        """Create a profile.

        If one has the same phone or e-mail already, that one may be updated and its id answered,
        and some values appear a little later (the vendor's later guides).
        """
        return await self._post(Created, body_of(fields))

    async def upsert(self, **fields: Unpack[NewProfile]) -> Created:
        """Update the profile that has this `phone` or `email`, or create it; one of the two is required.

        The API matches them itself, so a lost answer is no reason not to ask again. Where it refuses
        a contact as taken, the profile that has it is searched for, through all pages, and updated.
        """
        contacts = contacts_of(fields)
        if not contacts:
            raise InvalidParameter("phone", "upsert needs a phone or an email")
        body = body_of(fields)
        try:
            return await self._post(Created, body, idempotency="idempotent")
        except ValidationFailed as refused:
            if not is_taken(refused):
                raise
            holder = await anext((each async for each in self.list() if has_contact(each, contacts)), None)
            if holder is None:
                raise
        return Created(id=(await self._patch(Updated, holder.id, body)).id)

    async def update(self, id: str, /, **changes: Unpack[ProfileChanges]) -> Updated:
        """Change what is passed of a profile; None removes."""
        return await self._patch(Updated, id, body_of(changes))

    def list(
        self,
        *,
        sort: ProfileSort | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Listing[Profile]:
        """All profiles, at most `limit` a page (the API's default is 25), those with the latest activity first.

        `sort` is ``activity``, ``alphabetically`` (last name, then first name) or ``created_at``;
        the API's document lost the name of this parameter, and ``sort`` is what is sent.
        `starting_after` and `ending_before` are ids, exclusive. Await it for a page, iterate it for all.
        """
        if sort is not None and sort not in _SORTS:
            raise InvalidParameter("sort", f"expected one of: {', '.join(_SORTS)}")
        query = paging(limit=limit, starting_after=starting_after, ending_before=ending_before)
        return self._listing({**query, "sort": sort})
