"""Profiles: the customers of a business."""

from typing import Final, Literal, Unpack, get_args

from .._wire.call import Call
from .._wire.codec import Answer
from .._wire.pages import paging
from ..errors import InvalidParameter
from ._listing import Listing
from ._profile import Profile, ProfileFields, body_of
from ._verbs import Deletes, Pages, Retrieves

ProfileSort = Literal["activity", "alphabetically", "created_at"]
_SORTS: Final[tuple[str, ...]] = get_args(ProfileSort)


class Created(Answer, frozen=True, kw_only=True):
    """The answer to a create: the new `id` and no more."""

    id: str


class Updated(Answer, frozen=True, kw_only=True):
    """The answer to an update."""

    id: str
    updated: bool = True


class Verified(Answer, frozen=True, kw_only=True):
    """The answer to verify and unverify: whether it is `verified` now."""

    verified: bool | None = None


class Profiles(Retrieves[Profile], Pages[Profile], Deletes):
    """``client.profiles``"""

    path, key, noun = "/v1/profiles", "profiles", "profile"
    item = Profile

    async def create(self, **fields: Unpack[ProfileFields]) -> Created:
        """Create a profile. One with the same phone or e-mail is updated instead, and its id answered
        (the vendor's later guides).
        """
        return await self._post(Created, body_of(fields))

    async def update(self, id: str, /, **changes: Unpack[ProfileFields]) -> Updated:
        """Change what is passed of a profile; None removes, and the next e-mail or phone becomes the default."""
        return await self._patch(Updated, id, body_of(changes))

    def list(
        self,
        *,
        sort: ProfileSort | None = None,
        limit: int | None = None,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Listing[Profile]:
        """All profiles, those with the latest activity first.

        `sort` may be ``alphabetically`` (last name, first name) or ``created_at``. The document
        lost the name of this parameter; ``sort`` is what is sent.
        """
        if sort is not None and sort not in _SORTS:
            raise InvalidParameter("sort", f"expected one of: {', '.join(_SORTS)}")
        query = paging(limit=limit, starting_after=starting_after, ending_before=ending_before)
        return self._listing({**query, "sort": sort})

    async def subscribe(self, id: str, /) -> Profile:
        """Mark a profile as subscribed to promotional messages; this also brings back a deleted (cleared) one."""
        return await self._sends.send(Call("POST", self._at(id, "subscribe"), Profile, "repeatable"))

    async def unsubscribe(self, id: str, /) -> Profile:
        """Mark a profile as not wanting promotional messages."""
        return await self._sends.send(Call("POST", self._at(id, "unsubscribe"), Profile, "repeatable"))

    async def verify(self, id: str, /, *, phone: str | None = None, email: str | None = None) -> Verified:
        """Say that a phone or an e-mail of the profile is the customer's own."""
        return await self._verification("POST", id, phone, email)

    async def unverify(self, id: str, /, *, phone: str | None = None, email: str | None = None) -> Verified:
        """Take that back."""
        return await self._verification("DELETE", id, phone, email)

    async def _verification(self, method: str, id: str, phone: str | None, email: str | None) -> Verified:
        if (phone is None) == (email is None):
            raise InvalidParameter("phone", "expected either phone or email")
        body = {"phone": phone} if email is None else {"email": email}
        return await self._sends.send(Call(method, self._at(id, "verify"), Verified, "repeatable", body=body))
