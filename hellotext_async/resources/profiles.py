"""Profiles: the customers of a business, each one's characteristics and history in one object."""

from typing import Final, Literal, Unpack, get_args

from .._wire.call import Call
from .._wire.codec import Answer
from .._wire.pages import paging
from ..errors import InvalidParameter
from ._listing import Listing
from ._profile import Profile
from ._profile_fields import NewProfile, ProfileChanges, body_of
from ._verbs import Deletes, Pages, Retrieves, text

__all__ = ["Created", "ProfileSort", "Profiles", "Updated", "Verified"]

ProfileSort = Literal["activity", "alphabetically", "created_at"]
_SORTS: Final = get_args(ProfileSort)


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


class Profiles(Retrieves[Profile], Pages[Profile], Deletes):
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

    async def subscribe(self, id: str, /) -> Profile:
        """Mark a profile as subscribed to promotional messages; this restores a deleted (cleared) one too."""
        return await self._sends.send(Call("POST", self._at(id, "subscribe"), Profile, "idempotent"))

    async def unsubscribe(self, id: str, /) -> Profile:
        """Mark a profile as not wanting promotional messages any more."""
        return await self._sends.send(Call("POST", self._at(id, "unsubscribe"), Profile, "idempotent"))

    async def verify(self, id: str, /, *, phone: str | None = None, email: str | None = None) -> Verified:
        """Say that a phone (e164) or an e-mail of the profile is the customer's own; exactly one of the two."""
        return await self._verification("POST", id, phone, email)

    async def unverify(self, id: str, /, *, phone: str | None = None, email: str | None = None) -> Verified:
        """Take back what `verify` said; `verified` is False then."""
        return await self._verification("DELETE", id, phone, email)

    async def _verification(self, method: str, id: str, phone: str | None, email: str | None) -> Verified:
        if (phone is None) == (email is None):
            raise InvalidParameter("phone", "expected either phone or email")
        body = {"email": text("email", email)} if phone is None else {"phone": text("phone", phone)}
        return await self._sends.send(Call(method, self._at(id, "verify"), Verified, "idempotent", body=body))
