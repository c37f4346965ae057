"""Sessions: what an anonymous visitor does, and whose it turns out to be.

The API's document names sessions and gives no route. Source of `attach`: the vendor's guides on
custom stores; of `identify`: the vendor's JavaScript client.
"""

from .._wire.call import Sends
from .._wire.codec import Answer, Moment
from .._wire.params import id_segment
from ..errors import InvalidParameter, SessionConflict, ValidationFailed
from ._identification import Identified, deadline_of, identified, user_of
from ._verbs import Family, text

__all__ = ["Session", "Sessions"]


class Session(Answer, frozen=True, kw_only=True):
    """A visitor's session. `profile` is whose it is; newer servers may answer an internal number there."""

    id: str
    type: str = "session"
    profile: str | int | None = None
    profile_id: str | None = None
    created_at: Moment | None = None


class Sessions(Family):
    """``client.sessions``"""

    path = "/v1/sessions"

    def __init__(self, sends: Sends, business_id: str | None = None) -> None:
        super().__init__(sends)
        self._business_id = business_id

    async def attach(self, session: str, /, *, profile: str) -> Session:
        """Say whose session it is: what was tracked with it becomes the profile's.

        Raises SessionConflict if it is another profile's (the API may answer that with 200, and does
        not change it), NotFound if no event was tracked with the session yet.
        """
        body = {"profile": id_segment(profile, "profile")}
        try:
            answer = await self._patch(Session, id_segment(session, "session"), body)
        except ValidationFailed as refused:
            if any(error.parameter == "session" for error in refused.errors):
                raise SessionConflict(session, profile, None) from None
            raise
        owner = answer.profile_id if answer.profile is None else answer.profile
        if isinstance(owner, str) and owner != profile:
            raise SessionConflict(session, profile, owner)
        return answer

    async def identify(
        self,
        session: str,
        /,
        user_id: str | int,
        *,
        email: str | None = None,
        phone: str | None = None,
        name: str | None = None,
        source: str | None = None,
        deadline: float = 16,
    ) -> Identified:
        """Say which user of a platform the visitor is, and wait until the API has completed it.

        For platforms that the vendor supports (`source`); a store of your own uses `attach`. It
        needs the client's `business_id`. Raises ValidationFailed if the API refuses it, and
        OutcomeUnknown if it is not completed within `deadline` seconds.
        """
        if self._business_id is None:
            raise InvalidParameter("business_id", "identify needs Hellotext(business_id=…)")
        given = {"email": email, "phone": phone, "name": name, "source": source}
        body = {"session": id_segment(session, "session"), "user_id": user_of(user_id)}
        body |= {key: text(key, value) for key, value in given.items() if value is not None}
        async with deadline_of(deadline):
            return await identified(self._sends, self._business_id, session, body)
